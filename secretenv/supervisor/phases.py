"""The phases of the command, and what leads from one to the next: the table that `lifecycle` keeps to."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Phase = Literal["waiting", "running", "stopping", "cleaning", "ended"]
    Event = Literal[
        "first fetch",
        "first fetch with --once",
        "first fetch given up",
        "start from the cache",
        "start from the cache with --once",
        "signal that ends the start",
        "start refused",
        "new version",
        "exit",
        "exit in a trial",
        "exit with values of the cache",
        "exit in a shutdown",
        "all gone",
        "all gone, values to be fetched",
        "all gone with --on-change exit",
        "all gone in a shutdown",
    ]

WAITING: Phase = "waiting"  # not started yet: the first fetch, or its retries
RUNNING: Phase = "running"
STOPPING: Phase = "stopping"  # asked to stop for a restart
CLEANING: Phase = "cleaning"  # dead; the processes that it left are being killed
ENDED: Phase = "ended"  # of secretenv, or of its part in this process

# In a phase an event leads to a phase. An event that is not listed here leads to none.
MOVES: dict[tuple[Phase, Event], Phase] = {
    (WAITING, "first fetch"): RUNNING,
    (WAITING, "first fetch with --once"): ENDED,
    (WAITING, "first fetch given up"): ENDED,
    (WAITING, "start from the cache"): RUNNING,
    (WAITING, "start from the cache with --once"): ENDED,
    (WAITING, "signal that ends the start"): ENDED,
    (RUNNING, "start refused"): ENDED,
    (RUNNING, "exit"): ENDED,
    (RUNNING, "exit in a trial"): CLEANING,
    (RUNNING, "exit with values of the cache"): CLEANING,
    (RUNNING, "new version"): STOPPING,
    (STOPPING, "start refused"): ENDED,
    (STOPPING, "exit"): CLEANING,
    (STOPPING, "exit in a shutdown"): ENDED,
    (CLEANING, "all gone"): RUNNING,
    (CLEANING, "all gone, values to be fetched"): WAITING,
    (CLEANING, "all gone with --on-change exit"): ENDED,
    (CLEANING, "all gone in a shutdown"): ENDED,
}
