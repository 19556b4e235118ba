"""What to do next: the life of the command as a state machine, without clock, process or I/O.

Each thing that can happen is a method; it changes the state and returns the actions that follow, which `supervisor`
performs. `now` is in seconds on any clock that only goes forward. The rules are those of the README's
"Life of the command"; the numbers without an option stand below with their reasons.
"""

from __future__ import annotations

import os
import signal

from secretenv.actions import (
    Action,
    End,
    Exec,
    KillAll,
    KillFetch,
    Log,
    Prepare,
    Send,
    Spawn,
    StartFetch,
    Stop,
    StopSelf,
    Sweep,
    TermGroup,
)
from secretenv.errors import CHANGED, CertificateError, SecretenvError
from secretenv.versions import Versions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from secretenv.settings import Settings

# A fetcher gives up by itself after 25 s; what is still there after 30 hangs in the kernel or in libc.
FETCH_LIMIT = 30.0
# The last try before the start timeout needs time to connect (5 s) and fail in its own words.
LAST_TRY = 6.0
START_BACKOFF = (0.5, 15.0)  # seconds: first and longest wait, before jitter
BACKOFF_FIRST = 2.0
PERMANENT_RETRY = 60.0  # what needs an operator is not asked for more often
REMINDER = 3600.0
# Processes that survive SIGKILL hang in the kernel; the command itself is waited for without limit.
SWEEP_LIMIT = 5.0


def _uniform() -> float:
    """Return a number in [0, 1); the module random would cost half a MiB that stays."""
    return int.from_bytes(os.urandom(6), "big") / 2**48


# Phases of the command.
WAITING = "waiting"  # not started yet: the first fetch, or its retries
RUNNING = "running"
STOPPING = "stopping"  # asked to stop for a restart
CLEANING = "cleaning"  # dead; what it left behind is being killed
ENDED = "ended"

# Who sent a signal.
SENT = "sent"  # another process
TERMINAL = "terminal"  # the kernel, on behalf of the terminal, to the whole foreground job
COMMAND = "command"  # the command itself

_ENDS_BEFORE_START = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
_JOB_STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


class Lifecycle:
    """The state of one run.

    Args:
        settings: what was asked for.
        ignored: signals that were ignored when secretenv was started, as by nohup.
        leader: whether this process leads its session: then a hang-up reaches the command only through it.
        uniform: a source of numbers in [0, 1).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ignored: Collection[int] = (),
        leader: bool = False,
        shared: bool = False,
        uniform: Callable[[], float] = _uniform,
    ) -> None:
        self.phase = WAITING
        self.shutdown = 0  # the signal that began it
        self.target: Any = None  # the newest answer that is to be run
        self.running: Any = None  # the answer that the command was started with
        self._settings = settings
        self._ignored = frozenset(ignored)
        self._leader = leader
        self._shared = shared
        self._uniform = uniform
        self._fetching = False
        self._refetch = False  # a refresh was asked for during a fetch, which may have read too early
        self._failures = 0
        self._failing_since: float | None = None
        self._reminder = 0.0
        self._fetched_at = 0.0
        self._versions = Versions()
        self._doubted: list[tuple[str, str]] = []  # what is to be seen twice, and was said to be
        # Due times; None is never.
        self._start_limit: float | None = None
        self._fetch_due: float | None = None
        self._fetch_limit: float | None = None
        self._splay_due: float | None = None
        self._stop_limit: float | None = None
        self._sweep_limit: float | None = None

    @property
    def ended(self) -> bool:
        """Whether everything is over."""
        return self.phase == ENDED

    def due(self) -> float | None:
        """Return when `tick` has something to do, or None for never."""
        times = (self._fetch_due, self._fetch_limit, self._splay_due, self._stop_limit, self._sweep_limit)
        return min((time for time in times if time is not None), default=None)

    def start(self, now: float) -> list[Action]:
        """Begin with the first fetch."""
        self._start_limit = now + self._settings.start_timeout
        return self._fetch(now)

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions: list[Action] = []
        if _past(self._fetch_limit, now):
            self._fetch_limit = None
            actions.append(KillFetch())
        if _past(self._fetch_due, now):
            actions += self._fetch(now)
        if _past(self._splay_due, now):
            self._splay_due = None
            actions.append(Prepare(answer=self.target))
        if _past(self._stop_limit, now):
            self._stop_limit = None
            seconds = self._settings.kill_timeout
            actions += [_log("warning", f"the command did not stop within {_span(seconds)}: killing it"), KillAll()]
        if _past(self._sweep_limit, now):
            actions.append(_log("warning", "processes of the old command cannot be killed: going on without waiting"))
            actions += self.gone(now)
        return actions

    # The fetcher

    def fetched(self, answer: Any, now: float) -> list[Action]:
        """Take an answer, which has `versions`: a version id for each secret."""
        self._fetching, self._fetch_limit = False, None
        if self.shutdown or self.ended:
            return []
        actions = self._recovered(now)
        self._fetched_at = now
        self._fetch_due = now + self._settings.interval * (0.9 + 0.2 * self._uniform())
        if self.phase == WAITING:
            self.target = self.running = answer
            self._versions.accept(answer.versions, now)
            if self._settings.once:
                self._end()
                return [*actions, Exec(answer=answer)]
            self.phase = RUNNING
            actions.append(Spawn(answer=answer))
        else:
            actions += self._consider(answer, now)
        return actions + self._fetch_again(now)

    def failed(self, error: SecretenvError, now: float) -> list[Action]:
        """Take the error that a fetch, or a look at its answer, ended with."""
        self._fetching, self._fetch_limit = False, None
        if self.shutdown or self.ended:
            return []
        self._failures += 1
        if self.phase == WAITING:
            return self._failed_at_start(error, now)
        longest = self._settings.interval
        # A pair that does not load or match may be half renewed; it did load when the command was started.
        if error.transient or isinstance(error, CertificateError):
            wait = self._uniform() * min(longest, BACKOFF_FIRST * 2.0 ** min(self._failures, 20))
            wait = max(wait, min(1.0, longest))
        else:
            wait = max(PERMANENT_RETRY, longest)
        self._fetch_due = now + wait
        return [*self._failing(error, now), *self._fetch_again(now)]

    def _fetch(self, now: float) -> list[Action]:
        limit = now + FETCH_LIMIT
        if self.phase == WAITING and self._start_limit is not None:
            limit = min(limit, self._start_limit)
        self._fetching, self._fetch_due, self._fetch_limit = True, None, limit
        return [StartFetch()]

    def _fetch_again(self, now: float) -> list[Action]:
        if not self._refetch:
            return []
        self._refetch = False
        return self._fetch(now)

    def _failed_at_start(self, error: SecretenvError, now: float) -> list[Action]:
        limit = now if self._start_limit is None else self._start_limit
        last_try = limit - min(LAST_TRY, self._settings.start_timeout / 4)
        if not error.transient or now >= last_try:
            return self._end_with(error)
        first, longest = START_BACKOFF
        wait = self._uniform() * min(longest, first * 2.0 ** min(self._failures, 20))
        self._fetch_due = min(now + wait, last_try)
        words = f"{error.message}; trying again in {_span(self._fetch_due - now)}"
        return [_log("warning", words, error.link, error.hint), *self._fetch_again(now)]

    def _failing(self, error: SecretenvError, now: float) -> list[Action]:
        """Say that it fails: once when it starts, and once an hour."""
        words = f"{error.message}; the command keeps its values, {_span(now - self._fetched_at)} old"
        if self._failing_since is None:
            self._failing_since = now
        elif now < self._reminder:
            return [_log("debug", words, error.link, error.hint)]
        self._reminder = now + REMINDER
        return [_log("warning" if error.transient else "error", words, error.link, error.hint)]

    def _recovered(self, now: float) -> list[Action]:
        self._failures = 0
        if self._failing_since is None:
            return []
        lasted, age = now - self._failing_since, now - self._fetched_at
        self._failing_since = None
        return [_log("info", f"secrets can be read again after {_span(lasted)}; the values were {_span(age)} old")]

    # Versions

    def _consider(self, answer: Any, now: float) -> list[Action]:
        """Compare an answer with what the command runs with, or is about to."""
        changed, again = self._versions.changes(answer.versions, now)
        if again is not None:
            self._fetch_due = again if self._fetch_due is None else min(self._fetch_due, again)
            if changed == self._doubted:
                return []
            self._doubted = changed
            names = ", ".join(secret for secret, _ in changed)
            return [_log("info", f"{names}: the version that was just left is read again; looking once more")]
        self._doubted = []
        if not changed:
            return [_log("debug", "no new version")]
        self._versions.accept(answer.versions, now)
        self.target = answer
        actions: list[Action] = [
            _log("info", f"secret {secret} has a new version {version}") for secret, version in changed
        ]
        wish = self._settings.on_change
        if self.phase != RUNNING or wish == "ignore":
            return actions
        if isinstance(wish, int):
            return [*actions, Send(signum=wish)]
        return actions + self._plan_restart(answer, now)

    def _plan_restart(self, answer: Any, now: float) -> list[Action]:
        if answer.versions == self.running.versions:
            self._splay_due = None
            return [_log("info", "it is the one that the command runs with: no restart")]
        if self._splay_due is not None:
            return []
        wait = self._settings.splay * self._uniform()
        if wait <= 0:
            return [Prepare(answer=answer)]
        self._splay_due = now + wait
        return [_log("info", f"restarting in {_span(wait)}")]

    def prepared(self, answer: Any, now: float) -> list[Action]:
        """Go on with the restart: the command can be started with this answer."""
        if self.phase != RUNNING or self.shutdown or answer is not self.target:
            return []
        self.phase = STOPPING
        self._stop_limit = now + self._settings.kill_timeout
        name = _name(self._settings.kill_signal)
        return [_log("info", f"stopping the command with {name}"), Stop(signum=self._settings.kill_signal)]

    def unprepared(self, error: SecretenvError, now: float) -> list[Action]:
        """Keep the command: it could not be started with the new values, so that the next look tries again."""
        if self.phase != RUNNING or self.shutdown:
            return []
        self.target = self.running
        self._versions.take_back(self.running.versions)
        return self._failing(error, now)

    # The command

    def spawn_failed(self, error: SecretenvError, now: float) -> list[Action]:  # noqa: ARG002
        """End: there is no command."""
        return [] if self.ended else self._end_with(error)

    def exited(self, status: int, now: float) -> list[Action]:
        """Take the end of the command: its exit status, or -N for signal N."""
        if self.phase == STOPPING:
            self._stop_limit = None
            if self.shutdown:
                return [Sweep(), *self._end_with(status)]
            self.phase = CLEANING
            self._sweep_limit = now + SWEEP_LIMIT
            return [Sweep()]
        if self.phase == RUNNING:
            rest: list[Action] = [TermGroup()] if self._settings.signal_group else []
            return rest + self._end_with(status)
        return []

    def stopped(self, signum: int, now: float) -> list[Action]:  # noqa: ARG002
        """Follow the command that job control stopped, so that the shell gets its prompt.

        Without a terminal only for the signals of job control: somebody who sends STOP to the command alone means it.
        """
        if self.phase != RUNNING or self.shutdown or not (self._shared or signum in _JOB_STOPS):
            return []
        return [StopSelf()]

    def gone(self, now: float) -> list[Action]:  # noqa: ARG002
        """Go on after the last process of the old command."""
        if self.phase != CLEANING:
            return []
        self._sweep_limit = None
        if self.shutdown:
            return self._end_with(-self.shutdown)
        if self._settings.on_change == "exit":
            return [_log("info", "ending, to be started anew with the new version"), *self._end_with(CHANGED)]
        self.phase, self.running, self._splay_due = RUNNING, self.target, None
        return [Spawn(answer=self.target)]

    # Signals

    def signalled(self, signum: int, origin: str, now: float) -> list[Action]:
        """Take a signal that this process received."""
        if self.ended:
            return []
        if signum == self._settings.refresh_signal:
            return self._refresh(now)
        if self.phase == WAITING:
            return self._signalled_at_start(signum, origin)
        if self.phase == CLEANING:
            if signum in {signal.SIGTERM, signal.SIGINT} and signum not in self._ignored:
                self._begin_shutdown(signum)
                return []
            return [_log("info", f"{_name(signum)} dropped: no command is running")]
        return self._pass_on(signum, origin)

    def _pass_on(self, signum: int, origin: str) -> list[Action]:
        """Forward what the command does not get from the kernel, and see in it what begins the end."""
        actions: list[Action] = []
        sent = origin == SENT
        begins = signum == signal.SIGTERM or (signum == signal.SIGINT and (sent or self.phase == STOPPING))
        if begins and origin != COMMAND and signum not in self._ignored and not self.shutdown:
            actions += self._begin_shutdown(signum)
        # The kernel tells a hang-up to the leader of the session alone.
        if sent or (origin == TERMINAL and signum == signal.SIGHUP and self._leader):
            actions.append(Send(signum=signum))
        return actions

    def _signalled_at_start(self, signum: int, origin: str) -> list[Action]:
        if signum in _ENDS_BEFORE_START and signum not in self._ignored:
            self.shutdown = signum
            return self._end_with(-signum)
        if signum in _JOB_STOPS and origin == TERMINAL:
            return [StopSelf()]
        return [_log("debug", f"{_name(signum)} dropped: no command is running yet")]

    def _begin_shutdown(self, signum: int) -> list[Action]:
        """From here on nothing is fetched or started; how long the command may take is the sender's business.

        A stop that is under way keeps its own limit.
        """
        self.shutdown = signum
        self._fetch_due = self._splay_due = self._fetch_limit = None
        self._refetch = False
        return [KillFetch()] if self._fetching else []

    def _refresh(self, now: float) -> list[Action]:
        if self.shutdown:
            return []
        if self._fetching:
            self._refetch = True
            return []
        return self._fetch(now)

    # The end

    def _end_with(self, outcome: int | SecretenvError) -> list[Action]:
        actions: list[Action] = [KillFetch()] if self._fetching else []
        self._end()
        if isinstance(outcome, int):
            return [*actions, End(status=outcome, error=None)]
        return [*actions, End(status=outcome.status, error=outcome)]

    def _end(self) -> None:
        self.phase = ENDED
        self._fetch_due = self._fetch_limit = self._splay_due = self._stop_limit = self._sweep_limit = None


def _past(due: float | None, now: float) -> bool:
    return due is not None and now >= due


def _log(level: str, message: str, link: str = "", hint: str = "") -> Log:
    return Log(level=level, message=message, link=link, hint=hint)


def _name(signum: int) -> str:
    """Return the name of a signal, without SIG; real-time signals have only two names of their own."""
    try:
        return signal.Signals(signum).name.removeprefix("SIG")
    except ValueError:
        return f"RTMIN+{signum - signal.SIGRTMIN}"


def _span(seconds: float) -> str:
    """Return a length of time in words: `0.4 s`, `12 s`, `5 min`, `3.2 h`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
