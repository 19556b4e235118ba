"""Read the file of `run --status-file`, for readers who cannot look into the process; a stale one is an error."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from secretenv import files
from secretenv.cli import messages
from secretenv.cli.status.fields import parsed
from secretenv.cli.status.finding import Run, hides, moment
from secretenv.cli.status.processes import Process, all_pids, boottime, runs_secretenv
from secretenv.supervisor.status import PROC, boot_id, pid_namespace
from secretenv.wording import short, span

if TYPE_CHECKING:
    from secretenv.cli.status.fields import Status

# The PID namespace that sees all processes: PROC_PID_INIT_INO of linux/proc_ns.h.
_FIRST_NAMESPACE = 0xEFFFFFFC
_SLACK = 1.0  # seconds by which the start of a process may be rounded


def read(path: str, proc: str = PROC) -> Run:
    """Return the run that wrote a status file.

    Raises:
        SecretenvError: it cannot be read, is not a status file, or is stale.
    """
    if path.endswith(".prom"):
        raise messages.FILE_OF_METRICS(file=short(path))
    try:
        status = parsed(files.read(path)[0])
    except OSError as error:
        raise messages.FILE_UNREADABLE(file=short(path), reason=error.strerror) from None
    except ValueError as error:  # a path with a NUL too
        raise messages.FILE_UNUSABLE(file=short(path), reason=error) from None
    age = span(time.time() - status["time"])
    boot = boot_id(proc)
    if boot and status["boot"] not in {boot, ""}:
        raise messages.FILE_OF_ANOTHER_BOOT(file=short(path), time=age)
    if process := _writer(status, proc):
        return Run(process.pid, status, moment(status, boottime(process), boot))
    if _all_seen(status, proc):
        raise messages.FILE_OF_THE_DEAD(file=short(path), time=age, pid=status["pid"])
    return Run(status["pid"], status, moment(status, time.clock_gettime(time.CLOCK_BOOTTIME), boot))


def _writer(status: Status, proc: str) -> Process | None:
    """Return the process that wrote a status, which may be in another namespace; None if there is none to be seen."""
    for pid in all_pids(proc):
        process = Process(pid, proc)
        try:
            if process.innermost_pid() == status["pid"] and runs_secretenv(process.words()) and _old(process, status):
                return process
        except (OSError, ValueError):
            continue
    return None


def _old(process: Process, status: Status) -> bool:
    """Tell whether a process is as old as a status: another one may have its pid by now."""
    ticks = os.sysconf("SC_CLK_TCK")
    started = process.started() / ticks + process.clock_ahead()
    return not process.ended() and started <= float(status["started"]) + _SLACK


def _all_seen(status: Status, proc: str) -> bool:
    """Tell whether this process would see the writer of a status; from a container beside the writer it would not."""
    own = pid_namespace(proc)
    return own != 0 and own in {_FIRST_NAMESPACE, status["pid_namespace"]} and not (os.geteuid() and hides(proc))
