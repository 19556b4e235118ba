"""The trial of new versions: whether the command survives them, what to go back to, and which are refused. Pure.

A restart for new versions puts the command on trial. If it fails within that time, and nobody has signalled it, it gets
the old values back, once. The version is then refused: it is not tried again until another one comes, AWS goes back, or
a refresh is asked for.
"""

from __future__ import annotations

from secretenv.supervisor.actions import line
from secretenv.wording import shown_version, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.supervisor.actions import Line

REMINDER = 3600.0  # seconds between two lines about a version that is still refused

# The hint about a refused version.
NEXT = "fix the value: its next version is tried at once; --refresh-signal tries this one again"


class Trial:
    """The trial of the command, if there is one now, and the versions that are refused.

    Args:
        length: of a trial in seconds; 0: there is none.

    Attributes:
        due: when the trial is over, or None.
        refused: the versions of the secrets that are refused; empty if there are none.
        why: why they are.
        since: when they were.
    """

    def __init__(self, length: float) -> None:
        self.due: float | None = None
        self.refused: dict[str, str] = {}
        self.why = ""
        self.since = 0.0
        self._length = length
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

    def over(self, running: Answer) -> list[Line]:
        """End the trial, which the command survived; return the line about it, unless it was that of the old values."""
        self.due, before, self._proven = None, self._proven, None
        if before is None or before.versions == running.versions:
            return []
        return [line("info", f"the command survived the new version of {_names(before, running)}")]

    def fails(self, running: Answer, now: float) -> Answer | None:
        """Return what to go back to if the command ends now, or None: no trial, or that of the old values."""
        if self.due is None or now >= self.due or self._proven is None:
            return None
        return None if self._proven.versions == running.versions else self._proven

    def refuse(self, old: Answer, new: Answer, why: str, now: float) -> None:
        """Refuse the versions in which the new answer differs from the old one."""
        self.refused = differing(old, new)
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

    def status(self) -> str:
        """Return what is refused and why, for people; empty if nothing is."""
        if not self.refused:
            return ""
        pairs = self.refused.items()
        names = ", ".join(f"{secret} {shown_version(secret, version)}".rstrip() for secret, version in pairs)
        return f"the new version {names} ({self.why})"


def ending(status: int) -> str:
    """Return how a process ended: its exit status, or -N for signal N."""
    return f"killed by {signal_name(-status)}" if status < 0 else f"exit status {status}"


def differing(old: Answer, new: Answer) -> dict[str, str]:
    """Return the versions of the new answer that the old one does not have."""
    return {secret: version for secret, version in new.versions.items() if old.versions.get(secret) != version}


def _names(old: Answer, new: Answer) -> str:
    return ", ".join(differing(old, new))


def not_survived(old: Answer, new: Answer, why: str, then: str) -> Line:
    """Return the line that the command did not survive a new version.

    Args:
        old: what it had before.
        new: what it did not survive.
        why: how it ended.
        then: what it gets now.
    """
    words = f"the command did not survive the new version of {_names(old, new)} ({why}): it gets {then}"
    return line("error", words, "rotation", NEXT, event="trial_failed")
