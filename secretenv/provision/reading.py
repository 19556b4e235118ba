"""Files of the operator, read within limits: of size, of time, and of kind."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from secretenv.config.quoting import no_path
from secretenv.identity.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 25.0  # seconds for a disk that hangs, as long as a device's fetch may take
SMALL = 1 << 20  # bytes of a certificate or a settings file; real ones have a few thousand

# Descriptors that the caller has opened, as a shell's `<(command)` is: read to their end, like standard input.
_DESCRIPTOR = re.compile(r"/dev/stdin|/dev/fd/\d+|/proc/self/fd/\d+")


def absolute(text: str) -> Path:
    """Return the absolute form of a path that somebody typed."""
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 (an unknown ~user stays as it is)


def is_content(text: str) -> bool:
    """Tell whether this is the content of a file in place of its path, which no message may show."""
    return no_path(text) != "" or re.search(r"[\x00-\x1f]|BEGIN", text) is not None


def is_stream(source: str) -> bool:
    """Tell whether this is standard input, or a descriptor that the caller has opened."""
    return source == "-" or _DESCRIPTOR.fullmatch(source) is not None


def stream(source: str, limit: int) -> bytes:
    """Return at most `limit` bytes of standard input, or of a descriptor; the writer may take its time.

    Raises:
        OSError: it cannot be read.
    """
    if source in {"-", "/dev/stdin"}:
        if sys.stdin is None:  # closed by the caller
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return sys.stdin.buffer.read(limit)
    with Path(source).open("rb") as file:
        return file.read(limit)


def _read(path: Path, limit: int) -> bytes:
    # Not blocking: opening a FIFO without a writer would wait for one.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            return opened.read(limit)
    finally:
        os.close(descriptor)


def file(
    path: Path, limit: int = SMALL, *, patience: float = PATIENCE, read: Callable[[Path, int], bytes] = _read
) -> bytes:
    """Return at most `limit` bytes of a regular file.

    Args:
        path: of the file.
        limit: bytes.
        patience: seconds to wait for the disk.
        read: reads it, however long that takes.

    Raises:
        OSError: it cannot be read in time, or is not a regular file; `strerror` says which.
    """
    return Background(lambda: read(path, limit)).result(
        patience, lambda span: TimeoutError(errno.ETIMEDOUT, f"the disk did not answer within {span}")
    )
