"""What nobody foresaw is told by its kind and place; a lack of memory is told as that."""

from __future__ import annotations

import re
import ssl

import pytest

from secretenv.defects import as_error, unexpected
from secretenv.errors import CertificateError, FetcherError
from secretenv.identity.background import Background
from secretenv.protocol import read_answer

LIBRARY = "/usr/lib/python3/site-packages/urllib3/util.py"
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
    assert told.message.startswith("the fetcher ran into an unexpected TypeError at protocol.py:")
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


def raised(source: str) -> BaseException:
    """Return what this source raises, as if it stood in a library that secretenv calls."""
    try:
        Background(lambda: exec(compile(source, LIBRARY, "exec"), {})).result()
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import gone.far", r"the fetcher cannot load gone: ModuleNotFoundError at identity/.+ \(urllib3/util.py:1\)"),
        ("\nfrom os import gone", r"the fetcher cannot load os: ImportError at identity/.+ \(urllib3/util.py:2\)"),
        ("x = (", r"the fetcher cannot load a module: SyntaxError at identity/.+ \(urllib3/util.py:1\)"),
    ],
)
def test_an_installation_that_is_not_whole(source: str, message: str) -> None:
    """What cannot be loaded is the installation's fault, and passes when an upgrade has ended."""
    told = unexpected(raised(source), FetcherError, "the fetcher")
    assert re.fullmatch(message, told.message), told.message
    assert told.hint == "is the installation complete? pip check; or install secretenv again"
    assert told.transient


@pytest.mark.parametrize("source", ["{}['x']", "import os; os.gone"])
def test_a_library_of_another_version(source: str) -> None:
    """What a library raises, or lacks, may be its version; what is wrong in secretenv's own lines is a defect."""
    told = unexpected(raised(source), FetcherError)
    assert told.hint == "is the installation complete? pip check; else please report this line"
