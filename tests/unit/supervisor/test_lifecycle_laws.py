"""Laws of the state machine, on random histories and on every pair of events in both orders."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from secretenv.cache_protocol import CacheError, Outcome
from secretenv.errors import CommandNotFoundError, SecretenvError
from secretenv.supervisor.actions import (
    End,
    Exec,
    KillAll,
    KillFetch,
    Prepare,
    Publish,
    Rare,
    Send,
    Spawn,
    StartFetch,
    Stop,
    Sweep,
)
from secretenv.supervisor.last_known_good import CachedLife, LeaveCache, OpenCache
from secretenv.supervisor.phases import CLEANING, RUNNING, STOPPING, WAITING
from secretenv.supervisor.sealing import DropCache, SealCache
from secretenv.supervisor.signals import COMMAND, SENT, TERMINAL
from secretenv.supervisor.validation import KillValidator, PutBack, Validate, ValidatedLife
from tests.unit.supervisor.stories import answer_with, cached, life, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.protocol import Answer
    from secretenv.supervisor.actions import Action
    from secretenv.supervisor.signals import Sender

SIGNALS = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "TSTP", "CONT", "WINCH"]
NOT_FOUND = CommandNotFoundError("myapp: not found")
STALE_FOR = 5.0  # seconds for which Secrets Manager may still return the old version


class World(RuleBasedStateMachine):
    """What surrounds the lifecycle: a service with versions that grow, a fetcher, a command, and time."""

    @initialize(
        on_change=st.sampled_from(["restart", "restart", "exit", "ignore", int(signal.SIGUSR1)]),
        splay=st.sampled_from([0.0, 30.0]),
        interval=st.sampled_from([5.0, 300.0]),
        kill_timeout=st.sampled_from([0.0, 10.0]),
        trial=st.sampled_from([0.0, 10.0, 100.0]),
        validate=st.sampled_from([(), ("check",)]),
        cache=st.sampled_from(["", "/var/cache/app"]),
        cache_after=st.sampled_from([0.0, 2.0]),
        held=st.sampled_from([0, 1, 2]),
        bad=st.booleans(),
        refresh=st.sampled_from([0, int(signal.SIGUSR2)]),
        group=st.booleans(),
        leader=st.booleans(),
        shared=st.booleans(),
    )
    def begin(
        self, *, leader: bool, shared: bool, refresh: int, group: bool, held: int, bad: bool, **given: Any
    ) -> None:
        """Start secretenv; `held` is the version that the cache holds, 0 if there is no file; `bad`: 2 is refused."""
        chosen = settings(refresh_signal=refresh, signal_group=group, **given)
        self.refresh, self.chosen, self.kept_by_start = refresh, chosen, True
        self.life = life(chosen, leader=leader, shared=shared, uniform=lambda: 0.5)
        self.now = 1000.0
        self.version, self.changed = 2, 0.0
        self.held = answer_with(str(held)) if held else None
        self.refused = 2 if bad and held == 1 and chosen.cache else 0
        self.kept = held  # the version that was sealed last
        self.opening = self.sealing = self.of_cache = False
        self.validating: Answer | None = None
        # The versions that may be started, where a program has to accept them.
        self.accepted: set[int] | None = set() if chosen.validate else None
        self.files = 0  # the version whose files are there
        self.restarts = chosen.on_change in {"restart", "exit"}
        self.held_up = False  # whether the program accepted values for which the command was not stopped yet
        self.newest = 0  # the newest version that was ever read
        self.running = 0  # the version that the command was started with last
        self.late = False  # whether nobody waits for the writer any more
        self.starts: list[int] = []  # the versions that it was started with since the last news
        self.survived = True  # whether it did not fail with the newest version
        self.fetching = self.killed = False
        self.alive = False
        self.startable = True
        self.ended = False
        self.shutdown = False
        self._perform(self.life.start(self.now))

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            assert not self.ended, f"{action} after the end"
            if isinstance(action, StartFetch):
                assert not self.fetching, "two fetchers"
                assert not self.shutdown, "a fetch after a shutdown began"
                self.fetching, self.killed = True, False
            elif isinstance(action, KillFetch):
                assert self.fetching
                self.killed = True
            elif isinstance(action, Prepare | Publish | PutBack):
                self._write(action)
            elif isinstance(action, Validate | KillValidator):
                self._validate(action)
            elif isinstance(action, Spawn | Exec):
                self._start(action)
                if self.ended:
                    return
            elif isinstance(action, OpenCache | LeaveCache | SealCache | DropCache):
                self._use_cache(action)
            else:
                self._note(action)

    def _note(self, action: Action) -> None:
        if isinstance(action, Stop | Send | KillAll):
            assert self.alive
            assert not (isinstance(action, Stop) and self.shutdown), "a restart after a shutdown began"
        elif isinstance(action, End):
            self.ended = True

    def _use_cache(self, action: Rare) -> None:
        self.opening = isinstance(action, OpenCache)
        if isinstance(action, LeaveCache):
            self.refused = 0  # nobody knows
        if isinstance(action, SealCache | DropCache):
            assert not self.sealing or self.late, "two writers"
            self.sealing, self.late = True, False
        if isinstance(action, SealCache):
            self._seal(int(action.known.answer.versions["app"]))

    def _seal(self, version: int) -> None:
        """Only what the command runs with, or was notified of, gets into the cache; or what is there."""
        assert version <= self.newest
        if self.restarts or not self.running:
            # With --on-change exit it is sealed before it is started.
            assert version in {self.running, self.kept} or self.chosen.on_change == "exit", "values that are not proven"
        else:
            assert version >= min(self.kept, self.running), "older values than those that the command has"
            assert version >= self.kept or self.kept_by_start, "the cache goes back"
        self.kept, self.kept_by_start = version, False

    def _write(self, action: Prepare | Publish | PutBack) -> None:
        if isinstance(action, PutBack | Publish):
            self.files = int(action.answer.versions["app"])
            self.held_up = False
            if isinstance(action, Publish):
                self._perform(self.life.published(self.now))
            return
        assert self.alive
        assert not self.shutdown, "a restart is prepared after a shutdown began"
        if self.startable:
            self.files = int(action.answer.versions["app"])
            self._perform(self.life.prepared(action.answer, self.now))
        else:
            self._perform(self.life.unprepared(NOT_FOUND, self.now))

    def _validate(self, action: Validate | KillValidator) -> None:
        if isinstance(action, KillValidator):
            assert self.validating is not None, "no program to kill"
            self.validated(why="killed by KILL")
            return
        assert self.validating is None, "two programs at once"
        assert self.alive
        assert not self.shutdown, "a validation after a shutdown began"
        assert self.files == int(action.answer.versions["app"]), "the files are others"
        self.validating, self.held_up = action.answer, False

    def _start(self, action: Spawn | Exec) -> None:
        assert not self.alive, "two commands"
        assert not self.shutdown, "a start after a shutdown began"
        version = int(action.answer.versions["app"])
        # Nor does a program try values for a command that has died of those of the cache.
        if self.accepted is not None and (not self.running or self.of_cache):
            self.accepted.add(version)
        self.of_cache = action.answer is self.held
        if not self.newest:
            assert action.answer is self.held, "nothing was fetched"
            self.newest = version
        assert version != self.refused, "a refused version"
        bad = self.newest == self.refused
        old = version < self.newest and (not self.survived or self.accepted is not None or bad)
        assert version == self.newest or old, "a start with old values"
        assert self.accepted is None or version in self.accepted, "a start with values that were not accepted"
        self.files = version
        assert version not in self.starts, "the same version again without news"
        assert action.answer is self.life.running
        self.running, self.survived = version, True
        self.starts.append(version)
        self.alive = self.startable
        if not self.startable:
            self._perform(self.life.spawn_failed(NOT_FOUND, self.now))

    @rule(stale=st.booleans())
    @precondition(lambda self: self.fetching and not self.killed)
    def fetched(self, *, stale: bool) -> None:
        """A fetch succeeds; right after a change it may have read the old version."""
        version = self.version
        if stale and self.version > 1 and self.now - self.changed < STALE_FOR:
            version -= 1
        self.fetching = False
        if version > self.newest:
            self.starts.clear()
            self.refused = self.refused if version == self.refused else 0
        self.newest = max(self.newest, version)
        self._perform(self.life.fetched(answer_with(str(version)), self.now))

    @rule(why=st.sampled_from(["", "exit status 3"]))
    @precondition(lambda self: self.validating is not None)
    def validated(self, *, why: str) -> None:
        """The program accepts the new values, or refuses them."""
        answer, self.validating = self.validating, None
        assert answer is not None
        assert isinstance(self.life, ValidatedLife)
        if not why and self.accepted is not None:
            self.accepted.add(int(answer.versions["app"]))
            self.held_up = True
        self._perform(self.life.validated(answer, why, self.now))

    @rule(usable=st.booleans())
    @precondition(lambda self: self.opening and not self.ended)
    def opened(self, *, usable: bool) -> None:
        """The cache is open, or cannot be used."""
        self.opening = False
        refused = {"app": str(self.refused)} if self.refused else {}
        known = usable and self.held and cached(self.held, refused=refused, why="exit status 1")
        self.refused = self.refused if known else 0
        error = None if usable else CacheError("damaged")
        self._perform(self._cached.opened(Outcome(known=known or None, sealed_at=0.0, error=error), self.now))

    @rule(works=st.booleans())
    @precondition(lambda self: self.sealing and not self.ended)
    def sealed(self, *, works: bool) -> None:
        """The cache is written, or cannot be."""
        self.sealing = False
        error = None if works else CacheError("read-only")
        self._perform(self._cached.sealed(Outcome(known=None, sealed_at=1.0, error=error), self.now))

    @property
    def _cached(self) -> CachedLife:
        assert isinstance(self.life, CachedLife)
        return self.life

    @rule(transient=st.booleans())
    @precondition(lambda self: self.fetching)
    def failed(self, *, transient: bool) -> None:
        """A fetch fails, or was killed."""
        self.fetching = False
        self._perform(self.life.failed(SecretenvError("no", transient=transient or self.killed), self.now))

    @rule()
    def breaks(self) -> None:
        """The program is removed, or is there again."""
        self.startable = not self.startable

    @rule()
    def rotated(self) -> None:
        """The secret gets a new version."""
        self.version += 1
        self.changed = self.now

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 11.0, 61.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        """Time passes, and whatever is due on the way is done at its time."""
        end = self.now + seconds
        for _ in range(1000):
            due = self.life.due()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self._perform(self.life.tick(self.now))
        else:
            raise AssertionError("busy: a thousand ticks in a row")
        self.now = end

    @rule(name=st.sampled_from(SIGNALS), origin=st.sampled_from([SENT, SENT, TERMINAL, COMMAND]))
    def signalled(self, name: str, origin: Sender) -> None:
        """A signal arrives."""
        if self.ended:
            return
        number = int(getattr(signal, f"SIG{name}"))
        if number == self.refresh:
            self.starts.clear()
            self.refused = 0 if self.alive else self.refused
        actions = self.life.signalled(number, origin, self.now)
        self.shutdown = self.life.shutdown != 0
        if name in {"TERM", "INT"} and origin == SENT:
            assert self.shutdown
        assert sum(isinstance(action, Send) for action in actions) <= 1, "forwarded twice"
        assert not any(isinstance(action, Spawn | Stop) for action in actions)
        assert not (self.alive and any(isinstance(action, End) for action in actions)), "it ends before its command"
        self._perform(actions)

    @rule(status=st.sampled_from([0, 1, -9, -15]), leftovers=st.booleans())
    @precondition(lambda self: self.alive)
    def exited(self, *, status: int, leftovers: bool) -> None:
        """The command ends, by itself or because it was asked to."""
        self.alive = False
        self.survived = status == 0 or self.shutdown
        if not self.survived:
            self.refused = 0  # the old values are no better
        actions = self.life.exited(status, self.now)
        self._perform(actions)
        if any(isinstance(action, Sweep) for action in actions) and not leftovers and not self.ended:
            self._perform(self.life.gone(self.now))

    @rule()
    @precondition(lambda self: not self.alive and not self.ended)
    def gone(self) -> None:
        """The last process of the old command is gone."""
        self._perform(self.life.gone(self.now))

    @rule(signum=st.sampled_from([signal.SIGTSTP, signal.SIGSTOP]))
    @precondition(lambda self: self.alive)
    def stopped(self, signum: int) -> None:
        """Job control stops the command."""
        self._perform(self.life.stopped(signum, self.now))

    @invariant()
    def ends_are_ends(self) -> None:
        """Nothing is due any more after the end, and the machine knows that it has ended."""
        if hasattr(self, "life"):
            assert self.life.ended == self.ended
            if self.ended:
                assert self.life.due() is None
                assert self.validating is None
            if self.validating is not None:
                assert self.alive, "a validation without a command"
                assert not self.shutdown

    @invariant()
    def files_are_those_of_the_command(self) -> None:
        """Where a program tries new values, a restart that does not come leaves no files of it."""
        if hasattr(self, "life") and self.accepted is not None and self.restarts and self.life.phase == RUNNING:
            assert self.files == self.running or self.validating or self.held_up

    def teardown(self) -> None:
        """Every path ends: TERM, and the command's obedience, always lead to the end."""
        if not hasattr(self, "life") or self.ended:
            return
        self.shutdown = True
        self._perform(self.life.signalled(signal.SIGTERM, SENT, self.now))
        if self.alive:
            self.alive = False
            self._perform(self.life.exited(0, self.now))
        if not self.ended:
            self._perform(self.life.gone(self.now))
        assert self.ended


World.TestCase.settings = hypothesis_settings(
    max_examples=hypothesis_settings().max_examples * 3 // 2, stateful_step_count=40
)
TestWorld = World.TestCase


def world(*history: str, **given: Any) -> World:
    """Return a world in which this has happened."""
    made = World()
    chosen: dict[str, Any] = {"cache": "", "cache_after": 10.0, "held": 0, "bad": False}
    chosen |= {"on_change": "restart", "splay": 0.0, "interval": 300.0, "kill_timeout": 10.0, "trial": 10.0}
    chosen |= {"validate": (), **given}
    made.begin(leader=False, shared=False, group=False, refresh=int(signal.SIGUSR2), **chosen)
    for event in history:
        CACHE_EVENTS[event](made)
        made.ends_are_ends()
    return made


def due(made: World) -> None:
    """Let time pass until something is due."""
    at = made.life.due()
    made.time_passes(seconds=0.0 if at is None else at - made.now)


def when(possible: str, event: str, **values: Any) -> Callable[[World], None]:
    """Return an event that happens only where it can."""

    def happen(made: World) -> None:
        can = {
            "fetching": made.fetching,
            "validating": made.validating is not None,
            "opening": made.opening,
            "sealing": made.sealing,
            "alive": made.alive,
            "dead": not made.alive,
        }[possible]
        if can and not made.ended and not (event == "fetched" and made.killed):
            getattr(made, event)(**values)

    return happen


def sends(name: str, origin: Sender = SENT) -> Callable[[World], None]:
    """Return the event that a signal arrives."""
    return lambda made: made.signalled(name=name, origin=origin)


EVENTS: dict[str, Callable[[World], None]] = {
    "due": due,
    "rotated": lambda made: made.rotated(),
    "fetched": when("fetching", "fetched", stale=False),
    "fetched before": when("fetching", "fetched", stale=True),
    "failed": when("fetching", "failed", transient=True),
    "refused": when("fetching", "failed", transient=False),
    "breaks": lambda made: made.breaks(),
    "accepted": when("validating", "validated", why=""),
    "refused by it": when("validating", "validated", why="exit status 3"),
    "exited": when("alive", "exited", status=0, leftovers=True),
    "exited alone": when("alive", "exited", status=0, leftovers=False),
    "fails": when("alive", "exited", status=1, leftovers=True),
    "gone": when("dead", "gone"),
    "stopped": when("alive", "stopped", signum=signal.SIGTSTP),
    "TERM": sends("TERM"),
    "INT": sends("INT"),
    "Ctrl-C": sends("INT", TERMINAL),
    "HUP": sends("HUP"),
    "its own TERM": sends("TERM", COMMAND),
    "refresh": sends("USR2"),
}
CACHE_EVENTS = {
    **EVENTS,
    "opened": when("opening", "opened", usable=True),
    "unusable": when("opening", "opened", usable=False),
    "sealed": when("sealing", "sealed", works=True),
    "not sealed": when("sealing", "sealed", works=False),
}
CHANGED = ("fetched", "due", "rotated", "fetched")
STATES: dict[str, tuple[str, ...]] = {
    "starting": (),
    "retrying": ("failed",),
    "running": ("fetched",),
    "checking": ("fetched", "due"),
    "failing": ("fetched", "due", "failed"),
    "stopping": CHANGED,
    "stopping, and a fetch": (*CHANGED, "refresh"),
    "killing": (*CHANGED, "due"),
    "cleaning": (*CHANGED, "exited"),
    "cleaning, and a fetch": (*CHANGED, "exited", "refresh", "rotated"),
    "restarted": (*CHANGED, "exited alone"),
    "failed on trial": (*CHANGED, "exited alone", "fails"),
    "restored": (*CHANGED, "exited alone", "fails", "gone"),
    "ending": ("fetched", "TERM"),
    "ending instead of a restart": (*CHANGED, "TERM"),
    "ending in the gap": (*CHANGED, "exited", "TERM"),
}
VALIDATED = {
    "validating": CHANGED,
    "validating, and a fetch": (*CHANGED, "refresh", "rotated"),
    "refused": (*CHANGED, "refused by it"),
    "accepted": (*CHANGED, "accepted"),
    "held up": (*CHANGED, "HUP", "accepted"),
    "stopping, and a newer one": (*CHANGED, "accepted", "refresh", "rotated", "fetched"),
    "on trial, and a newer one": (*CHANGED, "accepted", "exited alone", "rotated", "refresh", "fetched"),
}


@pytest.mark.parametrize(
    "given", [{}, {"on_change": "exit"}, {"splay": 30.0}, {"on_change": int(signal.SIGUSR1)}], ids=str
)
@pytest.mark.parametrize("state", STATES)
def test_pairs_of_events_in_both_orders(state: str, given: dict[str, Any]) -> None:
    """In each state each pair of events, in either order, keeps the laws, and every path ends."""
    for pair in itertools.product(EVENTS, repeat=2):
        try:
            world(*STATES[state], *pair, **given).teardown()
        except AssertionError as error:
            raise AssertionError(f"{' then '.join(pair)}: {error}") from None


@pytest.mark.parametrize("given", [{}, {"on_change": "exit"}, {"on_change": int(signal.SIGUSR1)}], ids=str)
@pytest.mark.parametrize("state", VALIDATED)
def test_pairs_of_events_with_a_program_that_validates(state: str, given: dict[str, Any]) -> None:
    """The same where a program tries new values."""
    for pair in itertools.product(EVENTS, repeat=2):
        try:
            world(*VALIDATED[state], *pair, validate=("check",), **given).teardown()
        except AssertionError as error:
            raise AssertionError(f"{' then '.join(pair)}: {error}") from None


CACHED = {
    "opening": (),
    "opening, and a fetch": ("refresh",),
    "from the cache": ("opened", "due"),
    "other values": ("opened", "due", "fetched"),
    "stopping for them": ("opened", "due", "fetched", "due"),
    "on trial with them": ("opened", "due", "fetched", "due", "accepted", "exited alone", "sealed", "due"),
    "died of the old ones": ("opened", "due", "fails", "gone"),
    "started instead": ("opened", "due", "fails", "gone", "fetched"),
    "notified": ("opened", "due", "fetched", "accepted", "sealed", "rotated", "refresh", "fetched"),
    "not sealed": ("opened", "due", "fetched", "due", "accepted", "exited alone", "not sealed"),
}


@pytest.mark.parametrize("validate", [(), ("check",)], ids=str)
@pytest.mark.parametrize(
    "given", [{}, {"on_change": "exit"}, {"splay": 30.0}, {"on_change": int(signal.SIGUSR1)}], ids=str
)
@pytest.mark.parametrize("state", CACHED)
def test_pairs_of_events_with_a_cache(state: str, given: dict[str, Any], validate: tuple[str, ...]) -> None:
    """The same where the command is started from a cache at once."""
    for pair in itertools.product(CACHE_EVENTS, repeat=2):
        try:
            cache = {"cache": "/var/cache/app", "cache_after": 0.0, "held": 1}
            world(*CACHED[state], *pair, validate=validate, **cache, **given).teardown()
        except AssertionError as error:
            raise AssertionError(f"{' then '.join(pair)}: {error}") from None


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("retrying", WAITING), ("checking", RUNNING), ("killing", STOPPING), ("stopping, and a fetch", STOPPING),
        ("cleaning", CLEANING), ("restarted", RUNNING), ("failed on trial", CLEANING), ("restored", RUNNING),
        ("ending instead of a restart", STOPPING),
        ("ending in the gap", CLEANING),
    ],
)  # fmt: skip
def test_the_states_are_what_they_say(state: str, phase: str) -> None:
    """The histories of the pairs lead where they are meant to lead."""
    made = world(*STATES[state])
    assert (made.life.phase, made.shutdown) == (phase, state.startswith("ending"))
    assert made.fetching == (state in {"checking", "stopping, and a fetch"})


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("origin", [SENT, TERMINAL, COMMAND])
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_in_each_state(state: str, origin: Sender, name: str) -> None:
    """A signal in each state is forwarded at most once, and never ends secretenv while a command is alive."""
    made = world(*STATES[state])
    made.signalled(name=name, origin=origin)
    ends = not made.alive and state in {"starting", "retrying"} and name in {"TERM", "INT", "QUIT", "HUP"}
    assert made.ended == ends
    made.teardown()
