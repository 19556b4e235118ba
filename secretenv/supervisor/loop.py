"""The supervisor's loop: it takes signals, ended processes and due times, and performs the actions of `lifecycle`.

One thread, the standard library only, and one place where it waits, `Signals.next`. It never opens a network
connection: a fetcher is a process of its own, so that nothing outside can hold up a signal.
"""

from __future__ import annotations

import os
import signal
import time

from secretenv.errors import CommandError, CommandNotFoundError, SecretenvError
from secretenv.supervisor.actions import (
    Adopt,
    End,
    Exec,
    KillAll,
    KillFetch,
    Line,
    Notify,
    Prepare,
    Publish,
    Rare,
    Send,
    Spawn,
    StartFetch,
    Stop,
    StopSelf,
    Sweep,
    TermGroup,
)
from secretenv.supervisor.command import EXEC_PATIENCE, Child, spawn
from secretenv.supervisor.ending import leave
from secretenv.supervisor.environment import environment, readdressed
from secretenv.supervisor.failing import fail, shown
from secretenv.supervisor.fetches import Fetches
from secretenv.supervisor.forking import PR_SET_CHILD_SUBREAPER, prctl
from secretenv.supervisor.lifecycle import Lifecycle
from secretenv.supervisor.log import Log
from secretenv.supervisor.program import check_size, execute, find, refusal
from secretenv.supervisor.reaping import next_report, take_stop
from secretenv.supervisor.signals import sender_of
from secretenv.supervisor.status import Status
from secretenv.supervisor.terminal import Terminal, stop
from secretenv.wording import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never, NoReturn

    from secretenv.protocol import Answer
    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Action
    from secretenv.supervisor.cache_process import CacheProcess
    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.fetcher_process import Fetch
    from secretenv.supervisor.helper_process import Helper
    from secretenv.supervisor.sd_notify import Notifier
    from secretenv.supervisor.secret_files import SecretFiles
    from secretenv.supervisor.signals import Sender
    from secretenv.supervisor.validator import Trier
    from secretenv.supervisor.waiting import Signals


def supervise(  # noqa: PLR0913 - what `starting` has made
    settings: Settings,
    origin: Origin,
    signals: Signals,
    *,
    first: Fetch | None,
    opener: Helper | None,
    exec_patience: float = EXEC_PATIENCE,
) -> NoReturn:
    """Run the command, and end this process as the command ended.

    Args:
        settings: of the run.
        origin: what the caller gave to this process.
        signals: where this process waits.
        first: a fetcher that is ready; None: it is started when it is needed.
        opener: a process that is ready to open the cache; None: the same.
        exec_patience: seconds to wait for the kernel's verdict on each start of the command.
    """
    log = Log(settings.log_level, settings.log_format)
    try:
        _Supervisor(settings, origin, log, first=first, opener=opener, exec_patience=exec_patience).run(signals)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a value, and a traceback may block
        fail(error, log)


# Neither a command with thousands of children that end nor a storm of signals may hold up the rest.
_TAKEN_AT_ONCE = 100


def now() -> float:
    """Return seconds on the clock that goes on while a device is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _load_for_a_change() -> SecretenvError | None:
    """Load what a new version needs, while the command still runs; return why it cannot be loaded.

    Until then it would only take memory. An upgrade may have replaced the files since the start, or removed them.
    """
    try:
        from secretenv.supervisor import adopted, changes, descendants, trial  # noqa: F401
    except Exception as error:  # noqa: BLE001 - whatever the new files are like, the command keeps running
        return shown(error)
    return None


def _life(settings: Settings) -> type[Lifecycle]:
    """Return the class of the state machine; most runs have neither a program that tries new values nor a cache."""
    life = Lifecycle
    if settings.validates:
        from secretenv.supervisor.validation import ValidatedLife

        life = ValidatedLife
    if settings.cache:
        from secretenv.supervisor.last_known_good import with_cache

        life = with_cache(life)
    return life


def _unknown(action: Never) -> NoReturn:
    """Refuse an action without a case: mypy sees that there is none."""
    raise TypeError(type(action).__name__)


class _Supervisor:
    """The run without its decisions: processes, descriptors and the values themselves."""

    def __init__(  # noqa: PLR0913 - what `supervise` has made
        self,
        settings: Settings,
        origin: Origin,
        log: Log,
        *,
        first: Fetch | None,
        opener: Helper | None,
        exec_patience: float,
    ) -> None:
        self._settings = settings
        self._origin = origin
        self._log = log
        self._exec_patience = exec_patience
        self._base = base = origin.environment
        self._notifier: Notifier | None = None
        if base.get(b"NOTIFY_SOCKET"):
            from secretenv.supervisor.sd_notify import (  # most runs have no service manager that listens
                for_command,
                notifier,
            )

            self._notifier = notifier(base, settings, lambda words: self._log("debug", words))
            self._base = for_command(base, settings)
        self._terminal = Terminal()
        self._trier: Trier | None = None
        self._cache: CacheProcess | None = None
        leads, shared, told = os.getsid(0) == os.getpid(), self._terminal.shared, self._notifier is not None
        kind = _life(settings)
        life = kind(settings, ignored=origin.ignored, leader=leads, shared=shared, notify=told)
        self._lifecycle = life
        if settings.validates:
            from secretenv.supervisor.validation import ValidatedLife
            from secretenv.supervisor.validator import Trier

            if isinstance(life, ValidatedLife):
                self._trier = Trier(life, origin, log, self._environment, self._write_files, patience=exec_patience)
        if settings.cache:
            from secretenv.supervisor.cache_process import CacheProcess
            from secretenv.supervisor.last_known_good import CachedLife

            if isinstance(life, CachedLife):
                self._cache = CacheProcess(life, settings, self._base, opener, self._problem)
        elif opener is not None:
            opener.abandon()
        self._child: Child | None = None
        self._fetches = Fetches(settings, self._base, log, first)
        self._file = ""
        self._status = Status(settings, now())
        self._secret_files: SecretFiles | None = None
        self._unreaped = False  # whether there may be more reports of processes than were taken at once

    def run(self, signals: Signals) -> NoReturn:
        """Live until the lifecycle ends; this process ends with it."""
        self._signals = signals
        for warning in self._settings.warnings:
            self._log("warning", warning)
        try:
            self._file = self._find()
            self._claim_files()
            if self._settings.status_file and not self._settings.once:
                self._keep_status_file()
        except SecretenvError as error:
            self._end(End(status=error.status, error=error))
        try:
            self._live()
        finally:  # only where something here is wrong: otherwise this process has ended
            self._remove_files()

    def _keep_status_file(self) -> None:
        from secretenv.supervisor.status_file import StatusFile  # most runs have none

        def complain(error: SecretenvError) -> None:
            self._log("warning", error.message, link=error.link, hint=error.hint)

        self._status.file = StatusFile(self._settings.status_file, complain)

    def _live(self) -> NoReturn:
        self._do(self._lifecycle.start(now()))
        self._reap()  # the first fetcher may have ended before anything waited for it
        while True:
            # In each round: a storm of signals must not delay what is due.
            self._do(self._lifecycle.tick(now()))
            due = self._lifecycle.due()
            if self._notifier is not None:
                due = self._notifier.tick(now(), due)
            seconds = None if due is None else max(due - now(), 0.0)
            self._status.update(self._lifecycle.snapshot(), now())
            info = self._signals.next(0.0 if self._unreaped else seconds)
            if info is None or info.si_signo == signal.SIGCHLD:
                self._reap()
            else:
                self._signalled(info)

    def _signalled(self, info: signal.struct_siginfo) -> None:
        if info.si_code > 0 or info.si_pid != os.getpid():
            # Not the SIGPIPE or SIGXFSZ of its own log line: once blocked, it arrives even if ignored.
            self._do(self._lifecycle.signalled(info.si_signo, self._sender_of(info), now()))

    def _hear_last_words(self) -> None:
        """Take the signals that the command sent before it died, while its pid still shows that they are its own."""
        for _ in range(_TAKEN_AT_ONCE):
            info = self._signals.next(0.0)
            if info is None:
                break
            if info.si_signo == signal.SIGCHLD:
                self._unreaped = True
            else:
                self._signalled(info)

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            self._perform(action)

    def _perform(self, action: Action) -> None:  # noqa: C901, PLR0912 - a case for each action
        match action:
            case StartFetch():
                self._start_fetch()
            case KillFetch():
                self._fetches.kill()
            case Prepare(answer=answer):
                self._prepare(answer)
            case Publish(answer=answer):
                self._publish(answer)
            case Rare():
                self._perform_rare(action)
            case Spawn(answer=answer):
                self._spawn(answer)
            case Exec(answer=answer):
                self._exec(answer)
            case Send(signum=signum):
                self._send(signum)
            case Stop(signum=signum):
                self._stop(signum)
            case KillAll() | Adopt() | Sweep() | TermGroup():
                self._clear(action)
            case StopSelf():
                stop()
            case Line():
                self._log(action.level, action.message, link=action.link, hint=action.hint, event=action.event)
            case Notify():
                self._notify(action)
            case End():
                self._end(action)
            case _:
                _unknown(action)

    def _clear(self, action: KillAll | Adopt | Sweep | TermGroup) -> None:
        if self._child is None:
            return
        family = self._child.family
        match action:
            case KillAll():
                family.kill_all()
            case Adopt():
                self._adopt(self._child)
            case Sweep():
                family.kill_rest()
            case TermGroup():
                family.term_group()

    def _adopt(self, child: Child) -> None:
        from secretenv.supervisor.adopted import adopted  # a command rarely fails on trial

        own = self._environment(self._lifecycle.running).items() - self._base.items()
        marks = {name + b"=" + value for name, value in own}
        child.family.adopt(adopted(child.pid, self._helpers, marks))

    def _helpers(self) -> set[int]:
        own = [*self._fetches.pids(), *(self._cache.pids() if self._cache else ())]
        return {*own, self._trier.pid} if self._trier else set(own)

    def _sender_of(self, info: signal.struct_siginfo) -> Sender:
        child = self._child
        from_command = child is not None and not child.reaped and info.si_pid == child.pid
        return sender_of(info.si_signo, info.si_code, from_command=from_command, shared=self._terminal.shared)

    def _notify(self, action: Notify) -> None:
        if self._notifier is not None:
            self._notifier.say(action, now())

    # Processes that ended

    def _reap(self) -> None:
        """Take each process that ended or stopped: report secretenv's own to the lifecycle, and just reap an orphan."""
        for _ in range(_TAKEN_AT_ONCE):
            report = next_report()
            self._unreaped = report is not None
            if report is None:
                break
            if report.si_code in {os.CLD_STOPPED, os.CLD_TRAPPED}:
                self._stopped(report.si_pid)
            else:
                self._ended(report)
        if self._child is not None and self._child.reaped and not self._child.family.anything_left():
            self._child.forget()
            self._child = None
            self._do(self._lifecycle.gone(now()))
        self._validate()

    def _stopped(self, pid: int) -> None:
        signum = take_stop(pid)
        if signum is not None and self._child is not None and pid == self._child.pid:
            self._do(self._lifecycle.stopped(signum, now()))

    def _ended(self, ended: os.waitid_result) -> None:
        pid, status = ended.si_pid, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        if self._child is not None and pid == self._child.pid:
            self._hear_last_words()
            refused = self._child.verdict.refusal()
            if refused is not None:
                self._do(self._lifecycle.spawn_failed(refused, now()))
            # Before its zombie is taken, which keeps its pid and its group's id from reuse: its leftovers are killed.
            self._do(self._lifecycle.exited(status, now()))
            self._child.reap()
            return
        if self._trier is not None and self._trier.takes(pid, status):
            return
        if self._cache is not None and (actions := self._cache.takes(pid, status, now())) is not None:
            self._do(actions)
            return
        os.waitid(os.P_PID, pid, os.WEXITED)
        if (answer := self._fetches.takes(pid, status, now())) is not None:
            self._fetched(answer)

    # The fetcher

    def _start_fetch(self) -> None:
        error = self._fetches.start(now())
        if error is not None:
            self._do(self._lifecycle.failed(error, now()))

    def _fetched(self, answer: Answer) -> None:
        """Report the answer of a fetcher."""
        self._status.certificate_end = answer.certificate_end or self._status.certificate_end
        error = answer.error or self._problem(answer)
        if error is None:
            self._do(self._lifecycle.fetched(answer, now()))
        else:
            self._do(self._lifecycle.failed(error, now()))

    # The command

    def _find(self) -> str:
        path = self._base.get(b"PATH")
        return find(self._settings.command[0], None if path is None else os.fsdecode(path))

    def _environment(self, answer: Answer) -> dict[bytes, bytes]:
        paths = self._secret_files.variables(answer.files) if self._secret_files else {}
        return environment(self._base, answer.variables | paths, self._settings)

    def _problem(self, answer: Answer) -> SecretenvError | None:
        """Return why the command could not be started with this answer."""
        try:
            self._file = self._find()
            check_size(self._settings.command, self._environment(answer))
        except (CommandError, CommandNotFoundError) as error:
            return error
        changed = self._child is not None and answer.versions != self._lifecycle.running.versions
        return _load_for_a_change() if changed else None

    def _prepare(self, answer: Answer) -> None:
        self._notice_end()
        try:
            error = self._problem(answer)
            if error is None:
                self._write_files(answer)
        except SecretenvError as unwritten:
            error = unwritten
        if error is None:
            self._do(self._lifecycle.prepared(answer, now()))
        else:
            self._do(self._lifecycle.unprepared(error, now()))

    def _notice_end(self) -> None:
        """Take the command's end if it has just ended by itself: then it is not restarted."""
        if self._child is not None and (ended := self._child.ended()):
            self._ended(ended)

    def _perform_rare(self, action: Rare) -> None:
        """Perform an action of a module that most runs do not load."""
        following = self._cache.perform(action, now()) if self._cache is not None else None
        if following is None:
            self._validate(action)
        else:
            self._unreaped = True  # it may lose a SIGCHLD
            self._do(following)

    def _validate(self, action: Rare | None = None) -> None:
        """Perform an action of the validation, if there is one, and report the outcome of the program."""
        if self._trier is not None:
            self._unreaped |= action is not None  # it may lose a SIGCHLD
            self._do(self._trier.step(action, self._notice_end, now()))

    def _publish(self, answer: Answer) -> None:
        try:
            self._write_files(answer)
        except SecretenvError as error:
            self._do(self._lifecycle.unpublished(error, now()))
        else:
            self._do(self._lifecycle.published(now()))

    def _spawn(self, answer: Answer) -> None:
        self._terminal.prepare()
        if self._child is not None:  # its leftovers cannot be killed, and are not waited for any more
            self._child.forget()
        environ, caller = self._environment(answer), os.getpid()
        try:
            self._write_files(answer)
            self._child = spawn(
                self._file,
                lambda: execute(self._file, self._settings.command, readdressed(environ, caller)),
                self._origin,
                group=not self._terminal.shared,
                patience=self._exec_patience,
            )
        except SecretenvError as error:
            self._do(self._lifecycle.spawn_failed(error, now()))
        else:
            self._log("debug", f"command started as process {self._child.pid}: {self._file}")
            if self._settings.signal_group:
                _ = self._child.family  # loaded now, not when a signal needs it

    def _exec(self, answer: Answer) -> None:
        """Replace this process by the command, after undoing what the supervisor set for itself."""
        self._end_helpers()
        try:
            self._write_files(answer)
        except SecretenvError as error:
            self._end(End(status=error.status, error=error))
        if self._secret_files:
            self._secret_files.hand_over()
        prctl(PR_SET_CHILD_SUBREAPER, 0)
        environ = self._environment(answer)
        self._origin.restore()
        try:
            execute(self._file, self._settings.command, environ)
        except OSError as error:
            cannot = refusal(self._file, error.errno or 0)
            self._end(End(status=cannot.status, error=cannot))

    # The secret files

    def _claim_files(self) -> None:
        if self._settings.files:
            from secretenv.supervisor.secret_files import SecretFiles  # most runs have none

            self._secret_files = SecretFiles(self._settings, self._base)
            for warning in self._secret_files.warnings:
                self._log("warning", warning)

    def _write_files(self, answer: Answer) -> None:
        if self._secret_files:
            self._secret_files.write(answer.files)

    def _remove_files(self) -> None:
        if self._secret_files:
            self._secret_files.remove()

    def _send(self, signum: int) -> None:
        if self._child is not None and not self._child.send(signum, whole_group=self._settings.signal_group):
            words = f"{signal_name(signum)} did not reach the command: it runs as another user now"
            self._log("warning", words, link="command", hint="start secretenv as that user, or with CAP_KILL")

    def _stop(self, signum: int) -> None:
        if self._child is not None:
            self._child.family.remember()
            self._send(signum)
            # A stopped process keeps TERM pending.
            self._child.send(signal.SIGCONT, whole_group=self._settings.signal_group)

    def _end_helpers(self) -> None:
        """End the fetchers, and the processes of the cache once it is written; nothing of them is left."""
        self._fetches.abandon()
        if self._cache is not None:
            self._cache.finish()

    def _end(self, action: End) -> NoReturn:
        if action.error is not None:
            self._log.failure(action.error)
        if self._child is not None and not self._child.reaped:
            # The init process may never reap it.
            os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG)
        self._end_helpers()
        self._remove_files()
        self._status.end()
        leave(action.status)
