"""Wait for signals, all of which are blocked: where the supervisor sleeps."""

from __future__ import annotations

import os
import select
import signal
import time

from secretenv.supervisor.libc import function

# A tuple, which takes less memory than a set.
EVERY_SIGNAL = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})

# A sigset_t of all signals: 128 bytes in glibc and in musl.
_SIGSET = b"\xff" * 128
# Seconds: poll(2) takes at most 24 days.
_LONGEST = 86_400.0
# Seconds between two looks where the kernel has no signalfd, or no descriptor is left for one.
_LOOK = 0.05


class Signals:
    """The signals that come to this process. The first wait with a limit opens a signalfd."""

    def __init__(self) -> None:
        self._opened = False
        self._poll: select.poll | None = None

    def next(self, seconds: float | None) -> signal.struct_siginfo | None:
        """Take the next signal that comes within `seconds`, None for ever; return None if none did, or a day is over.

        Never block in sigtimedwait: after a stop or a freeze (`docker pause`) past the timeout CPython returns an
        uninitialised siginfo (measured: 3.11 to 3.13).
        """
        if seconds is None:
            return signal.sigwaitinfo(EVERY_SIGNAL)
        if seconds > 0:
            self._wait(min(seconds, _LONGEST))
        return signal.sigtimedwait(EVERY_SIGNAL, 0)

    def _wait(self, seconds: float) -> None:
        """Return when a signal is pending, or the time is over."""
        if not self._opened:
            self._opened, self._poll = True, _wakes()
        if self._poll is not None:
            self._poll.poll(seconds * 1000)
            return
        end = time.monotonic() + seconds
        while not signal.sigpending() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))


def _wakes() -> select.poll | None:
    """Return what wakes up when a signal is pending, None if the system has no such thing."""
    descriptor = function("signalfd")(-1, _SIGSET, os.O_CLOEXEC)  # its flag is that of open(2)
    if descriptor < 0:
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll
