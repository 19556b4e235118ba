"""Start the process that opens, seals or removes the cache, and read the outcome. Loaded only with --cache."""

from __future__ import annotations

import json
import os

from secretenv.cache_protocol import CacheError, CacheTask, Outcome, outcome_of, read_outcome
from secretenv.errors import Message
from secretenv.protocol import GO
from secretenv.supervisor.helper_process import Helper, await_end
from secretenv.supervisor.last_known_good import LeaveCache, OpenCache
from secretenv.supervisor.sealing import DropCache, SealCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretenv.errors import SecretenvError
    from secretenv.protocol import Answer
    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Action, Rare
    from secretenv.supervisor.last_known_good import CachedLife

# Seconds that the end of secretenv waits for the new values to be written.
PATIENCE = 5.0

NO_PROCESS = Message(
    CacheError, "could not start the process of the cache: {reason}", "check the limits: ulimit -a; free"
)


class CacheProcess:
    """Performs the actions of `last_known_good`: it has the processes that do, if there are any now.

    Args:
        life: which asks for them.
        settings: of the run.
        base: the caller's environment.
        opener: a process that is ready to open the cache, if there is one.
        problem: returns why the command could not be started with an answer, or None.
    """

    def __init__(
        self,
        life: CachedLife,
        settings: Settings,
        base: Mapping[bytes, bytes],
        opener: Helper | None,
        problem: Callable[[Answer], SecretenvError | None],
    ) -> None:
        self._life = life
        self._settings = settings
        self._base = base
        self._opener = opener
        self._problem = problem
        self._writer: Helper | None = None

    def pids(self) -> list[int]:
        """Return the process ids of those that run."""
        return [helper.pid for helper in (self._opener, self._writer) if helper is not None]

    def perform(self, action: Rare, now: float) -> list[Action] | None:
        """Perform an action, and return what follows from it at once; None if it is of another module."""
        match action:
            case OpenCache():
                try:
                    self._opener = self._begun(self._opener, CacheTask.of("open", self._settings))
                except OSError as error:
                    self._opener = None
                    return self._life.opened(outcome_of(NO_PROCESS(reason=error.strerror)), now)
            case LeaveCache():
                self._leave_opener()
            case SealCache(known=known):
                return self._write(CacheTask.of("seal", self._settings, known), now)
            case DropCache():
                return self._write(CacheTask.of("forget", self._settings), now)
            case _:
                return None
        return []

    def _begun(self, helper: Helper | None, task: CacheTask) -> Helper:
        """Have a process do this task: the given one, or a new one."""
        helper = helper or Helper("secretenv.cache.main", self._base, blocked={GO})
        helper.write(json.dumps(task.to_json()).encode())
        os.kill(helper.pid, GO)
        return helper

    def _write(self, task: CacheTask, now: float) -> list[Action]:
        if self._writer is not None:  # which is late, and not waited for any more
            self._writer.abandon()
            self._writer = None
        try:
            self._writer = self._begun(None, task)
        except OSError as error:
            return self._life.sealed(outcome_of(NO_PROCESS(reason=error.strerror)), now)
        return []

    def takes(self, pid: int, status: int, now: float) -> list[Action] | None:
        """Take the end of one of these processes, and return what follows; None if it is another process.

        Args:
            pid: a process that has ended, and was not reaped.
            status: its exit status, or -N for signal N.
            now: in seconds.
        """
        if self._opener is not None and pid == self._opener.pid:
            opener, self._opener = self._opener, None
            return self._life.opened(self._usable(_outcome(opener, status)), now)
        if self._writer is not None and pid == self._writer.pid:
            writer, self._writer = self._writer, None
            return self._life.sealed(_outcome(writer, status), now)
        return None

    def _usable(self, outcome: Outcome) -> Outcome:
        """Return the outcome, or why the command could not be started with these values."""
        error = self._problem(outcome.known.answer) if outcome.known else None
        return Outcome(known=None, sealed_at=outcome.sealed_at, error=error) if error else outcome

    def _leave_opener(self) -> None:
        if self._opener is not None:
            self._opener.abandon()
            self._opener = None

    def finish(self) -> None:
        """Wait until the values are written, but not for long, and end what else runs. SIGCHLD has to be blocked."""
        self._leave_opener()
        writer, self._writer = self._writer, None
        if writer is not None:
            await_end(writer.pid, PATIENCE)
            writer.abandon()


def _outcome(helper: Helper, status: int) -> Outcome:
    """Return what a process that has ended left, and reap it."""
    os.waitid(os.P_PID, helper.pid, os.WEXITED)
    end = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    outcome = read_outcome(helper.answer(), end)
    helper.close()
    return outcome
