"""Start the user's command and signal it.

It decides nothing: `lifecycle` does. `descendants` clears away the processes that the command leaves.
"""

from __future__ import annotations

import os
import select

from secretenv.supervisor import messages
from secretenv.supervisor.forking import fork
from secretenv.supervisor.program import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from secretenv.errors import SecretenvError
    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.descendants import Family

# Seconds. Almost every exec finishes within this; a signal may be delayed by this long.
EXEC_PATIENCE = 0.5


class Verdict:
    """The kernel's verdict on the start of a command.

    Args:
        file: what is executed.
        descriptor: the reading end of a pipe. A successful exec closes the writing end; a refused one writes its errno.
    """

    def __init__(self, file: str, descriptor: int) -> None:
        self._file = file
        self._descriptor = descriptor

    def comes(self, seconds: float) -> bool:
        """Wait for it, and return whether it is there."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def refusal(self) -> SecretenvError | None:
        """Return why the kernel refused, or None if it did not, has not yet, or the refusal was already taken."""
        if self._descriptor < 0 or not self.comes(0):
            return None
        number = os.read(self._descriptor, 16)
        self.close()
        return refusal(self._file, int(number)) if number else None

    def close(self) -> None:
        """Let go of the pipe."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Child:
    """The running command.

    Args:
        pid: its process id.
        group: whether it leads a process group of its own.
        verdict: the kernel's, on its start.

    Attributes:
        reaped: whether it has ended and its zombie is taken.
    """

    def __init__(self, pid: int, *, group: bool, verdict: Verdict) -> None:
        self.pid = pid
        self.group = group
        self.verdict = verdict
        self.reaped = False
        self._family: Family | None = None

    @property
    def family(self) -> Family:
        """Its group and its descendants."""
        if self._family is None:
            from secretenv.supervisor.descendants import Family  # a command that just runs has no need of it

            self._family = Family(self.pid, group=self.group)
            self._family.reaped = self.reaped
        return self._family

    def send(self, signum: int, *, whole_group: bool) -> bool:
        """Send a signal to the process, or to its whole group; return False if the system forbids it."""
        if self.reaped:
            return True
        try:
            if whole_group:
                self.family.signal_group(signum)
            else:
                os.kill(self.pid, signum)
        except ProcessLookupError:
            pass  # it is gone
        except PermissionError:
            return False  # it became another user
        return True

    def ended(self) -> os.waitid_result | None:
        """Return how it ended, if it has and was not reaped."""
        return None if self.reaped else os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def reap(self) -> None:
        """Take its zombie: from here on its pid, and its group's id, may become another's."""
        os.waitid(os.P_PID, self.pid, os.WEXITED)
        self.reaped = True
        if self._family:
            self._family.reaped = True

    def forget(self) -> None:
        """Let go of its descendants, and of the pipe to a start that is not over."""
        self.verdict.close()
        if self._family:
            self._family.forget()


def spawn(
    file: str, become: Callable[[], object], origin: Origin, *, group: bool, patience: float = EXEC_PATIENCE
) -> Child:
    """Start the command with the caller's signals and descriptors, and return it.

    The wait for the kernel's verdict is limited: a file may be on a disk that hangs, and a terminal may stop the
    process before it has become the command. A verdict that comes later is in the child's `verdict`.

    Args:
        file: what `find` gave.
        become: executes it in the new process, or raises OSError.
        origin: the signal state to hand on.
        group: whether it leads a process group of its own.
        patience: seconds to wait for the verdict.

    Raises:
        CommandError: the system refuses it.
        CommandNotFoundError: its interpreter is missing.
    """

    def run() -> NoReturn:
        if group:
            os.setpgid(0, 0)
        origin.restore()
        try:
            become()
        except OSError as error:
            os.write(writing, str(error.errno).encode())
        os._exit(127)

    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise messages.NO_PIPE(reason=error.strerror) from None
    verdict = Verdict(file, reading)
    try:
        pid = fork(run)
    except OSError as error:
        verdict.close()
        raise messages.NO_PROCESS(reason=error.strerror) from None
    finally:
        os.close(writing)
    if verdict.comes(patience):
        refused = verdict.refusal()
        if refused is not None:
            os.waitpid(pid, 0)
            raise refused
    return Child(pid, group=group, verdict=verdict)
