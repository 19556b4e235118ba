"""Decide by policy documents, as IAM and IoT do: an explicit Deny wins, then an Allow, else no.

Pure. It knows wildcards, policy variables, principals that are services, and the usual condition operators for
strings; a condition that it does not know never widens what is allowed. moto's own evaluation knows neither `?` nor
variables and does not compare resources for Secrets Manager.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WILD = re.compile(r"(\$\{[^}]*\}|\*|\?)")


def allows(
    documents: Iterable[str], action: str, resource: str, context: Mapping[str, str] | None = None, *, service: str = ""
) -> bool:
    """Tell whether the documents together allow an action.

    Args:
        documents: policies as JSON text.
        action: `service:Action`; compared without regard to case, as AWS does.
        resource: an ARN; not compared where a statement names no resource (a trust policy).
        context: values of policy variables and condition keys, such as `credentials-iot:ThingName`.
        service: for a trust policy: the service that asks, which must be among the statement's principals.
    """
    allowed = False
    for document in documents:
        for statement in _list(json.loads(document)["Statement"]):
            if not _applies(statement, action, resource, context or {}, service):
                continue
            if statement["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def _applies(statement: Any, action: str, resource: str, context: Mapping[str, str], service: str) -> bool:
    if "Action" in statement:
        concerned = any(_matches(pattern.lower(), action.lower(), context) for pattern in _list(statement["Action"]))
    else:
        concerned = not any(_matches(text.lower(), action.lower(), context) for text in _list(statement["NotAction"]))
    if not concerned:
        return False
    if service and not _trusts(statement.get("Principal"), service):
        return False
    if "NotResource" in statement:
        if any(_matches(pattern, resource, context) for pattern in _list(statement["NotResource"])):
            return False
    elif "Resource" in statement and not any(
        _matches(pattern, resource, context) for pattern in _list(statement["Resource"])
    ):
        return False
    return all(
        _condition(operator, keys, context, unknown=statement["Effect"] == "Deny")
        for operator, keys in statement.get("Condition", {}).items()
    )


def _trusts(principal: Any, service: str) -> bool:
    if isinstance(principal, dict):
        return service in _list(principal.get("Service", []))
    return bool(principal == "*")


def _condition(operator: str, keys: Mapping[str, Any], context: Mapping[str, str], *, unknown: bool) -> bool:
    for key, expected in keys.items():
        if key not in context:
            return False
        if operator in {"StringLike", "ArnLike", "ArnEquals"}:
            holds = any(_matches(text, context[key], context) for text in _list(expected))
        elif operator in {"StringEquals", "ForAnyValue:StringEquals"}:  # in the sandbox each key has one value
            holds = context[key] in _list(expected)
        else:
            holds = unknown
        if not holds:
            return False
    return True


def _matches(pattern: str, text: str, context: Mapping[str, str]) -> bool:
    """Compare with wildcards; a variable stands for its value literally, and one without a value matches nothing."""
    parts = []
    for part in _WILD.split(pattern):
        if part == "*":
            parts.append(".*")
        elif part == "?":
            parts.append(".")
        elif part.startswith("${"):
            value = context.get(part[2:-1])
            if value is None:
                return False
            parts.append(re.escape(value))
        else:
            parts.append(re.escape(part))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
