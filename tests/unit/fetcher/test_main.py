"""What the fetcher writes; what it does stands in the integration tests."""

from __future__ import annotations

import json
import ssl
import tempfile

import pytest

from secretenv.errors import FetcherError
from secretenv.fetcher.main import _Output, _unexpected
from secretenv.protocol import last_step, read_answer

MARKER = "v4lue-that-must-not-show"


def test_nothing_follows_the_answer() -> None:
    """The answer is the last line, even if work that came too late goes on."""
    with tempfile.TemporaryFile() as file:
        output = _Output(file.fileno())
        output.at("DNS", "host")
        output.answer({"error": FetcherError("late").to_json(), "warnings": [], "credentials": None})
        output.at("connection", "host:443")
        output.answer({})
        file.seek(0)
        raw = file.read()
    assert [list(json.loads(line)) for line in raw.splitlines()] == [
        ["link", "at"],
        ["error", "warnings", "credentials"],
    ]
    assert last_step(raw) == ("DNS", "host")
    error = read_answer(raw).error
    assert error is not None
    assert error.message == "late"


def test_defects_show_their_place_alone() -> None:
    """An unexpected exception is told by its type and the line of ours where it came from."""

    def cause() -> None:
        read_answer(7)  # type: ignore[arg-type]

    try:
        cause()
    except TypeError as error:
        told = _unexpected(error)
    assert told.transient
    assert told.message.startswith("the fetcher met an unexpected TypeError at protocol.py:")
    assert MARKER not in _unexpected(ValueError(MARKER)).message


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("x.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        ssl.SSLError("[CRYPTO] malloc failure (_ssl.c:3098)"),
    ],
)
def test_memory_is_no_defect(error: Exception) -> None:
    """A fetcher without memory says so, whichever way it learns of it, and may be tried again."""
    told = _unexpected(error)
    assert (told.message, told.transient) == ("the fetcher ran out of memory", True)
