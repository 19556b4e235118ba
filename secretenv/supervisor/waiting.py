"""Wait for signals, all of which are blocked: where the supervisor sleeps."""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from secretenv.supervisor.libc import WORD_SIZE, Word, function

# A tuple, which takes less memory than a set.
EVERY_SIGNAL = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})

# A sigset_t of all signals: 128 bytes in glibc and in musl.
_SIGSET = b"\xff" * 128
# Seconds: poll(2) accepts at most 24 days.
_LONGEST = 86_400.0
# Milliseconds within which a timer of a nanosecond expires, if the system understood it.
_PROOF = 100
# Seconds between two looks where the kernel has no signalfd, or no descriptor is left for one.
_LOOK = 0.05


class Signals:
    """The signals that come to this process. The first wait with a limit opens a signalfd and a timer."""

    def __init__(self) -> None:
        self._opened = False
        self._poll: select.poll | None = None
        self._timer = -1

    def next(self, seconds: float | None) -> signal.struct_siginfo | None:
        """Take the next signal that comes within `seconds`, None for ever; return None if none did, or after a day.

        Never block in sigtimedwait: after a stop or a freeze (`docker pause`) past the timeout CPython returns an
        uninitialised siginfo (measured: 3.11 to 3.13).
        """
        if seconds is None:
            return signal.sigwaitinfo(EVERY_SIGNAL)
        if seconds > 0:
            self._wait(min(seconds, _LONGEST))
        return signal.sigtimedwait(EVERY_SIGNAL, 0)

    def _wait(self, seconds: float) -> None:
        """Return when a signal is pending or the time is up, including time in suspend."""
        if not self._opened:
            self._opened, self._poll, self._timer = True, _wakes(), _open_timer()
            if self._poll is not None and self._timer >= 0:
                self._poll.register(self._timer, select.POLLIN)
        if self._poll is not None:
            # poll(2) itself waits by CLOCK_MONOTONIC, which stops during a suspend.
            timed = self._timer >= 0 and _set_timer(self._timer, seconds)
            self._poll.poll(None if timed else seconds * 1000)
            return
        end = time.monotonic() + seconds
        while not signal.sigpending() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))


def _open_timer() -> int:
    """Return a timerfd; -1 where there is none, or where its time_t is not a long, as on some 32-bit systems."""
    try:
        # The flag is that of open(2). The clock: since Linux 3.15.
        timer = function("timerfd_create")(time.CLOCK_BOOTTIME, os.O_CLOEXEC)
    except OSError:
        return -1
    if timer >= 0:
        poll = select.poll()
        poll.register(timer, select.POLLIN)
        if _set_timer(timer, 1e-9) and poll.poll(_PROOF):
            return timer
        os.close(timer)
    return -1


def _set_timer(timer: int, seconds: float) -> bool:
    """Start it again, and return whether the system did."""
    whole = int(seconds)
    # struct itimerspec: the interval (none) and the time until it expires; four longs.
    fields = (0, 0, whole, max(int((seconds - whole) * 1e9), 1))
    spec = b"".join(field.to_bytes(WORD_SIZE, sys.byteorder) for field in fields)
    # A larger structure than expected reads zeros in its second half, which stop the timer.
    return function("timerfd_settime")(timer, 0, spec + bytes(len(spec)), Word(0)) == 0


def _wakes() -> select.poll | None:
    """Return what wakes up when a signal is pending, None if the system has no such thing."""
    descriptor = function("signalfd")(-1, _SIGSET, os.O_CLOEXEC)  # its flag is that of open(2)
    if descriptor < 0:
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll
