"""A device with a cache, and its runs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.running import Program

COMMAND = ("--", "sh", "-c", 'trap "exit 0" TERM; echo "start $VALUE"; while :; do sleep 0.1; done')
# The first start proves the values at once; later starts look whenever a test asks.
WORDS = ("--trial=0", "--interval=1h", "--refresh-signal=USR2", "--log-level=debug")


class Cached:
    """A device with a cache in a folder of its own.

    Args:
        begin: starts `secretenv run` on the device.
        file: of the cache.
    """

    def __init__(self, begin: Callable[..., Program], file: Path) -> None:
        self.begin = begin
        self.file = file

    def run(self, *words: str, command: tuple[str, ...] = COMMAND) -> Program:
        """Start `secretenv run` with the cache."""
        return self.begin(f"--cache={self.file}", *WORDS, *words, *command)

    def fill(self) -> bytes:
        """Have a run seal its values, and return the file."""
        program = self.run()
        program.shows("start one")
        program.logs("the cache holds the values")
        program.send(signal.SIGTERM)
        assert program.ends() == 0
        return self.file.read_bytes()
