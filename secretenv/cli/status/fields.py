"""The fields of a status, which a run writes as JSON, and how such a text is checked before anyone relies on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from secretenv.supervisor.status import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Status = Mapping[str, Any]

_LARGEST = 1e12  # accepted as a number: more seconds than any clock shows, and still a date that can be written


class Field(NamedTuple):
    """One field.

    Attributes:
        kind: what it holds: a word of `_KINDS`; `list` or `object or null` where it has fields of its own.
        meaning: in a phrase, without a final stop.
        fields: those of the object, or of each object of the list.
    """

    kind: str
    meaning: str
    fields: Mapping[str, Field] = {}


FIELDS: dict[str, Field] = {
    "format": Field("integer", "version of this list of fields; another number means other fields"),
    "pid": Field("integer", "of secretenv; in a status file, as the run itself sees it: 1 in a container"),
    "pid_namespace": Field("integer", "inode of the PID namespace that this pid belongs to; 0 if not known"),
    "boot": Field("text", "`/proc/sys/kernel/random/boot_id` of the boot that the times belong to"),
    "written": Field("number", "when this was written"),
    "time": Field("number", "the same moment in seconds since the epoch"),
    "program": Field("text", "the first word of the command"),
    "phase": Field("text", "`waiting` for the first fetch, `running`, `stopping` the command, `cleaning` up after it"),
    "shutdown": Field("text", "the signal that began the shutdown, such as `TERM`; else empty"),
    "started": Field("number", "when secretenv started"),
    "since": Field("number", "when the phase began"),
    "restarts": Field("integer", "how often the command was started after the first start"),
    "interval": Field("number", "seconds between two looks at the secrets, `--interval`"),
    "looked_at": Field(
        "number or null",
        "end of the last look that succeeded, null before the first; with values of the cache, a look of an earlier "
        "run: negative if before this boot, null if not known",
    ),
    "next_look": Field("number or null", "when the next look begins; null during a look"),
    "trial_until": Field("number or null", "end of the trial of new versions; null outside a trial"),
    "secrets": Field(
        "list",
        "the secrets that the command gets",
        {
            "secret": Field("text", "name, ARN or `file://PATH`"),
            "version": Field(
                "text", "the version that the command runs with; empty before the first start, and for a file"
            ),
            "since": Field("number or null", "when the command was first started with it"),
            "source": Field("text", "`aws`, `file`, or `cache` until AWS confirms the values of the cache"),
            "newest": Field("text", "the version that was found last, if it is another one; else empty"),
        },
    ),
    "refused": Field(
        "list",
        "versions that the command or `--validate` refused",
        {
            "secret": Field("text", "name, ARN or `file://PATH`"),
            "version": Field("text", "the version that was refused"),
            "since": Field("number", "when it was refused"),
            "why": Field("text", "how the command, or the program of `--validate`, ended with it"),
        },
    ),
    "failing": Field(
        "object or null",
        "why the last look failed; null if it succeeded",
        {
            "since": Field("number", "when the looks at the secrets began to fail"),
            "link": Field("text", "the link of the chain that broke, as in [troubleshooting](troubleshooting.md)"),
            "message": Field("text", "the error"),
            "hint": Field("text", "the next step"),
        },
    ),
    "cache": Field(
        "object or null",
        "the cache; null without `--cache`",
        {
            "file": Field("text", "its path"),
            "sealed_at": Field("number or null", "when it was sealed, in seconds since the epoch; null if it was not"),
            "denied_since": Field(
                "number or null", "since when AWS has refused to return the secrets (the cache is marked); else null"
            ),
            "in_use": Field(
                "true or false", "whether the command runs with values of the cache that AWS has not confirmed yet"
            ),
        },
    ),
    "certificate_end": Field("number or null", "when the certificate expires, in seconds since the epoch"),
}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


_KINDS: dict[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and _number(value),
    "number": _number,
    "true or false": lambda value: isinstance(value, bool),
    "number or null": lambda value: value is None or _number(value),
}


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which are neither JSON nor a time."""
    raise ValueError(constant)


def parsed(text: bytes) -> Status:
    """Return the status that a run wrote.

    Raises:
        ValueError: this is not a status; the error says why, and quotes nothing.
    """
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(found, dict) or not _KINDS["integer"](found.get("format")):
        raise ValueError("it is not the status of a secretenv")
    if found["format"] != FORMAT:
        raise ValueError(f"it has format {found['format']}, and this secretenv knows format {FORMAT}")
    if wrong := _wrong(found, FIELDS):
        raise ValueError(f"its field {wrong} is missing or holds something else")
    return found


def _wrong(found: Mapping[str, Any], fields: Mapping[str, Field]) -> str:
    """Return the name of the first field that is not as it should be; empty if all are."""
    for name, field in fields.items():
        value = found.get(name)
        if name not in found:
            return name
        if not field.fields:
            if not _KINDS[field.kind](value):
                return name
            continue
        members = value if field.kind == "list" else [] if value is None else [value]
        if not isinstance(members, list) or not all(isinstance(each, dict) for each in members):
            return name
        for each in members:
            if wrong := _wrong(each, field.fields):
                return f"{name}.{wrong}"
    return ""
