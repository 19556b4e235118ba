"""Find the running secretenvs through /proc, and read the status of each; or say why there is none to be read."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from secretenv import files
from secretenv.cli import messages
from secretenv.cli.status.fields import parsed
from secretenv.cli.status.processes import Process, all_pids, boottime, runs_secretenv
from secretenv.supervisor.status import PROC, boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from secretenv.cli.status.fields import Status
    from secretenv.errors import SecretenvError

PATIENCE = 1.0  # seconds within which a status that is being written becomes whole
_PAUSE = 0.001  # seconds until the next attempt


class Run(NamedTuple):
    """A run and its status.

    Attributes:
        pid: as this process sees it.
        status: as the run wrote it.
        now: seconds, by the same clock as the times of the status.
    """

    pid: int
    status: Status
    now: float

    def age(self, moment: float) -> float:
        """Return how long ago a moment of the status was, in seconds; never negative."""
        return max(self.now - moment, 0.0)

    def document(self) -> Status:
        """Return the status with the pid as this process sees it; the run's own is `pid_inside` where it differs."""
        inside = self.status["pid"]
        return {**self.status, "pid": self.pid, **({"pid_inside": inside} if inside != self.pid else {})}


class Found(NamedTuple):
    """The runs, and why others that were asked for are not among them."""

    runs: list[Run]
    problems: list[SecretenvError]


class _Seen(NamedTuple):
    """What a look at all processes found: the path of each status by pid, each run's pids, and what cannot be seen."""

    paths: dict[int, str]
    runs: dict[tuple[int, int], list[int]]  # by device and inode of the status, the oldest process first
    closed: list[int]  # whose descriptors this user cannot see


def find(pids: Sequence[int] = (), proc: str = PROC) -> Found:
    """Return the runs with these pids in this order, or all in the order of their pids.

    Args:
        pids: of runs, or of processes that a run has forked; none for all.
        proc: where /proc is mounted.

    Raises:
        SecretenvError: there is no /proc.
    """
    seen = _look(proc)
    found = Found([], [])
    holders = {pid: pids_[0] for pids_ in seen.runs.values() for pid in pids_}
    if not pids:
        wanted = sorted(set(holders.values()))
    else:
        wanted = list(dict.fromkeys(holders[pid] for pid in pids if pid in holders))
        found.problems.extend(_why_not(pid, seen, holders, proc) for pid in dict.fromkeys(pids) if pid not in holders)
    for pid in wanted:
        _add(found, pid, seen.paths[pid], proc)
    if not found.runs and not found.problems:
        # Whoever looks at their own runs does not ask for those of other users.
        found.problems.extend(_closed(seen, proc))
    if not found.runs and not found.problems:
        found.problems.append(messages.HIDDEN() if hides(proc) else messages.NO_RUN())
    return found


def _look(proc: str) -> _Seen:
    """Look at all processes."""
    pids = all_pids(proc)
    if not pids:
        raise messages.NO_PROC(folder=proc)
    seen = _Seen({}, {}, [])
    runs = defaultdict(list)
    for pid in pids:
        process = Process(pid, proc)
        try:
            if path := process.status_file():
                status = os.stat(path)  # noqa: PTH116
                runs[status.st_dev, status.st_ino].append((process.started(), pid))
                seen.paths[pid] = path
        except PermissionError:
            seen.closed.append(pid)
        except OSError:  # it has ended meanwhile
            continue
    # A process that a run forks has the run's descriptors until it executes a program.
    seen.runs.update({key: [pid for _, pid in sorted(members)] for key, members in runs.items()})
    return seen


def _add(found: Found, pid: int, path: str, proc: str) -> None:
    """Read the status of a run and add it; one that has ended meanwhile is passed over."""
    process = Process(pid, proc)
    try:
        with opened(path) as read:
            status = settled(read)
        now = boottime(process)
    except ValueError as error:
        found.problems.append(messages.STATUS_UNUSABLE(pid=pid, reason=error))
    except PermissionError as error:
        found.problems.append(messages.NOT_ALLOWED(pid=pid, reason=error.strerror))
    except OSError as error:
        if os.path.exists(process.folder):  # noqa: PTH110
            found.problems.append(messages.STATUS_UNUSABLE(pid=pid, reason=error.strerror))
    else:
        found.runs.append(Run(pid, status, moment(status, now, boot_id(proc))))


@contextmanager
def opened(path: str) -> Iterator[Callable[[], bytes]]:
    """Return a function that reads a file from its beginning, fast enough for one that is being written.

    Raises:
        OSError: it cannot be read, or is not a regular file, or is too large.
    """
    files.read(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield lambda: os.pread(descriptor, files.LARGEST, 0)
    finally:
        os.close(descriptor)


def settled(read: Callable[[], bytes], patience: float = PATIENCE) -> Status:
    """Return a status that was whole: two reads in a row are equal, and it can be used.

    Args:
        read: returns the content as it is now.
        patience: seconds after which a status that cannot be used is an error.

    Raises:
        ValueError: it cannot be used.
        OSError: it cannot be read.
    """
    end = time.monotonic() + patience
    while True:
        before, after = read(), read()
        late = time.monotonic() > end
        if after == before or late:
            try:
                return parsed(after)
            except ValueError:
                if late:
                    raise
                time.sleep(_PAUSE)


def moment(status: Status, now: float, boot: str) -> float:
    """Return the time by the clock of a status: CLOCK_BOOTTIME, which setting the time of day does not change.

    Where that cannot be the clock of the status (written in another boot, or later than now), the time of day tells how
    long ago it was written.

    Args:
        status: as it was written.
        now: seconds by CLOCK_BOOTTIME.
        boot: the name of this boot.
    """
    written = float(status["written"])
    if status["boot"] in {boot, ""} and written <= now + 1:
        return now
    return written + max(time.time() - float(status["time"]), 0.0)


def _closed(seen: _Seen, proc: str) -> Iterator[SecretenvError]:
    """Yield an error for each run of another user."""
    for pid in seen.closed:
        try:
            process = Process(pid, proc)
            if runs_secretenv(process.words()) and not _child_of_a_run(process, seen.closed, proc):
                yield messages.OTHER_USER(pid=pid, user=process.user())
        except OSError:
            continue


def _child_of_a_run(process: Process, closed: Sequence[int], proc: str) -> bool:
    """Tell whether the parent is a run too: then this is its helper, which has the same arguments for a moment."""
    parent = process.parent()
    return parent in closed and runs_secretenv(Process(parent, proc).words())


def _why_not(pid: int, seen: _Seen, holders: dict[int, int], proc: str) -> SecretenvError:
    """Return why there is no status of this process."""
    process = Process(pid, proc)
    try:
        if process.ended():
            return messages.ENDED(pid=pid)
        words = process.words()
        if runs_secretenv(words):
            closed = pid in seen.closed
            return messages.OTHER_USER(pid=pid, user=process.user()) if closed else messages.NO_STATUS(pid=pid)
        if run := _run_above(process, holders, proc):
            return messages.PART_OF_A_RUN(pid=pid, run=run)
    except PermissionError as error:  # hidepid=1
        return messages.NOT_ALLOWED(pid=pid, reason=error.strerror)
    except (OSError, ValueError):
        return messages.HIDDEN_PROCESS(pid=pid) if hides(proc) else messages.NO_PROCESS(pid=pid)
    return messages.NOT_A_RUN(pid=pid)


def _run_above(process: Process, holders: dict[int, int], proc: str) -> int:
    """Return the pid of the run that started a process; 0 if no run did."""
    while parent := process.parent():
        if parent in holders:
            return holders[parent]
        process = Process(parent, proc)
    return 0


def hides(proc: str) -> bool:
    """Tell whether /proc is mounted so that it hides the processes of other users."""
    try:
        lines = files.read(f"{proc}/self/mounts")[0].decode(errors="replace").splitlines()
    except OSError:
        return False
    options = [line.split()[3].split(",") for line in lines if line.split()[1:3] == [proc, "proc"]]
    # Of several mounts the last one is visible; the kernel shows the option only where it hides something.
    last = options[-1] if options else []
    return any(option.startswith("hidepid=") and option not in {"hidepid=0", "hidepid=off"} for option in last)
