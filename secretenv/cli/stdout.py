"""Standard output of the commands that print: all of it arrives, or an error says that it did not.

With PYTHONUNBUFFERED, which many container images set, Python writes once and does not look how much of it the system
took: a disk that fills up would cut a file of secrets short, and the status would be 0. Without it the error would come
when the interpreter ends, in its own words.
"""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from secretenv.errors import SecretenvError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

    from secretenv.errors import Link

LINK: Link = "standard output"


class ReaderGoneError(Exception):
    """Whoever was to read standard output went away: there is nobody left to tell, and the status says enough."""


class Output(io.FileIO):
    """A descriptor whose error is kept in words for a user; after it nothing is written, as it would not be whole."""

    _error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what the system takes; once it has refused, drop it."""
        if self._error is None:
            try:
                return super().write(data)
            except OSError as error:
                self._error = error
                raise
        return memoryview(data).nbytes

    def finish(self) -> None:
        """Write what is still buffered.

        Raises:
            ReaderGoneError: nobody was there to read all of it.
            SecretenvError: not all of it could be written.
        """
        with suppress(OSError):
            sys.stdout.flush()
        if isinstance(self._error, BrokenPipeError):
            raise ReaderGoneError
        if self._error is not None:
            hint = "is the disk full? df -h; what was written so far is not all of it"
            raise SecretenvError(f"cannot be written: {self._error.strerror}", hint=hint, link=LINK)


@contextmanager
def whole(*, needed: bool = True) -> Iterator[None]:
    """Have what is printed inside written whole, unless it goes to a stream of the caller's own.

    Args:
        needed: whether a closed standard output is an error.

    Raises:
        ReaderGoneError: whoever was to read it went away.
        SecretenvError: standard output is closed, or not all of it could be written.
    """
    output = _watch(needed=needed)
    try:
        yield
    finally:
        if output is not None:
            output.finish()


def _watch(*, needed: bool) -> Output | None:
    """Put an `Output` below standard output; None where there is nothing to watch."""
    given = sys.stdout
    if given is None and needed:
        raise SecretenvError("it is closed", hint="to throw it away: > /dev/null", link=LINK)
    if given is not sys.__stdout__ or not isinstance(given, io.TextIOWrapper):
        return None
    made = Output(given.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(made), given.encoding, given.errors, line_buffering=given.isatty())
    return made
