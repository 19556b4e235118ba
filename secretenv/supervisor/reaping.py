"""Processes that ended or stopped: look at the next one, and take its report."""

from __future__ import annotations

import os


def next_report() -> os.waitid_result | None:
    """Return the report of a child that ended or stopped, without taking it; None if there is none."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None


def take_stop(pid: int) -> int | None:
    """Take the report that a child stopped, and return the signal that stopped it; None if it was killed since."""
    try:
        taken = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG)
    except ChildProcessError:
        return None  # the next look finds its zombie
    return None if taken is None else taken.si_status
