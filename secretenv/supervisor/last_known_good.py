"""The life of the command with a cache: when its values start the command, and which new ones it gets. Pure.

Loaded only with --cache. `sealing` knows what the cache holds; `cache_process` opens and writes it. The cache is for a
device that cannot reach AWS: where AWS refuses, there is no start. Values get into it once the command runs well with
them.
"""

from __future__ import annotations

from secretenv.cache_protocol import CacheError, Known, Outcome, outcome_of
from secretenv.errors import Message
from secretenv.protocol import Answer
from secretenv.supervisor.actions import Exec, Rare, line
from secretenv.supervisor.lifecycle import Lifecycle, past
from secretenv.supervisor.phases import CLEANING, RUNNING, STOPPING, WAITING
from secretenv.supervisor.sealing import RETRY, WRITE_LIMIT, Sealing, refused, unreachable
from secretenv.supervisor.trial import NEXT, ending, was_asked
from secretenv.wording import shown_versions, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretenv.errors import SecretenvError
    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Action, Level
    from secretenv.supervisor.phases import Event

OPEN_LIMIT = 10.0  # seconds, far more than it takes; a disk may hang
SEAL_LIMIT = 5.0  # seconds that the end waits until the new values are sealed
# Seconds that AWS is asked first where the cache would be used at once, but AWS has refused before.
ASK_FIRST = 10.0

CONFIRMED = "AWS confirms the values of the cache"
OPENING_LATE = Message(
    CacheError,
    "the cache was not opened within {time}",
    "check the disks of the cache and of the key file: dmesg | tail",
)
SEALING_LATE = Message(
    CacheError,
    "the cache was not written within {time}",
    "check the disk of the cache: dmesg | tail",
)


class OpenCache(Rare):
    """Open the file; report `opened`."""


class LeaveCache(Rare):
    """Kill the process that opens the file; nothing is reported."""


def with_cache(life: type[Lifecycle]) -> type[Lifecycle]:
    """Return the same life with a cache."""
    return type("CachedLife", (CachedLife, life), {})


class CachedLife(Lifecycle):
    """The state of one run with a cache. The arguments are those of `Lifecycle`."""

    _held: Answer | None = None  # that of `validation`

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(settings, **given)
        self._at_once = not settings.cache_after
        self._no_restarts = settings.on_change not in {"restart", "exit"}
        self._sealing = Sealing()
        self._opening = True
        self._first: Answer | SecretenvError | None = None  # the outcome of the first fetch, which waits for the cache
        self._known: Known | None = None  # what the command can be started with
        self._unconfirmed = False  # whether the command runs with values of the cache that no fetch has confirmed yet
        self._age: float | None = None  # of these values at the start
        self._from_cache = False  # whether this run began with the cache: the next one may, too
        self._died: int | None = None  # how it ended with these: newer ones are fetched before the end
        self._certificate_end = 0.0  # of the certificate that was used last, in seconds since the epoch
        self._refused_until = 0.0  # until when a failure is not the fault of the refused version
        # Due times; None is never.
        self._open_limit: float | None = None
        self._use_at: float | None = None
        self._seal_at: float | None = None
        self._seal_limit: float | None = None

    def due(self) -> float | None:
        """Return when `tick` has something to do, or None for never."""
        limits = (self._open_limit, self._seal_limit, None if self.ended else self._sealing.limit)
        times = (super().due(), self._use_at, self._seal_at, *limits)
        return min((time for time in times if time is not None), default=None)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as `Lifecycle` does, with that of the cache."""
        cache = {
            "file": self._settings.cache,
            "sealed_at": self._sealing.sealed_at or None,
            "denied_since": self._sealing.denied_since,
            "in_use": self._unconfirmed,
        }
        return {**super().snapshot(), "cache": cache}

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions = super().tick(now)
        if past(self._open_limit, now):
            late = OPENING_LATE(time=span(OPEN_LIMIT))
            actions += [LeaveCache(), *self.opened(outcome_of(late), now)]
        if past(self._use_at, now):
            self._use_at = None
            if self.phase == WAITING and self._known:
                actions += self._use(self._known, now)
        if past(self._seal_at, now):
            self._seal_at = None
            actions += self._keep_good(now)
        if past(self._seal_limit, now):
            self._seal_limit = None
            self._sealing.late()
            actions += [_late(SEAL_LIMIT), *self.gone(now)]
        if past(self._sealing.limit, now):
            self._sealing.late(now + RETRY)
            actions.append(_late(WRITE_LIMIT))
        return actions

    # The start

    def start(self, now: float) -> list[Action]:
        """Begin with the first fetch and the cache, or with the cache alone."""
        self._open_limit = now + OPEN_LIMIT
        self._use_at = now + self._settings.cache_after
        if not self._at_once:
            return [*super().start(now), OpenCache()]
        self._refresh.set_limits(now)  # a fetch may be asked for meanwhile
        return [*self._notices.starting(), OpenCache()]

    def opened(self, outcome: Outcome, now: float) -> list[Action]:
        """Take what the cache holds, or why it cannot be used."""
        if not self._opening:
            return []
        self._opening, self._open_limit = False, None
        error = outcome.error
        actions: list[Action] = [line("warning", error.message, error.link, error.hint)] if error else []
        self._sealing.opened(outcome, now)
        if self.phase != WAITING:
            return actions
        self._known = outcome.known
        first, self._first = self._first, None
        if first is not None and not self._refresh.fetching:  # a newer fetch may have been asked for meanwhile
            took = self.fetched(first, now) if isinstance(first, Answer) else self._give_up(first, now)
            return actions + took
        if self._known is None:
            return actions + (self._ask_first(now) if self._at_once else [])
        if self._at_once and self._known.denied is not None:
            self._use_at = now + ASK_FIRST
            return actions + self._ask_first(now)
        return actions + (self._use(self._known, now) if self._at_once or self._use_at is None else [])

    def _use(self, known: Known, now: float, error: SecretenvError | None = None) -> list[Action]:
        """Start the command with the values of the cache because of this error, and check AWS afterwards."""
        self._use_at, age, error = None, known.age, error or self._refresh.error
        self._age = age
        words = "starting with the values of the cache, " + _age(age)
        why = f": {error.message}" if error else ""
        level: Level = "warning" if error or age is None or not self._at_once else "info"
        said = line(level, words + why, "cache", event="cache_used")
        self._refresh.begin_without(None if age is None else now - age)
        self._unconfirmed = True
        # A refused version is not news.
        return [said, *self._begin(known, {**known.answer.versions, **known.refused}, now)]

    def _begin(self, known: Known, newest: dict[str, str], now: float) -> list[Action]:
        """Start the command with the values of the cache; `newest` are AWS's versions, as far as they are known."""
        self._known, self._from_cache = None, True
        self.target = self.running = known.answer
        self._versions.accept(newest, now)
        if known.refused:
            self._trial = self._first_trial()
            self._trial.take(known.refused, known.why, now)
            self._refused_until = now + self._settings.trial
        if self._settings.once:
            notices = self._notices.becoming(known.answer.versions)
            return [*self._end("start from the cache with --once"), *notices, Exec(answer=known.answer)]
        self._move("start from the cache")
        if self._unconfirmed and not self._refresh.fetching and not self._refresh.holds_back():
            self._refresh.look_again(now)  # by the next tick: the command first
        return self._start()

    def _note(self) -> str:
        """Return what there is to say about the values of the command, empty if they are the newest."""
        if not self._unconfirmed:
            return super()._note()
        age = "unknown age" if self._age is None else f"{span(self._age)} ago"
        return f"values of {age}, from the cache"

    # The fetcher

    def fetched(self, answer: Answer, now: float) -> list[Action]:
        """Take an answer that has no error."""
        self._sealing.confirmed()
        if end := answer.certificate_end:  # 0: no certificate was needed
            if self._certificate_end not in {0.0, end}:
                self._sealing.renewed()
            self._certificate_end = end
        if self.phase == WAITING and not self.shutdown:
            return self._first_fetched(answer, now)
        actions = super().fetched(answer, now)
        settled = self._runs_with(self.target)
        # A restart for newer values is about to begin: until then the command may die of the old ones.
        if self.phase != RUNNING or self.shutdown or not (settled or self._no_restarts):
            return actions
        confirmed, self._unconfirmed = self._unconfirmed, False
        if confirmed and settled:  # otherwise --on-change has said what there is to say
            same = self._versions.current == self.running.versions
            said = [line("info", CONFIRMED, "cache")] if same else []
            actions += [*said, *self._notices.kept(self.running.versions, self._note())]
        return actions if self._seal_at is not None else [*actions, *self._sealing.renew(self._versions.current, now)]

    def _first_fetched(self, answer: Answer, now: float) -> list[Action]:
        """Start the command with an answer of AWS, unless it has refused that version, or has just died of it."""
        if self._opening:
            self._refresh.ended()
            self._first = answer
            return []
        died, self._died = self._died, None
        if died is not None and self._runs_with(answer):
            self._refresh.ended()
            said = line("info", "AWS has no newer values")
            return [said, *self._end_with(died, "first fetch given up")]
        known = self._known
        if known and self._has_refused(known, answer):
            self._refresh.ended()
            words = f"starting with the values of the cache: the command has refused {_refused(known)}"
            said = line("warning", words, "rotation", NEXT, event="cache_used")
            newest = {**known.answer.versions, **known.refused}
            actions = [*self._refresh.succeeded(now), said, *self._begin(known, newest, now)]
            if answer.versions != newest:
                self._refresh.look_again(now)  # the other new versions are tried from here on
            return actions
        self._known, self._from_cache, self._use_at = None, False, None
        if self._settings.once:
            return [*self._keep(answer, now), *super().fetched(answer, now)]
        actions = super().fetched(answer, now)
        self._seal_at = now + (self._settings.trial if self._settings.on_change == "restart" else 0.0)
        return actions

    def _has_refused(self, known: Known, answer: Answer) -> bool:
        """Whether an answer has a refused version: with other new versions too, only where they are tried."""
        refused, versions = known.refused.items(), answer.versions
        settings = self._settings
        tries = not settings.once and (settings.on_change == "restart" or settings.validates)
        same = versions == {**known.answer.versions, **known.refused}
        return bool(refused) and (same or (tries and any(versions.get(name) == bad for name, bad in refused)))

    def failed(self, error: SecretenvError, now: float) -> list[Action]:
        """Take the error of a fetch, or of an answer that the command could not be started with."""
        marks = self._sealing.denied(now) if self.phase != WAITING and refused(error) else []
        return [*marks, *super().failed(error, now)]

    def _give_up(self, error: SecretenvError, now: float) -> list[Action]:
        """Start with the values of the cache, if AWS was not reached; otherwise end."""
        if self._opening:
            self._first = error
            return []
        if self._known and unreachable(error):
            return self._use(self._known, now, error)
        marks = self._sealing.denied(now) if refused(error) else []
        if self._died is not None:
            said = line("error", error.message, error.link, error.hint)
            return [*marks, said, *self._end_with(self._died, "first fetch given up")]
        return [*marks, *super()._give_up(error, now)]

    # The values that are kept

    def _keep(self, answer: Answer, now: float) -> list[Action]:
        """Seal this answer, if the cache does not hold it."""
        trial, looked = self._trial, self._refresh.fetched_at
        refused, why = (trial.refused, trial.why) if trial else ({}, "")
        return self._sealing.keep(answer, refused, why, now if looked is None else looked, now)

    def _keep_good(self, now: float) -> list[Action]:
        """Seal what the next start is to have: what the command runs with, or what it was notified of."""
        return self._keep((self._held or self.target) if self._no_restarts else self.running, now)

    def _proven(self, now: float) -> list[Action]:
        """Seal the values that the command runs well with; newer ones were refused, or there are none."""
        self._unconfirmed = False
        return self._keep_good(now)

    def _overlook(self, before: Answer) -> list[Action]:
        """Go on with a new version whose values are the same: the cache gets it soon, or after a trial."""
        if self._seal_at is None and not (self._trial and self._trial.due):
            self._seal_at = self._refresh.fetched_at
        return super()._overlook(before)

    def _tell(self, now: float) -> list[Action]:
        """Notify the command of a change: the next start is with these values."""
        return [*super()._tell(now), *self._keep(self.target, now)]

    def prepared(self, answer: Answer, now: float) -> list[Action]:
        """Go on with the restart; where secretenv ends for it, the next start finds these values in the cache."""
        actions = super().prepared(answer, now)
        ends = self.phase == STOPPING and self._settings.on_change == "exit"
        return actions + (self._keep(answer, now) if ends else [])

    def sealed(self, outcome: Outcome, now: float) -> list[Action]:
        """Take the outcome of what was written."""
        actions = self._sealing.sealed(outcome, now)
        if self._seal_limit is not None and not self._sealing.busy:
            self._seal_limit = None
            actions += self.gone(now)
        return actions

    # The command

    def exited(self, status: int, now: float) -> list[Action]:
        """Take the end of the command; where it did not survive values of the cache, others are fetched first."""
        if self.phase != RUNNING or self.shutdown:
            return super().exited(status, now)
        failed = not was_asked(status, self._sent, self._settings.kill_timeout, now)
        if failed and self._unconfirmed:
            self._died, self._unconfirmed, self._from_cache = status, False, False
            if self._trial:
                self._trial.accept()  # there is nothing better left
            stopped = self._stop_trying()
            words = f"the command did not survive the values of the cache ({ending(status)}): reading them from AWS"
            said = line("error", words, "cache")
            return [*stopped, *self._clear_away("exit with values of the cache", said, now)]
        seal: list[Action] = []
        if failed and now < self._refused_until:
            seal = self._sealing.forget_refused(now)
        elif status == 0 and self._seal_at is not None:
            seal = self._keep_good(now)
        self._seal_at = None
        return seal + super().exited(status, now)

    def gone(self, now: float) -> list[Action]:
        """Go on after the last process of the old command."""
        if self.phase != CLEANING or self.shutdown:
            return super().gone(now)
        if self._died is not None:
            return self._fetch_again(now)
        if self._settings.on_change == "exit" and self._sealing.busy:
            self._sweep_limit, self._seal_limit = None, now + SEAL_LIMIT
            return []
        self._seal_at, self._unconfirmed, self._refused_until = None, False, 0.0
        actions = super().gone(now)
        if self.phase == RUNNING and not self._settings.trial:
            self._seal_at = now
        return actions

    def _exits(self) -> bool:
        """Whether secretenv ends for a new version: not where the next start would have the old one again."""
        return super()._exits() and not (self._from_cache and self._sealing.failed)

    def _fetch_again(self, now: float) -> list[Action]:
        """Read the values from AWS, as before the first start; newer ones may have come meanwhile."""
        self._sweep_limit = None
        self._move("all gone, values to be fetched")
        if self.target is not self.running:
            return self.fetched(self.target, now)
        return self._ask_first(now)

    def _ask_first(self, now: float) -> list[Action]:
        """Read the values from AWS before the command is started."""
        return [*self._notices.starting(), *self._refresh.start_again(now)]

    def _end(self, event: Event) -> list[Action]:
        self._open_limit = self._use_at = self._seal_at = self._seal_limit = self._sealing.limit = None
        return super()._end(event)

    def _begin_shutdown(self, signum: int) -> list[Action]:
        """Seal nothing any more; what is being written is finished."""
        self._seal_at = None
        if self._seal_limit is not None:  # the command is gone already
            self._seal_limit = None
            return [*super()._begin_shutdown(signum), *self.gone(0.0)]
        return super()._begin_shutdown(signum)


def _late(seconds: float) -> Action:
    error = SEALING_LATE(time=span(seconds))
    return line("warning", error.message, error.link, error.hint)


def _refused(known: Known) -> str:
    return f"{shown_versions(known.refused)} ({known.why})"


def _age(seconds: float | None) -> str:
    return "of unknown age: this machine's clock cannot be trusted" if seconds is None else f"{span(seconds)} old"
