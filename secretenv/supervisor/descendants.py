"""Which processes belong to the command, and how they are killed: its group and its descendants."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


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
        self._adopted: Callable[[int], bool] | None = None

    def signal_group(self, signum: int) -> None:
        """Send a signal to the command's group.

        Where that is the group of this process, as under a terminal, it goes to the command and to what descends from
        this process in that group: not to this process, nor to its neighbours in a pipeline.

        Raises:
            OSError: the command may not be signalled, or is gone.
        """
        group = os.getpgid(self._pid)
        if group == self._pid:
            os.killpg(group, signum)
            return
        others = self._others() if group == os.getpgrp() else []
        os.kill(self._pid, signum)
        for pinned in others:
            pinned.send(signum)
            pinned.close()

    def _others(self) -> list[Pinned]:
        """Return the processes in the group of this process that descend from it, without the command."""
        found, group = [], os.getpgrp()
        for pid, pinned in descend([os.getpid()], {}):
            if pid != self._pid and group == _group_of(pid):
                found.append(pinned)
            else:
                pinned.close()
        return found

    def remember(self) -> None:
        """Pin every descendant, so that none can escape by a new session or by losing its parent."""
        self._prune()
        for pid, pinned in descend([self._pid, *self._known], self._known):
            self._known[pid] = pinned

    def adopt(self, adopted: Callable[[int], bool]) -> None:
        """Treat what the dead command left to this process as its descendants.

        Args:
            adopted: tells whether a child of this process was left behind by the dead command; see `adopted`.
        """
        self._adopted = adopted
        self._find_adopted()

    def _find_adopted(self) -> bool:
        """Pin what was left to this process since the last look, with its descendants; return whether there is any."""
        if self._adopted is None:
            return False
        before = len(self._known)
        for pid in children(os.getpid()):  # a child keeps its number until it is reaped here
            if pid not in self._known and self._adopted(pid):
                self._known[pid] = Pinned(pid)
        for pid, pinned in descend(list(self._known), self._known):
            self._known[pid] = pinned
        return len(self._known) > before

    def _prune(self) -> None:
        """Let go of the descendants that are gone: their numbers may be others' by now."""
        for pid, pinned in list(self._known.items()):
            if not pinned.there():
                self._known.pop(pid).close()

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
            pinned.send(signal.SIGKILL)

    def term_group(self) -> None:
        """Send TERM to what is left of its group."""
        if not self.reaped:
            _ignoring_absence(lambda: self.signal_group(signal.SIGTERM))

    def anything_left(self) -> bool:
        """Whether a process of its group or a known descendant is still there, zombies of others included."""
        if self._group and is_there(lambda: os.killpg(self._pid, 0)):
            return True
        while self._known:  # each one that is gone is checked only once
            pid = next(iter(self._known))
            if self._known[pid].there():
                return True
            self._known.pop(pid).close()
        if self._find_adopted():  # one that was killed may have left others in turn
            self.kill_rest()
            return True
        return False

    def forget(self) -> None:
        """Let go of the pinned descendants."""
        self._adopted = None
        for pinned in self._known.values():
            pinned.close()
        self._known.clear()


class Pinned:
    """A process that is not mistaken for another which gets its number later.

    It is known by a pidfd; or by when it began, where pidfds are missing (before Linux 5.3, and in containers of an
    engine of that time) or would take the last descriptors.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = b""
        self._descriptor = _pidfd(pid)
        if not 0 <= self._descriptor < os.sysconf("SC_OPEN_MAX") - _SPARE:
            self._began = began(pid)
            if self._began:
                self.close()

    def there(self) -> bool:
        """Return whether it is there, as a zombie perhaps."""
        if self._descriptor < 0:
            return bool(self._began) and began(self._pid) == self._began
        return is_there(lambda: signal.pidfd_send_signal(self._descriptor, 0))

    def send(self, signum: int) -> None:
        """Send it a signal, if it is there and this user may."""
        if self._descriptor >= 0:
            _ignoring_absence(lambda: signal.pidfd_send_signal(self._descriptor, signum))
        elif self.there():
            _ignoring_absence(lambda: os.kill(self._pid, signum))

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


# Descriptors to keep free: for reading /proc, and for the next start of the command and of a fetcher.
_SPARE = 8


def descend(roots: list[int], known: Mapping[int, Pinned]) -> Iterator[tuple[int, Pinned]]:
    """Yield the descendants of these processes with their pids, pinned. Each process is looked at twice at most.

    Args:
        roots: processes that keep their numbers meanwhile.
        known: descendants that are pinned already, which are not yielded.
    """
    if not _is_own_proc():
        return
    todo, seen = list(roots), set(known)
    while todo:
        parent = todo.pop()
        fresh = [(pid, Pinned(pid)) for pid in children(parent) if pid not in seen]
        still = set(children(parent)) if fresh else set()
        for pid, pinned in fresh:
            if pid in still:  # so it is the one that was pinned
                seen.add(pid)
                todo.append(pid)
                yield pid, pinned
            else:
                pinned.close()


def _is_own_proc() -> bool:
    """Whether /proc has the numbers that this process uses, and not those of another PID namespace."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())  # noqa: PTH115
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Return the children of a process, from /proc; none where the kernel lacks CONFIG_PROC_CHILDREN."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb", buffering=0) as file:  # noqa: PTH123
                found += [int(word) for word in file.read().split()]
        except OSError:
            continue
    return found


def _pidfd(pid: int) -> int:
    """Return a pidfd, -1 where there is none."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):  # Python may have been built for an older kernel
        return -1


def began(pid: int) -> bytes:
    """Return when a process began, in ticks since the boot (field 22 of proc(5)'s stat); empty if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[19]
    except OSError:
        return b""


def _group_of(pid: int) -> int:
    """Return the process group of a process, -1 if it is gone."""
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


def is_there(call: Callable[[], None]) -> bool:
    """Return whether this call finds its process; one that may not be signalled counts as found."""
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
