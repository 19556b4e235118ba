"""Start, signal and clear away the user's command.

Decides nothing: when to do what is the business of `lifecycle`. Everything here runs in the supervisor, which has one
thread, so that fork is safe and PR_SET_PDEATHSIG, which watches the forking thread, means the process.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal

from secretenv.errors import FAILED, CommandError
from secretenv.supervisor.descendants import Pinned, children, is_there
from secretenv.supervisor.log import Log
from secretenv.supervisor.program import execute, readdressed, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from secretenv.errors import CommandNotFoundError

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

# Seconds in which nearly every exec is over; as long as that a signal may wait.
EXEC_PATIENCE = 0.5

# What is said where there is no memory left to say anything else.
_STARVED = (
    b"secretenv: error: secretenv: a process could not be started: there is no memory left\n"
    b"secretenv: hint: free; ulimit -a\n"
)

# CPython ignores these for itself at its start; the command must find what any program finds.
_RESET = (signal.SIGPIPE, signal.SIGXFSZ)

_prctl = ctypes.CDLL(None, use_errno=True).prctl


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; one that the kernel does not know is left."""
    _prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


class Origin:
    """What the caller had set before secretenv changed it for itself; the command gets it back.

    Args:
        mask: the signal mask of the caller; by now everything is blocked.
    """

    def __init__(self, mask: set[int | signal.Signals]) -> None:
        self.mask = mask
        self.ignored = frozenset(
            number
            for number in signal.valid_signals()
            if number not in _RESET and signal.getsignal(number) == signal.SIG_IGN
        )
        # An inherited SIG_IGN would reap our children before we see them end.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            # Python's own handler would swallow an interrupt between the mask and the exec of a child.
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def restore(self) -> None:
        """Give this process the signal dispositions and the mask it was started with; pending signals act now."""
        for number in _RESET:
            signal.signal(number, signal.SIG_IGN)  # drops what is pending of it: a log line's that nobody took
            signal.signal(number, signal.SIG_DFL)
        if signal.SIGCHLD in self.ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)


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
        self.reaped = False
        self.refused = refused
        self._known: dict[int, Pinned] = {}  # descendants by pid

    def send(self, signum: int, *, whole_group: bool) -> bool:
        """Send a signal to the process, or to its group where it has one; return False if the system forbids it."""
        if self.reaped:
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
        return None if self.reaped else os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def remember_descendants(self) -> None:
        """Pin every descendant, so that none can escape by a new session or by losing its parent."""
        for pid, pinned in list(self._known.items()):
            if not pinned.there():  # its number may be another's by now
                self._known.pop(pid).close()
        todo = [self.pid, *self._known]
        while todo:
            parent = todo.pop()
            for pid in children(parent):
                if pid in self._known:
                    continue
                pinned = Pinned(pid)
                if pid in children(parent):  # still: it is the one that we have pinned
                    self._known[pid] = pinned
                    todo.append(pid)
                else:
                    pinned.close()

    def kill_all(self) -> None:
        """SIGKILL the process, its group and every descendant that is known or can be found."""
        self.remember_descendants()
        self.send(signal.SIGKILL, whole_group=False)  # it may have left its group
        self.kill_rest()

    def kill_rest(self) -> None:
        """SIGKILL what is left of its group and its descendants.

        The dead command must not be reaped yet: as a zombie it keeps its pid, and so its group's id, from reuse.
        """
        if self.group and not self.reaped:
            _ignoring_absence(lambda: os.killpg(self.pid, signal.SIGKILL))
        for pinned in self._known.values():
            _ignoring_absence(pinned.kill)

    def term_group(self) -> None:
        """Send TERM to what is left of its group; the dead command must not be reaped yet."""
        if self.group and not self.reaped:
            _ignoring_absence(lambda: os.killpg(self.pid, signal.SIGTERM))

    def anything_left(self) -> bool:
        """Whether a process of its group or a known descendant is still there, zombies of others included."""
        if self.group and is_there(lambda: os.killpg(self.pid, 0)):
            return True
        return any(pinned.there() for pinned in self._known.values())

    def forget(self) -> None:
        """Let go of the pinned descendants, and of the pipe to a start that is not over."""
        self.refused()
        for pinned in self._known.values():
            pinned.close()
        self._known.clear()


def _ignoring_absence(call: Callable[[], None]) -> None:
    try:  # noqa: SIM105 (contextlib would be one more module that stays)
        call()
    except OSError:
        pass


def fork(run: Callable[[], NoReturn]) -> int:
    """Fork a child that dies with this process, and run `run` in it with signals as they are (blocked); return its pid.

    `run` must not return; an exception in it ends the child with 125 and a line that names its kind: its text may hold
    a value.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)  # the parent ended before the line above could notice
        run()
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process must not go on as its parent
        try:
            why = error.strerror if isinstance(error, OSError) else type(error).__name__
            whole = "is the installation whole? pip check; " if isinstance(error, ImportError) else ""
            hint = f"{whole}is there memory left, or a limit reached? free; ulimit -a"
            Log()("error", f"a process could not be started: {why}", link="secretenv", hint=hint)
        except BaseException:  # noqa: BLE001 - such a line takes memory too
            os.write(2, _STARVED)
    finally:
        os._exit(FAILED)


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


def occupy_standard_descriptors() -> None:
    """Open /dev/null where 0, 1 or 2 is closed, so that nothing of ours gets these numbers.

    They are not inherited: the command finds them closed, as the caller left them. Where there is no /dev/null nothing
    can be done, and mostly nothing need be.
    """
    while True:
        try:
            descriptor = os.open(os.devnull, os.O_RDWR)
        except OSError:
            return
        if descriptor > 2:  # noqa: PLR2004
            os.close(descriptor)
            return
