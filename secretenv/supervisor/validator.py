"""Run the program of --validate, which tries new values before the command is stopped for them.

Loaded only if there is one. The program leads its own session, so that no terminal stops it or sends it signals; it
adopts its orphans, so that all of its descendants can be found; and it is the kernel's first victim.
"""

from __future__ import annotations

import os
import signal
import time

from secretenv.errors import SecretenvError
from secretenv.supervisor.command import spawn
from secretenv.supervisor.descendants import Family, descend
from secretenv.supervisor.forking import PR_SET_CHILD_SUBREAPER, first_victim, prctl
from secretenv.supervisor.program import execute, find
from secretenv.supervisor.trial import ending
from secretenv.supervisor.validation import KillValidator, PutBack, Validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from secretenv.protocol import Answer
    from secretenv.supervisor.actions import Action, Rare
    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.descendants import Pinned
    from secretenv.supervisor.log import Log
    from secretenv.supervisor.validation import ValidatedLife

# Seconds in which a killed process is gone, unless it hangs in the kernel.
_GONE = 0.2
# What the program sends there would count as the command's.
_NOTIFY_SOCKET = b"NOTIFY_SOCKET"


class Trier:
    """Performs the actions of `validation`: it holds the program while that runs, and the answer that is tried.

    Args:
        life: which asks for them.
        origin: what the caller gave to secretenv.
        log: where lines go.
        environment: returns the command's environment with an answer.
        write: writes the files of an answer.
        patience: seconds to wait for the kernel's verdict on each start of the program.
    """

    def __init__(  # noqa: PLR0913 - what the loop has
        self,
        life: ValidatedLife,
        origin: Origin,
        log: Log,
        environment: Callable[[Answer], Mapping[bytes, bytes]],
        write: Callable[[Answer], None],
        *,
        patience: float,
    ) -> None:
        self._life = life
        self._words = life.words
        self._patience = patience
        self._origin = origin
        self._log = log
        self._environment = environment
        self._write = write
        path = origin.environment.get(b"PATH")
        self._path = None if path is None else os.fsdecode(path)
        self._running: Validator | None = None
        self._answer: Answer | None = None
        self._warn()

    def _warn(self) -> None:
        """Warn of a program that cannot be found, before the first new version is refused because of it."""
        try:
            find(self._words[0], self._path)
        except SecretenvError as error:
            words = f"--validate: {error.message}: all new versions would be refused"
            self._log("warning", words, link="settings", hint=error.hint)

    @property
    def pid(self) -> int:
        """The program's process id; 0 if it does not run."""
        return self._running.pid if self._running else 0

    def step(self, action: Rare | None, notice_end: Callable[[], None], now: float) -> list[Action]:
        """Perform an action, if there is one, and return what follows from the outcome of the program, if it has one.

        Args:
            action: it may lose a SIGCHLD.
            notice_end: takes the command's end if it has just ended by itself, so that the outcome starts nothing.
            now: in seconds.
        """
        outcome = self._perform(action) if action else self._outcome()
        if outcome is None:
            return []
        notice_end()
        return self._life.validated(*outcome, now)

    def _perform(self, action: Rare) -> tuple[Answer, str] | None:
        """Perform an action; the outcome is the answer that was tried, and why it is refused, empty if it is not."""
        match action:
            case Validate(answer=answer):
                return self._start(answer)
            case KillValidator():
                return self._kill()
            case PutBack(answer=answer):
                self._put_back(answer)
        return None

    def _start(self, answer: Answer) -> tuple[Answer, str] | None:
        try:
            self._running = Validator(self._words, self._path, self._environment(answer), self._origin, self._patience)
        except SecretenvError as error:
            return answer, error.message
        self._answer = answer
        self._log("debug", f"{self._words[0]} started as process {self.pid}")
        return None

    def _kill(self) -> tuple[Answer, str] | None:
        running, answer, self._running, self._answer = self._running, self._answer, None, None
        return (answer, running.kill()) if running and answer else None

    def _put_back(self, answer: Answer) -> None:
        try:
            self._write(answer)
        except SecretenvError as error:
            words = f"{error.message}: those of a refused version are still there"
            self._log("warning", words, link=error.link, hint=error.hint)

    def takes(self, pid: int, status: int) -> bool:
        """Take the end of this process if it is the program, and return whether it is.

        Args:
            pid: a process that has ended, and was not reaped.
            status: its exit status, or -N for signal N.
        """
        if self._running is None or pid != self.pid:
            return False
        self._running.ended(status)
        return True

    def _outcome(self) -> tuple[Answer, str] | None:
        """Return the outcome of a program that has ended by itself, once."""
        if self._running is None or self._answer is None or (why := self._running.outcome()) is None:
            return None
        self._running.forget()
        answer, self._running, self._answer = self._answer, None, None
        return answer, why


class Validator:
    """The running program.

    Args:
        words: it and its arguments.
        path: the folders to look for it in; None: the system's.
        environment: of the command with the new values.
        origin: what the caller gave to secretenv: the program finds its signal state, as the command does.
        patience: seconds to wait for the kernel's verdict on its start.

    Attributes:
        pid: its process id; 0 once its end was taken.

    Raises:
        CommandError: the system refuses it.
        CommandNotFoundError: there is no such program, or its interpreter is missing.
    """

    def __init__(
        self,
        words: Sequence[str],
        path: str | None,
        environment: Mapping[bytes, bytes],
        origin: Origin,
        patience: float,
    ) -> None:
        file = find(words[0], path)
        own = {name: value for name, value in environment.items() if name != _NOTIFY_SOCKET}
        child = spawn(file, lambda: _become(file, words, own), origin, group=False, patience=patience)
        self.pid = child.pid
        self._verdict = child.verdict
        # With its group: by now it leads one, or ends before it does anything.
        self._family = Family(self.pid, group=True)
        self._outcome: str | None = None

    def finished(self) -> os.waitid_result | None:
        """Return how it ended, if it has and that was not taken yet."""
        return None if not self.pid else os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def ended(self, status: int) -> None:
        """Take its end, and kill what it left behind in its session.

        Args:
            status: its exit status, or -N for signal N.
        """
        self._family = Family(self.pid, group=True, known=_in_session(self.pid))
        self._family.kill_rest()  # before its zombie is taken, which keeps its group's id from reuse
        refused = self._verdict.refusal()
        self._verdict.close()
        os.waitid(os.P_PID, self.pid, os.WEXITED)
        self._family.reaped, self.pid = True, 0
        self._outcome = refused.message if refused else ending(status) if status else ""

    def outcome(self) -> str | None:
        """Return why it refuses, empty if it does not, None while it or something of its group is still there."""
        return None if self._outcome is None or self._family.anything_left() else self._outcome

    def kill(self) -> str:
        """SIGKILL it, its group and its descendants, and return why it refuses; empty if it has already accepted.

        SIGCHLD has to be blocked; one may be lost here. A process that hangs in the kernel is left.
        """
        if finished := self.finished():
            self.ended(finished.si_status if finished.si_code == os.CLD_EXITED else -finished.si_status)
        self._family.kill_all()
        limit = time.monotonic() + _GONE
        while self.pid and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG) is None:
            if (left := limit - time.monotonic()) <= 0:
                break
            signal.sigtimedwait({signal.SIGCHLD}, left)  # what it returns may be wrong, see `waiting`
        self.forget()
        return ending(-signal.SIGKILL) if self._outcome is None else self._outcome

    def forget(self) -> None:
        """Let go of its descendants, and of the pipe to a start that is not over."""
        self._verdict.close()
        self._family.forget()


def _in_session(leader: int) -> dict[int, Pinned]:
    """Pin what is left of a session: a shell with job control puts its jobs into groups of their own."""
    found = {}
    for pid, pinned in descend([os.getpid()], {}):
        if pid != leader and _session_of(pid) == leader:
            found[pid] = pinned
        else:
            pinned.close()
    return found


def _session_of(pid: int) -> int:
    """Return the session of a process, -1 if it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _become(file: str, words: Sequence[str], environment: Mapping[bytes, bytes]) -> NoReturn:
    """Become the program, apart from the terminal and from secretenv's standard output, which is the command's.

    Raises:
        OSError: the system refuses it.
    """
    os.setsid()
    first_victim()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.set_inheritable(2, True)  # noqa: FBT003
    execute(file, words, environment)
