"""What nobody foresaw is told by its kind and place; a lack of memory is told as that."""

from __future__ import annotations

import ssl

import pytest

from secretenv.defects import as_error, unexpected
from secretenv.errors import CertificateError, FetcherError
from secretenv.protocol import read_answer

MARKER = "v4lue-that-must-not-show"


def test_defects_show_their_place_alone() -> None:
    """An unexpected exception is told by its type and the line of ours where it came from."""

    def cause() -> None:
        read_answer(7)  # type: ignore[arg-type]

    try:
        cause()
    except TypeError as error:
        told = unexpected(error, FetcherError, "the fetcher")
    assert told.transient
    assert told.message.startswith("the fetcher met an unexpected TypeError at protocol.py:")
    assert MARKER not in unexpected(ValueError(MARKER), FetcherError).message


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
    told = unexpected(error, FetcherError, "the fetcher")
    assert (told.message, told.transient) == ("the fetcher ran out of memory", True)


@pytest.mark.parametrize(
    ("cause", "memory"),
    [(OSError(12, "Cannot allocate memory"), True), (OSError(2, "No such file or directory"), False)],
)
def test_a_lack_of_memory_behind_an_error(cause: Exception, memory: bool) -> None:  # noqa: FBT001
    """An error to show is shown as it is, unless what it was raised from is a lack of memory."""
    error = CertificateError("the key file cannot be read")
    error.__context__, error.__suppress_context__ = cause, True
    told = as_error(error, FetcherError, "the fetcher")
    assert (told is error) is not memory
    assert told.transient is memory
