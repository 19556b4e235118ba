"""What `lifecycle` asks for and `supervisor` does.

The supervisor imports this room.
"""

from __future__ import annotations

from secretenv.values import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretenv.errors import SecretenvError


class Action(Values):
    """Something for the supervisor to do."""


class StartFetch(Action):
    """Start a fetcher."""


class KillFetch(Action):
    """SIGKILL the fetcher; its end is still reported."""


class Prepare(Action):
    """Make sure that the command could be started with this answer; report `prepared` or `unprepared`."""

    answer: Any


class Spawn(Action):
    """Start the command; report `spawn_failed` if it cannot be."""

    answer: Any


class Exec(Action):
    """Become the command; report `spawn_failed` if it cannot be."""

    answer: Any


class Send(Action):
    """Send the command a signal on somebody's behalf."""

    signum: int


class Stop(Action):
    """Remember the command's descendants, send it this signal and SIGCONT."""

    signum: int


class KillAll(Action):
    """SIGKILL the command, its group and its descendants."""


class Sweep(Action):
    """SIGKILL what the dead command left behind; report `gone` when nothing is left."""


class TermGroup(Action):
    """Send TERM to what is left of the dead command's group."""


class StopSelf(Action):
    """Stop this process as the terminal's job control would have."""


class Log(Action):
    """Write a line."""

    level: str
    message: str
    link: str
    hint: str


def line(level: str, message: str, link: str = "", hint: str = "") -> Log:
    """Return the action that writes a line."""
    return Log(level=level, message=message, link=link, hint=hint)


# Seconds that a step may take beyond its own limit before the service manager should think that we hang.
GRACE = 10.0


class Notify(Action):
    """Tell the service manager; what is empty or 0 is not told."""

    state: str  # READY, RELOADING or STOPPING
    status: str
    within: float  # seconds in which the next one comes, or this run has ended


def notice(state: str = "", *, status: str = "", within: float = 0.0) -> Notify:
    """Return the action that tells the service manager."""
    return Notify(state=state, status=status, within=within)


class End(Action):
    """End secretenv: with an error, or as the command did (an exit status, or -N for signal N)."""

    status: int
    error: SecretenvError | None
