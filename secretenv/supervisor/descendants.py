"""Other processes: their children, from /proc, and whether one is still who it was.

The supervisor imports this room.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Pinned:
    """A process that is not mistaken for one which gets its number later.

    By a pidfd, or by when it began where there is none: before Linux 5.3, and in containers of an engine from then.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._descriptor = -1
        self._began = b""
        try:
            self._descriptor = os.pidfd_open(pid)
        except (OSError, AttributeError):  # Python may have been built for an older kernel
            self._began = _began(pid)

    def there(self) -> bool:
        """Return whether it is there, as a zombie perhaps."""
        if self._began:
            return _began(self._pid) == self._began
        return self._descriptor >= 0 and is_there(lambda: signal.pidfd_send_signal(self._descriptor, 0))

    def kill(self) -> None:
        """Send it SIGKILL, if it is there.

        Raises:
            OSError: it is another user's, or went just now.
        """
        if self._descriptor >= 0:
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        elif self.there():
            os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _began(pid: int) -> bytes:
    """Return when a process began, in ticks since the machine did (field 22 of proc(5)'s stat); empty if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[19]
    except OSError:
        return b""


def children(pid: int) -> list[int]:
    """Return the children of a process, from /proc; none where the kernel lacks CONFIG_PROC_CHILDREN."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123
                found += [int(word) for word in file.read().split()]
        except OSError:
            continue
    return found


def is_there(call: Callable[[], None]) -> bool:
    """Return whether this call finds its process; one that it is not allowed to signal is there."""
    try:
        call()
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
