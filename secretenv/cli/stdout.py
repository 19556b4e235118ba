"""Standard output of the commands that print: all of it is written, or an error says that it was not.

With PYTHONUNBUFFERED, which many container images set, Python writes once and ignores how much the system took: a disk
that fills up would cut a file of secrets short, with status 0. Without it the error would come only when the
interpreter ends, in the interpreter's words.
"""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from secretenv.cli import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer


class ReaderGoneError(Exception):
    """The reader of standard output has closed its end: the exit status says enough."""


class Output(io.FileIO):
    """A descriptor that keeps its first error; nothing is written after it, because the output is incomplete."""

    _error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as much as the system accepts; after an error, drop the data."""
        if self._error is None:
            try:
                return super().write(data)
            except OSError as error:
                self._error = error
                raise
        return memoryview(data).nbytes

    def finish(self) -> None:
        """Flush the buffer.

        Raises:
            ReaderGoneError: the reader has closed its end.
            SecretenvError: not everything could be written.
        """
        with suppress(OSError):
            sys.stdout.flush()
        if isinstance(self._error, BrokenPipeError):
            raise ReaderGoneError
        if self._error is not None:
            raise messages.NOT_WRITTEN(reason=self._error.strerror)


@contextmanager
def whole(*, needed: bool = True) -> Iterator[None]:
    """Make sure that everything printed inside is written; leave a standard output that was replaced alone.

    Args:
        needed: whether a closed standard output is an error.

    Raises:
        ReaderGoneError: the reader has closed its end.
        SecretenvError: standard output is closed, or not everything could be written.
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
        raise messages.CLOSED()
    if given is not sys.__stdout__ or not isinstance(given, io.TextIOWrapper):
        return None
    made = Output(given.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(made), given.encoding, given.errors, line_buffering=given.isatty())
    return made
