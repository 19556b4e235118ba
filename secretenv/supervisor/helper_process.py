"""Start a helper: a program of our own, apart from the terminal and from what the caller left for the command; end one.

The supervisor imports this room.
"""

from __future__ import annotations

import os
import signal
import time

from secretenv.supervisor.forking import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

# Seconds in which a killed process is gone, unless it hangs in the kernel.
_GONE = 0.2


def spawn_helper(
    words: Sequence[str], environment: Mapping[bytes, bytes], descriptors: Sequence[int], blocked: Iterable[int] = ()
) -> int:
    """Start an own program apart from the terminal and from the caller's signals and descriptors; return its pid.

    Args:
        words: its argv; the first is its file.
        environment: all of its environment.
        descriptors: what becomes its standard input, output and error.
        blocked: the signals that it finds blocked.

    Raises:
        OSError: no process could be made.
    """

    def run() -> NoReturn:
        os.setsid()
        for number in signal.valid_signals():
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        for descriptor in _descriptors():
            if descriptor > 2:  # noqa: PLR2004
                try:  # noqa: SIM105 (contextlib would be one more module that stays)
                    os.close(descriptor)
                except OSError:
                    pass  # the one by which they were listed
        os.execve(words[0], list(words), environment)  # noqa: S606

    # One that is sent at once must find it blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        return fork(run)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_helper(pid: int) -> None:
    """SIGKILL an own process and take its zombie: an init process may reap nothing once we have ended.

    SIGCHLD has to be blocked. One that is not there any more, or hangs in the kernel, is left.
    """
    limit = time.monotonic() + _GONE
    try:
        os.kill(pid, signal.SIGKILL)
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is None and (left := limit - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left)  # what it returns may be wrong, see `signals`
    except OSError:
        pass  # it was reaped before


def _descriptors() -> Iterable[int]:
    """Return the open descriptors of this process, or the first 256 numbers where /proc does not tell."""
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    except OSError:
        return range(256)
