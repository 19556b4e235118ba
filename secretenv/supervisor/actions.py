"""The actions that `lifecycle` asks for and `loop` performs."""

from __future__ import annotations

from secretenv.values import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from secretenv.errors import Link, SecretenvError
    from secretenv.protocol import Answer

    Level = Literal["debug", "info", "warning", "error"]
    # What a line tells a machine; docs/logs.md lists them.
    LogEvent = Literal[
        "new_version", "restart", "trial_failed", "restored", "refused", "fetch_failed", "fetch_ok", "cache_used", ""
    ]  # fmt: skip
    State = Literal["READY", "RELOADING", "STOPPING", ""]


class StartFetch(Values):
    """Start a fetcher."""


class KillFetch(Values):
    """SIGKILL the fetcher; its end is still reported."""


class Prepare(Values):
    """Make sure that the command could be started with this answer; report `prepared` or `unprepared`."""

    answer: Answer


class Publish(Values):
    """Write the files of this answer; report `published` or `unpublished`."""

    answer: Answer


class Rare(Values):
    """An action of a module that most runs do not load; its partner performs it: `validator`, or `cache_process`."""


class Spawn(Values):
    """Start the command; report `spawn_failed` if it cannot be."""

    answer: Answer


class Exec(Values):
    """Become the command; report `spawn_failed` if it cannot be."""

    answer: Answer


class Send(Values):
    """Send the command a signal."""

    signum: int


class Stop(Values):
    """Remember the command's descendants, send it this signal and SIGCONT."""

    signum: int


class KillAll(Values):
    """SIGKILL the command, its group and its descendants."""


class Adopt(Values):
    """Treat what the dead command left to this process as its descendants."""


class Sweep(Values):
    """SIGKILL what the dead command left behind; report `gone` when nothing is left."""


class TermGroup(Values):
    """Send TERM to what is left of the dead command's group."""


class StopSelf(Values):
    """Stop this process as the terminal's job control would have."""


class Line(Values):
    """Write a line to the log."""

    level: Level
    message: str
    link: Link | Literal[""]
    hint: str
    event: LogEvent


def line(level: Level, message: str, link: Link | Literal[""] = "", hint: str = "", *, event: LogEvent = "") -> Line:
    """Return the action that writes a line."""
    return Line(level=level, message=message, link=link, hint=hint, event=event)


# Seconds that a step may take beyond its own limit before the service manager should think that secretenv hangs.
GRACE = 10.0


class Notify(Values):
    """Notify the service manager; a field that is empty or 0 is left out."""

    state: State
    status: str
    within: float  # seconds within which the next one comes, or this run ends


def notice(state: State = "", *, status: str = "", within: float = 0.0) -> Notify:
    """Return the action that notifies the service manager."""
    return Notify(state=state, status=status, within=within)


class End(Values):
    """End secretenv: with an error, or as the command did (an exit status, or -N for signal N)."""

    status: int
    error: SecretenvError | None


if TYPE_CHECKING:
    Action = (
        StartFetch | KillFetch | Prepare | Publish | Rare | Spawn | Exec | Send | Stop | KillAll
        | Adopt | Sweep | TermGroup | StopSelf | Line | Notify | End
    )  # fmt: skip
