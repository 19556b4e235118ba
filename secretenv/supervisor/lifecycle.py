"""What to do next: the life of the command as a state machine, without clock, process or I/O.

Each thing that can happen is a method; it changes the state and returns the actions that follow, which `supervisor`
performs. `now` is in seconds on any clock that only goes forward. The rules are those of the README's
"Life of the command"; the numbers without an option stand below with their reasons.
"""

from __future__ import annotations

import os
import signal

from secretenv.errors import CHANGED, SecretenvError
from secretenv.supervisor.actions import (
    Action,
    End,
    Exec,
    KillAll,
    Prepare,
    Send,
    Spawn,
    Stop,
    StopSelf,
    Sweep,
    TermGroup,
    line,
)
from secretenv.supervisor.schedule import Refresh
from secretenv.supervisor.service_states import Notices
from secretenv.supervisor.versions import Versions
from secretenv.wording import shown_version, signal_name, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from secretenv.settings import Settings

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

ENDS_BEFORE_START = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
JOB_STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


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
        self._refresh = Refresh(settings.interval, settings.start_timeout, uniform)
        self._notices = Notices(settings)
        self._versions = Versions()
        self._doubted: list[tuple[str, str]] = []  # what is to be seen twice, and was said to be
        # Due times; None is never.
        self._splay_due: float | None = None
        self._ending_until: dict[int, float] = {}  # for a signal: as long as that the command may be ending of it
        self._stop_limit: float | None = None
        self._sweep_limit: float | None = None

    @property
    def ended(self) -> bool:
        """Whether everything is over."""
        return self.phase == ENDED

    def due(self) -> float | None:
        """Return when `tick` has something to do, or None for never."""
        times = (self._refresh.due, self._refresh.limit, self._splay_due, self._stop_limit, self._sweep_limit)
        return min((time for time in times if time is not None), default=None)

    def start(self, now: float) -> list[Action]:
        """Begin with the first fetch."""
        return [*self._notices.starting(), *self._refresh.start(now)]

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions = self._refresh.tick(now)
        if _past(self._splay_due, now):
            self._splay_due = None
            actions.append(Prepare(answer=self.target))
        if _past(self._stop_limit, now):
            self._stop_limit = None
            seconds = self._settings.kill_timeout
            actions += [line("warning", f"the command did not stop within {span(seconds)}: killing it"), KillAll()]
        if _past(self._sweep_limit, now):
            actions.append(line("warning", "processes of the old command cannot be killed: going on without waiting"))
            actions += self.gone(now)
        return actions

    # The fetcher

    def fetched(self, answer: Any, now: float) -> list[Action]:
        """Take an answer, which has `versions`: a version id for each secret."""
        self._refresh.ended()
        if self.shutdown or self.ended:
            return []
        actions = self._refresh.succeeded(now)
        if self.phase != WAITING:
            return self._checked(actions + self._consider(answer, now) + self._refresh.follow_up(now))
        self.target = self.running = answer
        self._versions.accept(answer.versions, now)
        if self._settings.once:
            self._end()
            return [*actions, *self._notices.becoming(answer.versions), Exec(answer=answer)]
        self.phase = RUNNING
        # The fetch first: where the start fails, it is ended with all the rest.
        return [*actions, *self._refresh.follow_up(now), *self._start()]

    def failed(self, error: SecretenvError, now: float) -> list[Action]:
        """Take the error that a fetch, or a look at its answer, ended with."""
        self._refresh.ended()
        if self.shutdown or self.ended:
            return []
        if self.phase != WAITING:
            return self._checked(self._refresh.failed(error, now))
        outcome = self._refresh.failed_at_start(error, now)
        return self._end_with(outcome) if isinstance(outcome, SecretenvError) else outcome

    def _checked(self, actions: list[Action]) -> list[Action]:
        """Add what the service manager is told at the end of a check, unless a restart or another check goes on."""
        busy = self.phase != RUNNING or self._refresh.fetching
        return actions if busy else self._notices.checked(actions)

    # Versions

    def _consider(self, answer: Any, now: float) -> list[Action]:
        """Compare an answer with what the command runs with, or is about to."""
        changed, again = self._versions.changes(answer.versions, now)
        if again is not None:
            self._refresh.look_again(again)
            if changed == self._doubted:
                return []
            self._doubted = changed
            names = ", ".join(secret for secret, _ in changed)
            return [line("info", f"{names}: the version that was just left is read again; looking once more")]
        self._doubted = []
        if not changed:
            return [line("debug", "no new version")]
        self._versions.accept(answer.versions, now)
        self.target = answer
        actions: list[Action] = [
            line("info", f"secret {secret} has a new version {shown_version(secret, version)}".rstrip())
            for secret, version in changed
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
            return [line("info", "it is the one that the command runs with: no restart")]
        if self._splay_due is not None:
            return []
        self._ending_until = {signum: until for signum, until in self._ending_until.items() if until > now}
        wait = max([self._settings.splay * self._uniform(), *(until - now for until in self._ending_until.values())])
        if wait <= 0:
            return [Prepare(answer=answer)]
        self._splay_due = now + wait
        return [line("info", f"restarting in {span(wait)}")]

    def prepared(self, answer: Any, now: float) -> list[Action]:
        """Go on with the restart: the command can be started with this answer."""
        if self.phase != RUNNING or self.shutdown or answer is not self.target:
            return []
        self.phase = STOPPING
        self._stop_limit = now + self._settings.kill_timeout
        name = signal_name(self._settings.kill_signal)
        stop = [line("info", f"stopping the command with {name}"), Stop(signum=self._settings.kill_signal)]
        return [*self._notices.restarting(), *stop]

    def unprepared(self, error: SecretenvError, now: float) -> list[Action]:
        """Keep the command: it could not be started with the new values, so that the next look tries again."""
        if self.phase != RUNNING or self.shutdown:
            return []
        self.target = self.running
        self._versions.take_back(self.running.versions)
        return self._checked(self._refresh.say(error, now))

    # The command

    def _start(self) -> list[Action]:
        """Start the command; where that fails, it is the end, and nothing after it is told."""
        return [Spawn(answer=self.running), *self._notices.started(self.running.versions)]

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
        if self._shared:
            return [StopSelf()] if self.phase in {RUNNING, STOPPING} else []
        # A service that is being stopped has limits to keep.
        return [StopSelf()] if self.phase == RUNNING and not self.shutdown and signum in JOB_STOPS else []

    def gone(self, now: float) -> list[Action]:  # noqa: ARG002
        """Go on after the last process of the old command."""
        if self.phase != CLEANING:
            return []
        self._sweep_limit = None
        if self.shutdown:
            return self._end_with(-self.shutdown)
        if self._settings.on_change == "exit":
            return [line("info", "ending, to be started anew with the new version"), *self._end_with(CHANGED)]
        self.phase, self.running, self._splay_due = RUNNING, self.target, None
        self._ending_until.clear()
        return self._start()

    # Signals

    def signalled(self, signum: int, origin: str, now: float) -> list[Action]:
        """Take a signal that this process received."""
        if self.ended:
            return []
        hung_up = signum == signal.SIGHUP and origin == TERMINAL
        if signum == self._settings.refresh_signal and not hung_up:
            asked = [] if self.phase == WAITING else self._notices.checking()
            return [] if self.shutdown else asked + self._refresh.ask(now)
        if self.phase in {WAITING, CLEANING}:
            return self._signalled_without_command(signum, origin)
        return self._pass_on(signum, origin, now)

    def _pass_on(self, signum: int, origin: str, now: float) -> list[Action]:
        """Forward what the command does not get from the kernel, and see in it what begins the end."""
        actions: list[Action] = []
        sent = origin == SENT
        begins = signum == signal.SIGTERM or (signum == signal.SIGINT and (sent or self.phase == STOPPING))
        if begins and origin != COMMAND and signum not in self._ignored and not self.shutdown:
            actions += self._begin_shutdown(signum)
        elif signum in ENDS_BEFORE_START and origin != COMMAND:
            self._may_end_of(signum, now)
        # The kernel tells a hang-up, HUP and then CONT, to the leader of the session alone.
        if sent or (origin == TERMINAL and signum in {signal.SIGHUP, signal.SIGCONT} and self._leader):
            actions.append(Send(signum=signum))
        return actions

    def _may_end_of(self, signum: int, now: float) -> None:
        """Hold up a restart: many programs end gracefully of this signal, and a new version must not start them again.

        One that comes again meanwhile, or while a restart waits, is no news: else who sends HUP every few seconds would
        never see a restart.
        """
        if signum not in self._ending_until or (self._splay_due is None and now >= self._ending_until[signum]):
            self._ending_until[signum] = until = now + self._settings.kill_timeout
            self._splay_due = self._splay_due and max(self._splay_due, until)

    def _signalled_without_command(self, signum: int, origin: str) -> list[Action]:
        """Take a signal before the first start, or between the death of a command and the start of the next."""
        if signum in JOB_STOPS and origin == TERMINAL:
            return [StopSelf()]  # there is no command whose stop could be followed
        if self.phase == CLEANING:
            if signum in {signal.SIGTERM, signal.SIGINT} and signum not in self._ignored:
                return [] if self.shutdown else self._begin_shutdown(signum)
            return [line("info", f"{signal_name(signum)} dropped: no command is running")]
        if signum in ENDS_BEFORE_START and signum not in self._ignored:
            self.shutdown = signum
            return self._end_with(-signum)
        return [line("debug", f"{signal_name(signum)} dropped: no command is running yet")]

    def _begin_shutdown(self, signum: int) -> list[Action]:
        """From here on nothing is fetched or started; how long the command may take is the sender's business.

        A stop that is under way keeps its own limit.
        """
        self.shutdown = signum
        self._splay_due = None
        return [*self._notices.stopping(signum), *self._refresh.stop()]

    # The end

    def _end_with(self, outcome: int | SecretenvError) -> list[Action]:
        actions = [*self._end(), *self._notices.ended(outcome)]
        if isinstance(outcome, int):
            return [*actions, End(status=outcome, error=None)]
        return [*actions, End(status=outcome.status, error=outcome)]

    def _end(self) -> list[Action]:
        self.phase = ENDED
        self._splay_due = self._stop_limit = self._sweep_limit = None
        return self._refresh.stop()


def _past(due: float | None, now: float) -> bool:
    return due is not None and now >= due
