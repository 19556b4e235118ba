"""What is in the cache, and what is to be sealed into it or removed from it next. Pure.

A device's flash wears out: so there is a write when the values change, and one a day at most while they do not.
"""

from __future__ import annotations

from secretenv.cache_protocol import Known
from secretenv.errors import CredentialsError, SecretError
from secretenv.supervisor.actions import Rare, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.cache_protocol import Outcome
    from secretenv.errors import SecretenvError
    from secretenv.protocol import Answer
    from secretenv.supervisor.actions import Action

DAY = 86400.0  # seconds after which the same values are sealed again, so that their age is that of the last check
RETRY = 3600.0  # seconds until another try where the file could not be written
# Seconds after which a writer hangs: far more than a key in hardware takes, even if each of its steps is late.
WRITE_LIMIT = 120.0
# AWS refuses for good only after so many seconds and so many fetches: the first may be an operator's mistake.
REVOKED_AFTER, REVOKED_FETCHES = 3600.0, 3
MOST_FLIPS = 8  # times a day that the mark is written or removed: a policy may flap
# The links at which AWS itself was not reached, although the error does not pass by itself.
_ON_THE_WAY = {"DNS", "proxy", "connection", "TLS"}
_OF_THIS_DEVICE = {"file", "region"}


class SealCache(Rare):
    """Seal these values; report `sealed`."""

    known: Known


class DropCache(Rare):
    """Remove the file; report `sealed`."""


def unreachable(error: SecretenvError) -> bool:
    """Tell whether AWS itself was not reached, or may answer later: it has refused nothing."""
    return error.transient or (isinstance(error, CredentialsError | SecretError) and error.link in _ON_THE_WAY)


def refused(error: SecretenvError) -> bool:
    """Tell whether AWS itself refused the device or its secrets."""
    of_aws = isinstance(error, CredentialsError | SecretError) and error.link not in _OF_THIS_DEVICE
    return of_aws and not unreachable(error)


class Sealing:
    """What the cache is to hold, and what it holds.

    Attributes:
        busy: whether it is being written.
        failed: whether it could not be written last.
        sealed_at: when it was sealed, in seconds since the epoch; 0: there is none.
        denied_since: since when AWS has refused, or None.
        limit: when it has taken too long to write it, or None.
    """

    def __init__(self) -> None:
        self.busy = self.failed = False
        self.sealed_at = 0.0
        self.denied_since: float | None = None
        self.limit: float | None = None
        self._denials = 0
        # What it is to hold; None: nothing is known.
        self._good: Answer | None = None
        self._refused: dict[str, str] = {}
        self._why = ""
        self._looked: float | None = None  # when AWS last confirmed these; None: not known, the file may say
        self._drop = False  # whether the file is to be removed
        self._removed: Answer | None = None  # what it held, until AWS refuses no more
        # What it holds.
        self._held: tuple[object, ...] = ()
        self._held_looked: float | None = None
        self._writing: tuple[tuple[object, ...], float | None] = (), None
        self._again = False  # whether there is more to write after that
        self._retry = 0.0  # when to try again after a failure
        self._day, self._flips = -DAY, 0  # when the day of this count began, and how often the mark has changed in it
        self._said = ""  # why it could not be written, which has been logged

    def opened(self, outcome: Outcome, now: float) -> None:
        """Take what was in the file."""
        known = outcome.known
        self.sealed_at = outcome.sealed_at
        self._said = outcome.error.message if outcome.error else ""  # writing may meet the same
        if known:
            self._good, self._refused, self._why = known.answer, known.refused, known.why
            self._looked = None if known.age is None else now - known.age
            self.denied_since = None if known.denied is None else now - known.denied
            self._denials = known.denials
            self._held, self._held_looked = self._content(), self._looked

    def keep(self, answer: Answer, refused: dict[str, str], why: str, looked: float, now: float) -> list[Action]:
        """Have these values in the cache: return the action that seals them, if they are not there.

        Args:
            answer: what the command runs well with.
            refused: the versions that it has refused.
            why: it refused them.
            looked: when AWS last confirmed the answer.
            now: in seconds.
        """
        self._good, self._refused, self._why, self._drop = answer, dict(refused), why, False
        self._removed = None
        self._looked = looked
        return self._write(now)

    def renew(self, versions: dict[str, str], now: float) -> list[Action]:
        """Take a successful fetch of these versions: if they are not new, seal the same values when it is time."""
        if self._good is None or {**self._good.versions, **self._refused} != versions:
            return []
        self._looked = now
        return self._write(now)

    def confirmed(self) -> None:
        """Take a successful fetch: AWS refuses nothing. `renew` or `keep` removes the mark from the file."""
        self.denied_since, self._denials = None, 0
        if self._removed:
            self._good, self._removed, self._drop = self._removed, None, False

    def denied(self, now: float) -> list[Action]:
        """Take a refusal of AWS: mark the file, and remove it when AWS has refused for long."""
        if self.denied_since is None:
            self.denied_since = now
        self._denials += 1
        revoked = now - self.denied_since >= REVOKED_AFTER and self._denials >= REVOKED_FETCHES
        if not revoked or self._good is None:
            return self._write(now)
        self._good, self._removed, self._drop = None, self._good, True
        words = "AWS has refused to return the secrets for an hour: the cache is removed"
        return [line("warning", words, "cache"), *self._write(now)]

    def renewed(self) -> None:
        """Seal the same values again after the next success: the device may have another key now."""
        self._held_looked = None

    def late(self, retry: float = 0.0) -> None:
        """Wait no more for the outcome of the last action; the next one, not before `retry`, ends what is late."""
        self.busy, self.failed, self.limit, self._retry, self._again = False, True, None, retry, False

    def forget_refused(self, now: float) -> list[Action]:
        """Refuse no version any more: the command does not survive the older values either."""
        self._refused, self._why = {}, ""
        return self._write(now)

    def _content(self) -> tuple[object, ...]:
        # More refusals than it takes to remove the file are not worth a write.
        versions = self._good.versions if self._good else None
        return versions, self._refused, min(self._denials, REVOKED_FETCHES)

    def _write(self, now: float) -> list[Action]:
        """Return the action that makes the file hold what it is to hold."""
        if self.busy:
            self._again = True
            return []
        if self.failed and now < self._retry:
            return []
        if self._good is None:
            return self._begin(DropCache(), now) if self._drop else []
        if not self._old() and (self._content() == self._held or self._only_flips(now)):
            return []
        known = Known(
            answer=self._good,
            refused=self._refused,
            why=self._why,
            age=None if self._looked is None else now - self._looked,
            denied=None if self.denied_since is None else now - self.denied_since,
            denials=self._denials,
        )
        return self._begin(SealCache(known=known), now)

    def _only_flips(self, now: float) -> bool:
        """Whether only the mark differs, which has been written and removed often today: AWS refuses now and then."""
        if self._content()[:2] != self._held[:2]:
            return False
        if now - self._day >= DAY:
            self._day, self._flips = now, 0
        self._flips += 1
        return self._flips > MOST_FLIPS

    def _old(self) -> bool:
        """Whether AWS's last confirmation is much later than the one in the file."""
        if self._looked is None:
            return False
        return self._held_looked is None or self._looked - self._held_looked >= DAY

    def _begin(self, action: SealCache | DropCache, now: float) -> list[Action]:
        self.busy, self.limit, self._writing = True, now + WRITE_LIMIT, (self._content(), self._looked)
        return [action]

    def sealed(self, outcome: Outcome, now: float) -> list[Action]:
        """Take the outcome of the last action."""
        self.busy, self.limit = False, None
        if outcome.sealed_at or not outcome.error:  # a process that was killed does not say what is there
            self.sealed_at = outcome.sealed_at
        error, self.failed = outcome.error, outcome.error is not None
        actions: list[Action] = []
        if error:
            self._retry = now + RETRY
            if error.message != self._said:
                actions.append(line("warning", error.message, error.link, error.hint))
            self._said = error.message
        else:
            self._said, self._drop = "", False
            self._held, self._held_looked = self._writing
            actions.append(line("debug", "the cache holds the values" if self._good else "the cache is removed"))
        again, self._again = self._again, False
        return actions + (self._write(now) if again else [])
