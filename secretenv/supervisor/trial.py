"""The trial of new versions: whether the command survives them, what to go back to, and which are refused. Pure.

A restart for new versions puts the command on trial. If it fails within that time, and nobody has signalled it, it gets
the old values back, once. The version is then refused: it is not tried again until another one comes, AWS goes back, or
a refresh is asked for.
"""

from __future__ import annotations

import signal

from secretenv.supervisor.actions import line
from secretenv.supervisor.signals import ECHO_TIME
from secretenv.wording import shown_version, shown_versions, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretenv.protocol import Answer
    from secretenv.supervisor.actions import Line

REMINDER = 3600.0  # seconds between two lines about a version that is still refused

# A command that ends soon after one of these may have ended because of it.
_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)

# The hint about a refused version.
NEXT = "fix the value: its next version is tried at once; --refresh-signal tries this one again"


class Trial:
    """The trial of the command, if there is one now, and the versions that are refused.

    Args:
        length: of a trial in seconds; 0: there is none.
        patience: seconds in which the command may be exiting on a signal.

    Attributes:
        due: when the trial is over, or None.
        refused: the versions of the secrets that are refused; empty if there are none.
        why: why they are.
        since: when they were.
    """

    def __init__(self, length: float, patience: float) -> None:
        self.due: float | None = None
        self.refused: dict[str, str] = {}
        self.why = ""
        self.since = 0.0
        self._length = length
        self._patience = patience
        self._proven: Answer | None = None  # what to go back to; kept no longer than the trial
        self._reminder = 0.0

    def begin(self, before: Answer, now: float) -> None:
        """Begin a trial: the command is started with another answer.

        Args:
            before: the answer that it had until now. While that is on trial itself, the one before it is kept.
            now: in seconds.
        """
        if self._length > 0:
            self._proven = self._proven or before
            self.due = now + self._length

    def interrupt(self) -> None:
        """End the trial without an outcome: the command is being stopped, or has ended."""
        self.due = None

    def until(self, running: Answer) -> float | None:
        """Return when the trial of new versions is over; None if there is none, or if the old values are back."""
        return self.due if self._proven and self._proven.versions != running.versions else None

    def over(self, running: Answer) -> list[Line]:
        """End the trial, which the command survived; return the line about it, unless the old values were on trial."""
        self.due, before, self._proven = None, self._proven, None
        if before is None or before.versions == running.versions:
            return []
        return [line("info", f"the command survived the new version of {_names(before, running)}")]

    def fails(self, status: int, running: Answer, sent: Mapping[int, float], now: float) -> Answer | None:
        """Take the end of the command; return what to go back to, or None if the new values are not to blame.

        Args:
            status: its exit status, or -N for signal N.
            running: the answer that it was started with.
            sent: per signal: when the command got it last.
            now: in seconds.
        """
        old, on_trial = self._proven, self.due is not None and now < self.due
        self.due = None
        if not on_trial or old is None or old.versions == running.versions:
            return None
        if was_asked(status, sent, self._patience, now):
            return None
        return old

    def lost(self, old: Answer, running: Answer, target: Answer, status: int, now: float) -> tuple[Answer, Line]:
        """Return what the command gets now, and the line about it; refuse what it failed with, if that is the newest.

        Args:
            old: what to go back to.
            running: the answer that it failed with.
            target: the newest answer.
            status: how it ended.
            now: in seconds.
        """
        why = ending(status)
        if target.versions == running.versions:
            self.refuse(old, running, why, now)
        newer = target.versions not in (running.versions, old.versions)
        then = "the newest values" if newer else "the old values back"
        words = f"the command did not survive the new version of {_names(old, running)} ({why}): it gets {then}"
        return target if newer else old, line("error", words, "rotation", NEXT, event="trial_failed")

    def refuse(self, old: Answer, new: Answer, why: str, now: float) -> None:
        """Refuse the versions in which the new answer differs from the old one."""
        self.take(differing(old, new), why, now)

    def take(self, refused: dict[str, str], why: str, now: float) -> None:
        """Refuse these versions."""
        self.refused = refused
        self.why = why
        self.since = now
        self._reminder = now + REMINDER

    def accept(self) -> None:
        """Refuse nothing any more."""
        self.refused = {}

    def remind(self, now: float) -> list[Line]:
        """Return the line about what is refused, once an hour."""
        if not self.refused or now < self._reminder:
            return []
        self._reminder = now + REMINDER
        return [line("error", f"still refused: {self.status()}", "rotation", NEXT, event="refused")]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the refused versions as JSON types, each with since when and why."""
        rest = {"since": self.since, "why": self.why}
        pairs = self.refused.items()
        return [{"secret": secret, "version": shown_version(secret, version), **rest} for secret, version in pairs]

    def status(self) -> str:
        """Return what is refused and why, for people; empty if nothing is."""
        if not self.refused:
            return ""
        return f"the new version {shown_versions(self.refused)} ({self.why})"


def was_asked(status: int, sent: Mapping[int, float], patience: float, now: float) -> bool:
    """Tell whether the command ended without a failure, or whether a signal may be the reason.

    Args:
        status: its exit status, or -N for signal N.
        sent: per signal: when the command got it last.
        patience: seconds in which the command may be exiting on a signal.
        now: in seconds.
    """
    if status == 0 or -status in _ENDING:
        return True
    recent = [signum for signum, when in sent.items() if now - when < max(patience, ECHO_TIME)]
    return any(signum in _ENDING or signum == -status for signum in recent)


def ending(status: int) -> str:
    """Return in words how a process ended, from its exit status, or -N for signal N."""
    return f"killed by {signal_name(-status)}" if status < 0 else f"exit status {status}"


def differing(old: Answer, new: Answer) -> dict[str, str]:
    """Return the versions of the new answer that the old one does not have."""
    return {secret: version for secret, version in new.versions.items() if old.versions.get(secret) != version}


def _names(old: Answer, new: Answer) -> str:
    return ", ".join(differing(old, new))
