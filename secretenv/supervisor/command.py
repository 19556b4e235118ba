"""Start the user's command and signal it.

It decides nothing: `lifecycle` does. What the command leaves behind is the business of `descendants`.
"""

from __future__ import annotations

import os
import select

from secretenv.errors import CommandError
from secretenv.supervisor.descendants import Family
from secretenv.supervisor.environment import readdressed
from secretenv.supervisor.forking import fork
from secretenv.supervisor.program import execute, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from secretenv.errors import CommandNotFoundError
    from secretenv.supervisor.caller import Origin

# Seconds. Almost every exec finishes within this; a signal may be delayed by this long.
EXEC_PATIENCE = 0.5


class Child:
    """The running command.

    Args:
        pid: its process id.
        group: whether it leads a process group of its own.
        refused: returns why the kernel did not take it, once it has ended, or None if it did.
    """

    def __init__(
        self, pid: int, *, group: bool, refused: Callable[[], CommandError | CommandNotFoundError | None]
    ) -> None:
        self.pid = pid
        self.group = group
        self.refused = refused
        self.family = Family(pid, group=group)

    def send(self, signum: int, *, whole_group: bool) -> bool:
        """Send a signal to the process, or to its group where it has one; return False if the system forbids it."""
        if self.family.reaped:
            return True
        try:
            if whole_group and self.group and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signum)
            else:
                os.kill(self.pid, signum)
        except ProcessLookupError:
            pass  # it is gone
        except PermissionError:
            return False  # it became another user
        return True

    def ended(self) -> os.waitid_result | None:
        """Return how it ended, if it has and was not reaped."""
        return None if self.family.reaped else os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def reap(self) -> None:
        """Take its zombie: from here on its pid, and its group's, may be another's."""
        os.waitid(os.P_PID, self.pid, os.WEXITED)
        self.family.reaped = True

    def forget(self) -> None:
        """Let go of its descendants, and of the pipe to a start that is not over."""
        self.refused()
        self.family.forget()


def spawn(file: str, words: Sequence[str], environment: Mapping[bytes, bytes], origin: Origin, *, group: bool) -> Child:
    """Start the command with the caller's signals and descriptors, and return it.

    What the kernel says to it is waited for, but not for ever: a file may be on a disk that hangs, and a terminal may
    stop the process before it has become the command. After that it is told by `refused` of the child.

    Args:
        file: what `find` gave.
        words: its argv.
        environment: all of its environment.
        origin: the signal state to hand on.
        group: whether it leads a process group of its own.

    Raises:
        CommandError: the system refuses it.
        CommandNotFoundError: its interpreter is missing.
    """
    caller = os.getpid()

    def run() -> NoReturn:
        if group:
            os.setpgid(0, 0)
        origin.restore()
        try:
            execute(file, words, readdressed(environment, caller))
        except OSError as error:
            os.write(theirs, str(error.errno).encode())
            os._exit(127)

    try:
        ours, theirs = os.pipe()  # closed by a successful exec, else it carries the errno
    except OSError as error:
        raise CommandError(f"no pipe could be made: {error.strerror}", hint="ulimit -n") from None
    verdict = [ours]

    def refused() -> CommandError | CommandNotFoundError | None:
        if not verdict:
            return None
        number = os.read(ours, 16) if _readable(ours, 0) else b""
        os.close(verdict.pop())
        return refusal(file, int(number)) if number else None

    try:
        pid = fork(run)
    except OSError as error:
        os.close(ours)
        raise CommandError(f"no process could be made: {error.strerror}", hint="ulimit -u; free") from None
    finally:
        os.close(theirs)
    if _readable(ours, EXEC_PATIENCE):
        cannot = refused()
        if cannot is not None:
            os.waitpid(pid, 0)
            raise cannot
    return Child(pid, group=group, refused=refused)


def _readable(descriptor: int, seconds: float) -> bool:
    """Wait until there is something to read, or the other end is closed."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
