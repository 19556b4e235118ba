"""When to fetch: the interval, the retries, the limits of a fetch, and the lines while it fails.

A part of the state machine in `lifecycle`: no clock, no process, no I/O. It does not look at answers.
"""

from __future__ import annotations

from secretenv.errors import THROTTLED, FetcherError, SecretenvError
from secretenv.protocol import FETCH_LIMIT
from secretenv.supervisor.actions import GRACE, KillFetch, StartFetch, line, notice
from secretenv.wording import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from secretenv.supervisor.actions import Action, Level

# The last try before the start timeout needs time to connect (5 s) and fail in its own words.
LAST_TRY = 6.0
# First and longest wait in seconds before the first start, before jitter.
START_BACKOFF = (0.5, 15.0)
# The same where AWS throttles: a fleet that starts at once, after a power cut, is served at the rate of its quota, and
# AWS refuses all calls above it. Exiting and restarting would only add calls.
THROTTLED_BACKOFF = (2.0, 120.0)
THROTTLED_START = 600.0  # seconds that the first fetch may then be retried, at least
HURRY = 60.0  # the default start timeout; one set below it is kept even when AWS throttles
BACKOFF_FIRST = 2.0
MOST_DOUBLINGS = 20
PERMANENT_RETRY = 60.0  # a failure that needs an operator is not retried more often
REMINDER = 3600.0


class Refresh:
    """The fetches of one run.

    Args:
        interval: seconds between two checks, +-10 %.
        start_timeout: seconds for which the first fetch may be retried.
        uniform: a source of numbers in [0, 1).

    Attributes:
        due: when the next fetch begins, or None.
        limit: when the running one is to be killed, or None.
        fetching: whether one is running.
        error: why the last one failed; None if it did not, or there was none yet.
        failing_since: since when they have been failing.
        fetched_at: when the last successful one ended, or None.
    """

    def __init__(self, interval: float, start_timeout: float, uniform: Callable[[], float]) -> None:
        self.due: float | None = None
        self.limit: float | None = None
        self.fetching = False
        self.error: SecretenvError | None = None
        self.failing_since: float | None = None
        self.fetched_at: float | None = None
        self._interval = interval
        self._start_timeout = start_timeout
        self._uniform = uniform
        self._start_limit: float | None = None  # None once the command was started
        self._throttled_limit = 0.0
        self._again = False  # a check was asked for during a fetch, which may have read too early
        self._failures = 0
        self._cause: SecretenvError | None = None  # why the first fetch failed, if a fetcher could tell
        self._hinted: set[str] = set()  # next steps that were shown since the last success
        self._reminder = 0.0

    def snapshot(self) -> dict[str, Any]:
        """Return the last success, the next fetch and the failure, if there is one, as JSON types."""
        error = self.error
        return {
            "looked_at": self.fetched_at,
            "next_look": self.due,
            "failing": error
            and {
                "since": self.failing_since,
                "link": error.link,
                "message": error.message,
                "hint": error.hint,
            },
        }

    def start(self, now: float) -> list[Action]:
        """Begin with the first fetch."""
        self.set_limits(now)
        return self._fetch(now)

    def set_limits(self, now: float) -> None:
        """Limit the tries before the command's start."""
        self._start_limit = now + self._start_timeout
        patience = THROTTLED_START if self._start_timeout >= HURRY else 0.0
        self._throttled_limit = now + max(self._start_timeout, patience)

    def begin_without(self, fetched_at: float | None) -> None:
        """Take the command's start with values that no fetch of this run has read.

        Args:
            fetched_at: when AWS last confirmed them; None: not known.
        """
        self._start_limit, self.fetched_at = None, fetched_at

    def start_again(self, now: float) -> list[Action]:
        """Go on as before the first start; a fetch that is under way counts."""
        if not self.fetching:
            return self.start(now)
        self.set_limits(now)
        return []

    def ask(self, now: float) -> list[Action]:
        """Check now, or again after the fetch that is under way."""
        if self.fetching:
            self._again = True
            return []
        return self._fetch(now)

    def holds_back(self) -> bool:
        """Whether the next check waits because AWS throttles."""
        return self.due is not None and self.error is not None and self.error.link == THROTTLED

    def look_again(self, at: float) -> None:
        """Check at this time, if not earlier."""
        self.due = at if self.due is None else min(self.due, at)

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions: list[Action] = []
        if self.limit is not None and now >= self.limit:
            self.limit = None
            actions.append(KillFetch())
        if self.due is not None and now >= self.due:
            actions += self._fetch(now)
        return actions

    def stop(self) -> list[Action]:
        """Fetch no more."""
        self.due = self.limit = None
        return [KillFetch()] if self.fetching else []

    def ended(self) -> None:
        """Note that the running fetch has ended, successful or not."""
        self.fetching, self.limit = False, None

    def succeeded(self, now: float) -> list[Action]:
        """Plan the next check; if the last one failed, log that this is over."""
        actions: list[Action] = []
        if self.failing_since is not None and self.fetched_at is not None:
            lasted, age = span(now - self.failing_since), span(now - self.fetched_at)
            words = f"secrets can be read again, after {lasted} of failures; the values were {age} old"
            actions.append(line("info", words, event="fetch_ok"))
        self._start_limit = self.failing_since = self.error = None
        self._failures = 0
        self._hinted.clear()
        self.fetched_at = now
        wait = self._interval * (0.9 + 0.2 * self._uniform())
        self.due = now + wait
        return [*actions, line("debug", f"next check in {span(wait)}")]

    def follow_up(self, now: float) -> list[Action]:
        """Begin the check that was asked for during another."""
        if not self._again:
            return []
        self._again = False
        return self._fetch(now)

    def give_up(self, error: SecretenvError, now: float) -> SecretenvError | None:
        """Return the error to end with before the first start, or None if there is time for another try."""
        if error.link == THROTTLED:
            self._start_limit = self._throttled_limit
        if error.may_pass(running=False) and now < self._last_try(now):
            return None
        # The last try may have been cut off before it could name the cause that the earlier ones have named.
        return self._cause if self._cause and error.transient and isinstance(error, FetcherError) else error

    def try_again(self, error: SecretenvError, now: float) -> list[Action]:
        """Plan the next try before the first start."""
        self._note(error, now)
        throttled = error.link == THROTTLED
        if not isinstance(error, FetcherError):
            self._cause = error
        self._failures += 1
        backoff = THROTTLED_BACKOFF if throttled else START_BACKOFF
        self.due = min(now + self._jittered(*backoff), self._last_try(now))
        words = f"{error.message}; trying again in {span(self.due - now)}"
        within = self._limit_of_start(now) - now + GRACE if throttled else 0.0
        told = notice(status=words, within=within)
        hint = self._new_hint(error)
        return [line("warning", words, error.link, hint, event="fetch_failed"), told, *self.follow_up(now)]

    def _new_hint(self, error: SecretenvError) -> str:
        """Return the next step, unless it has been shown."""
        hint = "" if error.hint in self._hinted else error.hint
        self._hinted.add(error.hint)
        return hint

    def _limit_of_start(self, now: float) -> float:
        return now if self._start_limit is None else self._start_limit

    def _last_try(self, now: float) -> float:
        """Return when the last try before the first start begins."""
        return self._limit_of_start(now) - min(LAST_TRY, self._start_timeout / 4)

    def failed(self, error: SecretenvError, now: float) -> list[Action]:
        """Plan the next try while the command runs."""
        self._failures += 1
        if error.may_pass(running=True):
            wait = max(self._jittered(BACKOFF_FIRST, self._interval), min(1.0, self._interval))
        else:
            wait = max(PERMANENT_RETRY, self._interval)
        self.due = now + wait
        return [*self.say(error, now), line("debug", f"next check in {span(wait)}"), *self.follow_up(now)]

    def say(self, error: SecretenvError, now: float) -> list[Action]:
        """Log a failure when it begins and then once an hour; put it into the status each time."""
        age = "" if self.fetched_at is None else f", {span(now - self.fetched_at)} old"
        words = f"{error.message}; the command keeps its values{age}"
        if not self._note(error, now) and now < self._reminder:
            hint = self._new_hint(error)
            return [line("debug", words, error.link, hint, event="fetch_failed"), notice(status=words)]
        self._reminder = now + REMINDER
        self._hinted.add(error.hint)
        level: Level = "warning" if error.may_pass(running=True) else "error"
        return [line(level, words, error.link, error.hint, event="fetch_failed"), notice(status=words)]

    def _note(self, error: SecretenvError, now: float) -> bool:
        """Take the error of a fetch; return whether it is the first after a success."""
        self.error = error
        first = self.failing_since is None
        self.failing_since = now if self.failing_since is None else self.failing_since
        return first

    def _jittered(self, first: float, longest: float) -> float:
        """Return a wait with full jitter: anything up to a bound that doubles with each failure."""
        return self._uniform() * min(longest, first * 2.0 ** min(self._failures, MOST_DOUBLINGS))

    def _fetch(self, now: float) -> list[Action]:
        limit = now + FETCH_LIMIT
        self.fetching, self.due = True, None
        self.limit = limit if self._start_limit is None else min(limit, self._start_limit)
        return [StartFetch()]
