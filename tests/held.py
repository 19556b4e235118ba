"""What a test holds up for as long as it wants: a `secretenv run` that reads its settings file, and any file.

The settings file is a FIFO, which secretenv refuses: `HELD` is a secretenv whose reading of files waits for its writer.
`hanging` is a regular file that does not open, as on a disk that hangs.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.running import PYTHON, words_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.running import Program


# A disk that hangs is chance, and so feigned: this one file is read when the test writes it.
_WAITING = """
import os
from secretenv import files
from secretenv.__main__ import main
once = []
def read(path, *limit, read=files.read):
    if not path.endswith("/held.toml"):
        return read(path, *limit)
    if not once:
        with open(path, "rb") as file:
            once.append((file.read(), os.fstat(file.fileno())))
    return once[0]
files.read = read
main()
"""
HELD = (PYTHON, "-c", _WAITING)


def held_program(folder: Path) -> str:
    """Return the path of a program that is `HELD`, for a terminal to type."""
    program = folder / "secretenv"  # the name that a process shows
    program.write_text(f"#!{PYTHON}\n{_WAITING}")
    program.chmod(0o755)
    return str(program)


class Held:
    """The program, and the processes that it has started so far.

    Args:
        run: starts `HELD` with `run` and these words.
        folder: for the settings file.
        words: of the command line, the command's included.
        options: what else `run` takes.
    """

    def __init__(self, run: Callable[..., Program], folder: Path, *words: str, **options: object) -> None:
        self._fifo = folder / "held.toml"
        os.mkfifo(self._fifo)
        self.program = run(f"--config={self._fifo}", *words, **options)
        self._writer = writer_of(self._fifo)

    def reader(self) -> int:
        """Return the process that reads the command line."""
        # Its open(2) returns once there is a writer, so a moment after the one here.
        return until(lambda: [pid for pid in self.program.family() if str(self._fifo) in open_files(pid)])[0]

    def fetcher(self) -> int:
        """Return the first fetcher; wait for it if it has not started yet."""
        (only,) = until(self.fetchers)
        return only

    def fetchers(self) -> list[int]:
        """Return the fetchers that are alive."""
        return [pid for pid in self.program.family() if b"secretenv.fetcher.main" in words_of(pid)]

    def goes_on(self, text: str = "") -> None:
        """Write the settings file, so that it continues."""
        with self._writer:
            self._writer.write(text)

    def close(self) -> None:
        """Close the settings file, if `goes_on` did not."""
        self._writer.close()


def writer_of(fifo: Path) -> IO[str]:
    """Wait until somebody reads this FIFO, and return a file that writes to it."""

    def opened() -> int | None:
        with contextlib.suppress(OSError):  # ENXIO: nobody reads yet
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        return None

    return os.fdopen(until(opened) or 0, "w")


def open_files(pid: int) -> set[str]:
    """Return the paths that a process has open; nothing if it has ended."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(entry.readlink()))
    return found


# Takes a lease (fcntl(2), F_SETLEASE) and does not give it back: an open(2) waits for that, 45 s at most.
_LEASE = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print(flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def hanging(path: str) -> Iterator[None]:
    """Let everybody hang who opens a regular file."""
    words = [PYTHON, "-c", _LEASE, path]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"\n"
        try:
            yield
        finally:
            holder.kill()
