"""Lines to standard error: what docs/logs.md says of them."""

from __future__ import annotations

import json
import os
import re
import select
from pathlib import Path

import pytest

from secretenv.supervisor.log import LEVELS, Log

DOCUMENT = (Path(__file__).parents[3] / "docs" / "logs.md").read_text("utf-8")
FIELDS = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", DOCUMENT, re.MULTILINE))
(EXAMPLE,) = re.findall(r"^```json\n(.*)\n```", DOCUMENT, re.MULTILINE)


def written(level: str, message: str, *, link: str = "", hint: str = "", event: str = "") -> str:
    """Return the line that a log in JSON writes, at the time of the document's example."""
    ours, theirs = os.pipe()
    try:
        Log("debug", "json", theirs, clock=lambda: 1769903999)(level, message, link=link, hint=hint, event=event)
        return os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_fields_are_those_of_the_document() -> None:
    """docs/logs.md names each field of a line in JSON, in order, and those that may be missing."""
    assert list(json.loads(written("error", "m", link="l", hint="h", event="e"))) == list(FIELDS)
    assert list(json.loads(written("info", "m"))) == [name for name, always in FIELDS.items() if always == "yes"]
    assert all(f"`{level}`" in DOCUMENT for level in LEVELS)


def test_the_example_of_the_document() -> None:
    """The line that docs/logs.md shows is one that is written."""
    given = json.loads(EXAMPLE)
    assert written(given.pop("level"), given["message"], link=given["link"], hint=given["hint"]) == f"{EXAMPLE}\n"


def shown(descriptor: int, other: int, journal: str) -> str:
    """Return the text of an error with its hint, written to `descriptor` and read from `other`."""
    Log("info", "text", descriptor, clock=lambda: 1769903999, journal=journal)("error", "m", link="l", hint="h")
    return os.read(other, 65536).decode().replace("\r", "")


def test_a_time_where_nobody_else_writes_one() -> None:
    """A text has a time in front of each line, unless it goes to a terminal or to the journal."""
    plain = "secretenv: error: l: m\nsecretenv: hint: h\n"
    stamped = "".join(f"2026-01-31T23:59:59Z {line}" for line in plain.splitlines(keepends=True))
    ours, theirs = os.pipe()
    status = os.fstat(theirs)
    for journal, text in {
        "": stamped,
        f"{status.st_dev}:{status.st_ino}": plain,
        f"{status.st_dev}:{status.st_ino + 1}": stamped,
        "nonsense": stamped,
    }.items():
        assert shown(theirs, ours, journal) == text
    user, terminal = os.openpty()
    assert shown(terminal, user, "") == plain
    for descriptor in (ours, theirs, user, terminal):
        os.close(descriptor)


@pytest.mark.parametrize("character", ["a", "é", "☃", "\x00", "😀"])
def test_a_line_is_never_longer_than_a_pipe_takes_at_once(character: str) -> None:
    """A line is at most 4,096 bytes and one whole JSON object; its longest text is cut, between two characters."""
    line = written("error", character * 5000, link="link", hint=f"{character * 100}.")
    assert len(line.encode()) <= select.PIPE_BUF == 4096
    found = json.loads(line)
    assert set(found["message"]) == {character}
    assert found["hint"] == f"{character * 100}."


def test_a_line_that_fits_is_complete() -> None:
    """What fits into 4,096 bytes is not cut."""
    assert json.loads(written("error", "m" * 2000, hint="h" * 2000))["hint"] == "h" * 2000
