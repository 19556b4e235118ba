"""A `secretenv run` whose command line is being read, for as long as a test wants: its settings file is a FIFO."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Program


class Held:
    """The program, and what it has started by now.

    Args:
        run: starts `secretenv run` with these words after it.
        folder: for the settings file.
        words: of the command line, the command's included.
        options: what else `run` takes.
    """

    def __init__(self, run: Callable[..., Program], folder: Path, *words: str, **options: object) -> None:
        self._fifo = folder / "held.toml"
        os.mkfifo(self._fifo)
        self.program = run(f"--config={self._fifo}", *words, **options)
        self._writer = -1
        until(self._open)

    def _open(self) -> bool:
        with contextlib.suppress(OSError):  # ENXIO: nobody reads yet
            self._writer = os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK)
        return self._writer >= 0

    def reader(self) -> int:
        """Return the process that reads the command line."""
        # Its open(2) ends when it has a writer, so a moment after ours.
        return until(lambda: [pid for pid in self.program.family() if str(self._fifo) in _open_files(pid)])[0]

    def fetchers(self) -> list[int]:
        """Return the fetchers that are alive."""
        words = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.program.family()}
        return [pid for pid in words if b"secretenv.fetcher" in words[pid]]

    def goes_on(self, text: str = "") -> None:
        """Give it its settings file."""
        os.write(self._writer, text.encode())
        os.close(self._writer)


def _open_files(pid: int) -> set[str]:
    return {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
