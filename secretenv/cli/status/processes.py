"""What /proc says of one process: the status that it holds, when it started, its words, and its clock."""

from __future__ import annotations

import os
import time
from itertools import pairwise

from secretenv import files
from secretenv.supervisor.status import NAME, PROC

# The memfd of a run, as /proc shows it.
LINK = f"/memfd:{NAME} (deleted)"

_STATE, _PARENT, _START = 0, 1, 19  # fields of /proc/PID/stat after the name, counted from 0


class Process:
    """One process, as /proc shows it now. Any method may raise OSError: it ends, or belongs to someone else."""

    def __init__(self, pid: int, proc: str = PROC) -> None:
        self.pid = pid
        self.folder = f"{proc}/{pid}"
        self._proc = proc

    def status_file(self) -> str:
        """Return the path of the descriptor that holds its status; empty where there is none.

        Raises:
            PermissionError: only its own user and root can see its descriptors.
        """
        for number in sorted(os.listdir(f"{self.folder}/fd"), key=int):  # noqa: PTH208 - many, and names only
            path = f"{self.folder}/fd/{number}"
            try:
                if os.readlink(path) == LINK:  # noqa: PTH115 - a link that leads nowhere
                    return path
            except FileNotFoundError:  # closed meanwhile
                continue
        return ""

    def stat(self) -> list[str]:
        """Return the fields of its `stat` after its name."""
        return self._read("stat").rpartition(b")")[2].decode("ascii").split()

    def started(self) -> int:
        """Return when it started, in ticks since the boot."""
        return int(self.stat()[_START])

    def ended(self) -> bool:
        """Tell whether it has ended, and only waits for its parent to notice."""
        return self.stat()[_STATE] in "ZX"

    def parent(self) -> int:
        """Return the pid of its parent, 0 if that is outside of this namespace."""
        return int(self.stat()[_PARENT])

    def words(self) -> list[str]:
        """Return its arguments; none for a thread of the kernel, or for a process that has ended."""
        return [os.fsdecode(word) for word in self._read("cmdline").split(b"\0")[:-1]]

    def innermost_pid(self) -> int:
        """Return its pid as it sees it itself, in the innermost namespace."""
        for line in self._read("status").splitlines():
            if line.startswith(b"NSpid:"):
                return int(line.split()[-1])
        return self.pid

    def user(self) -> int:
        """Return the user that it belongs to."""
        return os.stat(self.folder).st_uid  # noqa: PTH116

    def clock_ahead(self) -> float:
        """Return by how many seconds its CLOCK_BOOTTIME is ahead of this process's: not 0 in a time namespace."""
        return _offset(self.folder) - _offset(f"{self._proc}/self")

    def _read(self, name: str) -> bytes:
        return files.read(f"{self.folder}/{name}")[0]


def runs_secretenv(words: list[str]) -> bool:
    """Tell whether these arguments are those of a `secretenv run`, whichever interpreter begins them."""
    return any(word.rpartition("/")[2] == "secretenv" and after == "run" for word, after in pairwise(words))


def boottime(process: Process) -> float:
    """Return what CLOCK_BOOTTIME shows a process now, in its own time namespace."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) + process.clock_ahead()


def all_pids(proc: str = PROC) -> list[int]:
    """Return the pids of all processes that are to be seen; none where there is no /proc."""
    try:
        return sorted(int(name) for name in os.listdir(proc) if name.isdecimal())  # noqa: PTH208 - many, and names only
    except OSError:
        return []


def _offset(folder: str) -> float:
    """Return how far a process's CLOCK_BOOTTIME is ahead of the machine's; 0.0 where there are no time namespaces."""
    try:
        lines = [line.split() for line in files.read(f"{folder}/timens_offsets")[0].splitlines()]
    except FileNotFoundError:
        return 0.0
    return sum(int(line[1]) + int(line[2]) / 1e9 for line in lines if line[0] == b"boottime")
