"""Which processes belong to the command, and how they are killed: its group and its descendants."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Family:
    """The command, its process group and its descendants.

    The group is reached until the dead command is reaped: as a zombie it keeps its pid, and so its group's id, from
    reuse.

    Args:
        pid: the command's.
        group: whether it leads a process group of its own.
        known: descendants that are pinned already, by pid.

    Attributes:
        reaped: whether the command has ended and its zombie is taken.
    """

    def __init__(self, pid: int, *, group: bool, known: dict[int, Pinned] | None = None) -> None:
        self.reaped = False
        self._pid = pid
        self._group = group
        self._known = known or {}

    def remember(self) -> None:
        """Pin every descendant, so that none can escape by a new session or by losing its parent."""
        for pid, pinned in list(self._known.items()):
            if not pinned.there():  # its number may be another's by now
                self._known.pop(pid).close()
        todo = [self._pid, *self._known]
        while todo:
            parent = todo.pop()
            for pid in children(parent):
                if pid in self._known:
                    continue
                pinned = Pinned(pid)
                if pid in children(parent):  # still: it is the one that was pinned
                    self._known[pid] = pinned
                    todo.append(pid)
                else:
                    pinned.close()

    def kill_all(self) -> None:
        """SIGKILL the command, its group and every descendant that is known or can be found."""
        self.remember()
        if not self.reaped:
            _ignoring_absence(lambda: os.kill(self._pid, signal.SIGKILL))  # it may have left its group
        self.kill_rest()

    def kill_rest(self) -> None:
        """SIGKILL what is left of its group and its known descendants."""
        if self._group and not self.reaped:
            _ignoring_absence(lambda: os.killpg(self._pid, signal.SIGKILL))
        for pinned in self._known.values():
            _ignoring_absence(pinned.kill)

    def term_group(self) -> None:
        """Send TERM to what is left of its group."""
        if self._group and not self.reaped:
            _ignoring_absence(lambda: os.killpg(self._pid, signal.SIGTERM))

    def anything_left(self) -> bool:
        """Whether a process of its group or a known descendant is still there, zombies of others included."""
        if self._group and is_there(lambda: os.killpg(self._pid, 0)):
            return True
        return any(pinned.there() for pinned in self._known.values())

    def forget(self) -> None:
        """Let go of the pinned descendants."""
        for pinned in self._known.values():
            pinned.close()
        self._known.clear()


class Pinned:
    """A process that is not mistaken for another which gets its number later.

    It is known by a pidfd, or by when it began where pidfds are missing: before Linux 5.3, and in containers of an
    engine of that time.
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
    """Return whether this call finds its process; one that may not be signalled is there."""
    try:
        call()
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _ignoring_absence(call: Callable[[], None]) -> None:
    try:  # noqa: SIM105 (contextlib would be one more module that stays)
        call()
    except OSError:
        pass
