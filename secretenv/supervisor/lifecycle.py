"""Decide what to do next: the life of the command as a state machine, without clock, process or I/O.

Each event is a method; it changes the state and returns the actions that follow, which `loop` performs. `now` is in
seconds on any clock that only goes forward. The rules are those of the README's "Life of the command"; the numbers
without an option are below with their reasons.
"""

from __future__ import annotations

import os
import signal

from secretenv.errors import CHANGED, SecretenvError
from secretenv.protocol import Answer
from secretenv.settings import MISSING
from secretenv.supervisor.actions import (
    Adopt,
    End,
    Exec,
    KillAll,
    Prepare,
    Publish,
    Send,
    Spawn,
    Stop,
    StopSelf,
    Sweep,
    TermGroup,
    line,
)
from secretenv.supervisor.phases import CLEANING, ENDED, MOVES, RUNNING, STOPPING, WAITING
from secretenv.supervisor.restart import Restart
from secretenv.supervisor.schedule import Refresh
from secretenv.supervisor.signals import COMMAND, ECHO, ECHO_TIME, JOB, JOB_STOPS, TERMINAL, is_hang_up, steps
from secretenv.supervisor.versions import Versions
from secretenv.wording import shown_version, shown_versions, signal_name, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Action, Line, LogEvent
    from secretenv.supervisor.phases import Event, Phase
    from secretenv.supervisor.service_states import Notices
    from secretenv.supervisor.signals import Sender, Step
    from secretenv.supervisor.trial import Trial

# Processes that survive SIGKILL hang in the kernel; the command itself is waited for without limit.
SWEEP_LIMIT = 5.0


def _uniform() -> float:
    """Return a number in [0, 1); the module random would cost half a MiB that stays."""
    return int.from_bytes(os.urandom(6), "big") / 2**48


class _Silence:
    """The notices where no service manager listens: a run without one need not hold their words."""

    def __getattr__(self, name: str) -> Callable[..., list[Action]]:
        return lambda *_, **__: []


class Lifecycle:
    """The state of one run.

    Args:
        settings: of the run.
        ignored: signals that the caller ignores, as nohup does HUP.
        leader: whether this process leads its session: then a hang-up reaches the command only through it.
        shared: whether the command shares a terminal, and so the process group, with this process.
        notify: whether a service manager is to be notified.
        uniform: a source of numbers in [0, 1).

    Attributes:
        phase: see `phases`.
        shutdown: the signal that began the shutdown, or 0.
        target: the newest answer that is to be run; empty before the first.
        running: the answer that the command was started with; empty before the first start.
        starts: how often it was started.
    """

    def __init__(  # noqa: PLR0913 - what is known of where it runs
        self,
        settings: Settings,
        *,
        ignored: Collection[int] = (),
        leader: bool = False,
        shared: bool = False,
        notify: bool = True,
        uniform: Callable[[], float] = _uniform,
    ) -> None:
        self.phase: Phase = WAITING
        self.shutdown = self.starts = 0
        self.target = self.running = Answer()
        self._settings = settings
        self._ignored = frozenset(ignored)
        self._leader = leader
        self._shared = shared
        self._refresh = Refresh(settings.interval, settings.start_timeout, uniform)
        self._restart = Restart(settings.splay, settings.kill_timeout, uniform)
        self._notices: Notices | _Silence = _Silence()
        if notify:
            from secretenv.supervisor.service_states import Notices

            self._notices = Notices(settings)
        self._versions = Versions()
        self._trial: Trial | None = None  # from the first restart on
        self._before = self.target  # the answer whose files are there while others are written
        self._doubted: list[tuple[str, str]] = []  # versions that need a second look, which has been logged
        self._sent: dict[int, float] = {}  # per signal: when the command got it last
        # Due times; None is never.
        self._stop_limit: float | None = None
        self._sweep_limit: float | None = None

    @property
    def ended(self) -> bool:
        """Whether everything is over."""
        return self.phase == ENDED

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON types, without a value of a secret; times are those of the events.

        `versions` are those that the command runs with, `newest` those that were found last; `status` shows the rest
        as it is.
        """
        return {
            "phase": self.phase,
            "shutdown": signal_name(self.shutdown) if self.shutdown else "",
            "starts": self.starts,
            "restarts": max(self.starts - 1, 0),
            "trial_until": self._trial.until(self.running) if self._trial else None,
            "versions": self.running.versions,
            "newest": self._versions.current,
            "refused": self._trial.snapshot() if self._trial else [],
            **self._refresh.snapshot(),
            "cache": None,
        }

    def due(self) -> float | None:
        """Return when `tick` has something to do, or None for never."""
        trial = self._trial.due if self._trial else None
        times = (self._refresh.due, self._refresh.limit, self._restart.due, self._stop_limit, self._sweep_limit, trial)
        return min((time for time in times if time is not None), default=None)

    def start(self, now: float) -> list[Action]:
        """Begin with the first fetch."""
        return [*self._notices.starting(), *self._refresh.start(now)]

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions = self._refresh.tick(now)
        if self._trial and past(self._trial.due, now):
            actions += [*self._trial.over(self.running), *self._proven(now)]
        if self._restart.begins(now):
            actions.append(Prepare(answer=self.target))
        if past(self._stop_limit, now):
            self._stop_limit = None
            seconds = self._settings.kill_timeout
            actions += [line("warning", f"the command did not stop within {span(seconds)}: killing it"), KillAll()]
        if past(self._sweep_limit, now):
            actions.append(line("warning", "processes of the old command cannot be killed: not waiting for them"))
            actions += self.gone(now)
        return actions

    def _proven(self, now: float) -> list[Action]:  # noqa: ARG002 - for other lives
        """Take note that the command runs well with the values that it has."""
        return []

    def _stop_trying(self) -> list[Action]:
        """End the trial of values by a program: only in other lives."""
        return []

    def _move(self, event: Event) -> None:
        self.phase = MOVES[self.phase, event]

    # The fetcher

    def fetched(self, answer: Answer, now: float) -> list[Action]:
        """Take an answer that has no error."""
        self._refresh.ended()
        if self.shutdown or self.ended:
            return []
        actions = self._refresh.succeeded(now)
        if self.phase != WAITING:
            return actions + self._checked(answer, now)
        self.target = self.running = answer
        self._versions.accept(answer.versions, now)
        absent = [secret for secret, version in answer.versions.items() if version == MISSING]
        actions += [line("info", f"secret {secret} does not exist; it is optional") for secret in absent]
        if self._settings.once:
            notices = self._notices.becoming(answer.versions)
            return [*actions, *self._end("first fetch with --once"), *notices, Exec(answer=answer)]
        self._move("first fetch")
        # The fetch first: if the start fails, the fetch is ended with everything else.
        return [*actions, *self._refresh.follow_up(now), *self._start()]

    def _checked(self, answer: Answer, now: float) -> list[Action]:
        """Follow the answer of a check, and then begin the check that was asked for meanwhile."""
        actions = self._consider(answer, now)
        begins = self._restart.begins(now)
        if begins:
            actions.append(Prepare(answer=self.target))
        actions += self._refresh.follow_up(now)
        return actions if begins else actions + self._over(failed=False)

    def failed(self, error: SecretenvError, now: float) -> list[Action]:
        """Take the error of a fetch, or of an answer that the command could not be started with."""
        self._refresh.ended()
        if self.shutdown or self.ended:
            return []
        if self.phase != WAITING:
            return [*self._refresh.failed(error, now), *self._over(failed=True)]
        final = self._refresh.give_up(error, now)
        return self._refresh.try_again(error, now) if final is None else self._give_up(final, now)

    def _give_up(self, error: SecretenvError, now: float) -> list[Action]:  # noqa: ARG002 - for other lives
        """End: there is nothing to start the command with."""
        return self._end_with(error, "first fetch given up")

    def _over(self, *, failed: bool) -> list[Action]:
        """Return the notice at the end of a check, unless a restart or another check is under way."""
        busy = self.phase != RUNNING or self._refresh.fetching
        return [] if busy else self._notices.checked(failed=failed)

    # Versions

    def _consider(self, answer: Answer, now: float) -> list[Action]:
        """Compare an answer with the one that the command runs with, or is about to run with."""
        changed, again = self._versions.changes(answer.versions, now)
        if again is not None:
            self._refresh.look_again(again)
            if changed == self._doubted:
                return []
            self._doubted = changed
            names = ", ".join(secret for secret, _ in changed)
            return [line("info", f"{names}: AWS returned the previous version; checking again before switching back")]
        self._doubted = []
        if not changed:
            return [line("debug", "no new version"), *(self._trial.remind(now) if self._trial else [])]
        if self._trial:
            self._trial.accept()
        from secretenv.supervisor import changes  # most checks find none

        old = self._versions.current
        self._versions.accept(answer.versions, now)
        same = (answer.variables, answer.files) == (self.target.variables, self.target.files)
        before, self.target = self.target, answer
        actions: list[Action] = [
            line("info", changes.of_secret(secret, old.get(secret), version), event="new_version")
            for secret, version in changed
        ]
        if same and self._settings.restart_on == "values":
            return actions + self._overlook(before)
        actions.append(line("info", changes.of_answer(self.running, answer)))
        return actions + self._follow(answer, before, now) if self.phase == RUNNING else actions

    def _overlook(self, before: Answer) -> list[Action]:
        """Go on with a new version whose values are those of `before`, the answer that was to be run."""
        words = line("info", "nothing done: the values are the same (--restart-on values)")
        if self.running is not before:
            return [words]
        self.running = self.target
        return [words, *self._notices.kept(self.running.versions, "")]

    def _follow(self, answer: Answer, before: Answer, now: float) -> list[Action]:
        """Do what --on-change says."""
        if self._settings.on_change in {"restart", "exit"}:
            return self._plan_restart(answer, now)
        if not self._settings.files:
            return self._tell(now)
        self._before = before
        return [Publish(answer=answer)]

    def _tell(self, now: float) -> list[Action]:
        """Notify the command of a change as --on-change says."""
        wish = self._settings.on_change
        if not isinstance(wish, int):
            return self._kept("nothing done (--on-change ignore)", "a new version is ignored")
        self._sent[wish] = now
        name = signal_name(wish)
        kept = self._kept(f"notified with {name}", f"notified of a new version with {name}")
        return [Send(signum=wish), *kept]

    def published(self, now: float) -> list[Action]:
        """Notify the command: its files are those of the newest answer."""
        return self._tell(now) if self.phase == RUNNING and not self.shutdown else []

    def unpublished(self, error: SecretenvError, now: float) -> list[Action]:
        """Keep what there was: the files could not be written, so the next check tries them again."""
        if self.phase != RUNNING or self.shutdown:
            return []
        self.target = self._before
        self._versions.take_back(self.target.versions)
        return [*self._refresh.say(error, now), *self._over(failed=True)]

    def _kept(self, done: str, status: str) -> list[Action]:
        """Say that the command has the variables of its start: only a restart changes them."""
        old = self.running.versions
        same = self.target.versions == old
        which = shown_versions(old) if any(shown_version(*pair) for pair in old.items()) else "its start"
        words = f"{done}; the command's variables are {'' if same else 'still '}those of {which}"
        if self._settings.files:
            words += ", its files are new" if not same else ""
        return [line("info", words), *self._notices.kept(old, "" if same else status)]

    def _plan_restart(self, answer: Answer, now: float) -> list[Action]:
        if self._runs_with(answer):
            self._restart.cancel()
            kept = self._notices.kept(self.running.versions, "")
            return [line("info", "the command already runs with this version: no restart"), *kept]
        if self._restart.due is not None:
            return []
        wait = self._restart.plan(now)
        return [line("info", f"restarting in {span(wait)}")] if wait > 0 else []

    def _runs_with(self, answer: Answer) -> bool:
        """Whether a restart would change nothing, as --restart-on counts."""
        old = self.running
        by_values = (answer.variables, answer.files) == (old.variables, old.files)
        return (by_values and self._settings.restart_on == "values") or answer.versions == old.versions

    def prepared(self, answer: Answer, now: float) -> list[Action]:
        """Go on with the restart: the command can be started with this answer."""
        if self.phase != RUNNING or self.shutdown or answer is not self.target:
            return []
        self._move("new version")
        if self._trial:
            self._trial.interrupt()
        self._stop_limit = now + self._settings.kill_timeout
        self._sent[self._settings.kill_signal] = self._sent[signal.SIGCONT] = now
        name = signal_name(self._settings.kill_signal)
        stop = Stop(signum=self._settings.kill_signal)
        return [*self._notices.restarting(), line("info", f"stopping the command with {name}"), stop]

    def unprepared(self, error: SecretenvError, now: float) -> list[Action]:
        """Keep the command: it cannot be started with the new values, so the next check tries them again."""
        if self.phase != RUNNING or self.shutdown:
            return []
        self.target = self.running
        self._versions.take_back(self.running.versions)
        return [*self._refresh.say(error, now), *self._over(failed=True)]

    # The command

    def _start(self) -> list[Action]:
        """Start the command. If that fails secretenv ends, and the notice after it is not sent."""
        self.starts += 1
        return [Spawn(answer=self.running), *self._notices.started(self.running.versions, self._note())]

    def _note(self) -> str:
        """Return what there is to say about the values of the command, empty if they are the newest."""
        refused = self._trial.status() if self._trial else ""
        return refused and f"refused: {refused}"

    def spawn_failed(self, error: SecretenvError, now: float) -> list[Action]:  # noqa: ARG002
        """End: there is no command."""
        return [] if self.phase in {WAITING, CLEANING, ENDED} else self._end_with(error, "start refused")

    def exited(self, status: int, now: float) -> list[Action]:
        """Take the end of the command: its exit status, or -N for signal N."""
        if self.phase == STOPPING:
            self._stop_limit = None
            if self.shutdown:
                return [Sweep(), *self._end_with(status, "exit in a shutdown")]
            self._move("exit")
            self._sweep_limit = now + SWEEP_LIMIT
            return [Sweep()]
        if self.phase == RUNNING:
            trial = self._trial
            if trial and (old := trial.fails(status, self.running, self._sent, now)):
                return self._go_back(trial, old, status, now)
            rest: list[Action] = [TermGroup()] if self._settings.signal_group else []
            return rest + self._end_with(status, "exit")
        return []

    def _go_back(self, trial: Trial, old: Answer, status: int, now: float) -> list[Action]:
        """Give the command, which has failed on trial, the old values back; or the newest, if they have come."""
        self.target, said = trial.lost(old, self.running, self.target, status, now)
        return self._clear_away("exit in a trial", said, now)

    def _clear_away(self, event: Event, said: Line, now: float) -> list[Action]:
        """Kill what the dead command left, before it is started with other values."""
        self._restart.cancel()
        self._move(event)
        self._sweep_limit = now + SWEEP_LIMIT
        return [said, *self._notices.going_back(said.message, SWEEP_LIMIT), Adopt(), Sweep()]

    def stopped(self, signum: int, now: float) -> list[Action]:  # noqa: ARG002
        """Stop too when job control has stopped the command, so that the shell gets its prompt.

        Without a terminal only for the signals of job control: a STOP sent to the command alone is meant for it alone.
        """
        if self._shared:
            return [StopSelf()] if self.phase in {RUNNING, STOPPING} else []
        # A service that is being stopped has limits to keep.
        return [StopSelf()] if self.phase == RUNNING and not self.shutdown and signum in JOB_STOPS else []

    def gone(self, now: float) -> list[Action]:
        """Go on after the last process of the old command."""
        if self.phase != CLEANING:
            return []
        self._sweep_limit = None
        if self.shutdown:
            return self._end_with(-self.shutdown, "all gone in a shutdown")
        if self._exits():
            last = line("info", "exiting, to be started again with the new version")
            return [last, *self._end_with(CHANGED, "all gone with --on-change exit")]
        self._move("all gone")
        before, self.running = self.running, self.target
        self._restart.done()
        self._sent.clear()
        event: LogEvent = "restored" if self._trial and self._trial.refused else "restart"
        self._trial = self._trial or self._first_trial()
        self._trial.begin(before, now)
        start, *notices = self._start()
        return [
            start,
            line("info", f"started again with {shown_versions(self.running.versions)}", event=event),
            *notices,
        ]

    def _exits(self) -> bool:
        """Whether secretenv ends, so that the service manager starts it with the new version."""
        return self._settings.on_change == "exit"

    def _first_trial(self) -> Trial:
        from secretenv.supervisor.trial import Trial  # most runs have no restart for a long time

        return Trial(self._settings.trial, self._settings.kill_timeout)

    # Signals

    def signalled(self, signum: int, sender: Sender, now: float) -> list[Action]:
        """Take a signal that this process received."""
        if self.ended:
            return []
        if signum == self._settings.refresh_signal and not is_hang_up(signum, sender):
            asked = [] if self.phase == WAITING else self._notices.checking()
            self._try_again()
            return [] if self.shutdown else asked + self._refresh.ask(now)
        if sender in {COMMAND, JOB} and self._is_echo(signum, now):
            sender = ECHO
        actions: list[Action] = []
        found = steps(self.phase, sender, signum, ignored=self._ignored, leader=self._leader)
        for step in found:
            actions += self._step(step, signum, now)
        if "send" in found or sender == TERMINAL:
            self._sent[signum] = now
        return actions

    def _try_again(self) -> None:
        """Let the next check find the refused version again: whoever asks for a check asks for another try."""
        if self._trial and self._trial.refused and not self.shutdown:
            self._trial.accept()
            self._notices.kept(self.running.versions, "")  # to be said at the end of the check
            self._versions.take_back(self.target.versions)

    def _is_echo(self, signum: int, now: float) -> bool:
        """Whether the command returns a signal it just got, or asks for a stop under way: `trap 'kill 0' TERM` does."""
        if self.shutdown and signum in {signal.SIGTERM, signal.SIGINT}:
            return True
        if self.phase == STOPPING and signum == self._settings.kill_signal:
            return True
        sent = self._sent.get(signum)
        return sent is not None and now - sent < ECHO_TIME

    def _step(self, step: Step, signum: int, now: float) -> list[Action]:
        match step:
            case "end":
                self.shutdown = signum
                return self._end_with(-signum, "signal that ends the start")
            case "begin":
                return [] if self.shutdown else self._begin_shutdown(signum)
            case "hold":
                self._restart.hold(signum, now)
                return []
            case "send":
                return [Send(signum=signum)]
            case "stop":
                return [StopSelf()]
            case "drop":
                return [self._dropped(signum)]

    def _dropped(self, signum: int) -> Line:
        if self.phase == WAITING:
            return line("debug", f"{signal_name(signum)} dropped: no command is running yet")
        return line("info", f"{signal_name(signum)} dropped: no command is running")

    def _begin_shutdown(self, signum: int) -> list[Action]:
        """Fetch and start nothing from now on. The sender decides how long the command may take.

        A stop that is under way keeps its own limit.
        """
        self.shutdown = signum
        self._restart.cancel()
        if self._trial:
            self._trial.interrupt()
        return [*self._notices.stopping(signum), *self._refresh.stop()]

    # The end

    def _end_with(self, outcome: int | SecretenvError, event: Event) -> list[Action]:
        actions = [*self._end(event), *self._notices.ended(outcome)]
        if isinstance(outcome, int):
            return [*actions, End(status=outcome, error=None)]
        return [*actions, End(status=outcome.status, error=outcome)]

    def _end(self, event: Event) -> list[Action]:
        self._move(event)
        self._restart.cancel()
        if self._trial:
            self._trial.interrupt()
        self._stop_limit = self._sweep_limit = None
        return self._refresh.stop()


def past(due: float | None, now: float) -> bool:
    """Return whether a due time, None for never, has come."""
    return due is not None and now >= due
