"""The tables of docs/status.md and docs/logs.md: fields of a status, metrics, and events of log lines."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from secretenv.cli.status.fields import FIELDS
from secretenv.supervisor import actions, exposition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretenv.cli.status.fields import Field

EVENTS = {
    "new_version": ("info", "a secret has a different version than before, or an optional one appeared or disappeared"),
    "restart": ("info", "the command was started again, with new values"),
    "trial_failed": ("error", "the command failed with new values, and gets the old ones back"),
    "restored": ("info", "the command was started again, with the old values"),
    "refused": ("error", "`--validate` refused a new version; also once an hour while a version is still refused"),
    "fetch_failed": ("warning, error, debug", "the secrets could not be read; `debug` for repetitions within an hour"),
    "fetch_ok": ("info", "the secrets can be read again"),
    "cache_used": ("info, warning", "the command starts with the values of the cache"),
}


def events() -> list[str]:
    """Return the events that a line can have, from the text of the type."""
    tree = ast.parse(Path(actions.__file__).read_text("utf-8"))
    (literal,) = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "LogEvent"
    ]
    return [str(node.value) for node in ast.walk(literal) if isinstance(node, ast.Constant) and node.value]


def events_table() -> str:
    """Return the table of events in Markdown."""
    rows = ["| event | level | what happened |", "| --- | --- | --- |"]
    return "\n".join(rows + [f"| `{name}` | {level} | {meaning} |" for name, (level, meaning) in EVENTS.items()])


def fields_table() -> str:
    """Return the table of fields in Markdown."""
    rows = ["| field | type | meaning |", "| --- | --- | --- |"]
    return "\n".join([*rows, *_rows(FIELDS, "")])


def _rows(fields: Mapping[str, Field], above: str) -> Iterator[str]:
    for name, field in fields.items():
        yield f"| `{above}{name}` | {field.kind} | {field.meaning} |"
        yield from _rows(field.fields, f"{above}{name}[]." if field.kind == "list" else f"{above}{name}.")


def metrics_table() -> str:
    """Return the table of metrics in Markdown."""
    rows = ["| metric | type | meaning |", "| --- | --- | --- |"]
    return "\n".join(rows + [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning, _ in exposition.METRICS])
