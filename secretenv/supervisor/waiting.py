"""Wait for signals, all of which are blocked: where the supervisor sleeps.

The supervisor imports this room.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time

EVERY_SIGNAL = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}

# A sigset_t has 128 bytes in glibc and in musl.
_SIGSET = ctypes.c_ulong * (128 // ctypes.sizeof(ctypes.c_ulong))
# Seconds: poll(2) takes at most 24 days.
_LONGEST = 86_400.0
# Seconds between two looks where the kernel has no signalfd, or no descriptor is left for one.
_LOOK = 0.05

_pending: list[select.poll | None] = []


def next_signal(seconds: float | None) -> signal.struct_siginfo | None:
    """Take the next signal that comes within `seconds`, None for ever; return None if none did, or a day is over.

    Not by a sigtimedwait that sleeps: if this process is stopped or frozen meanwhile, as by `docker pause`, and goes on
    after that time, CPython takes what lies in its memory for a signal (measured: 3.11 to 3.13).
    """
    if seconds is None:
        return signal.sigwaitinfo(EVERY_SIGNAL)
    if seconds > 0:
        _wait(min(seconds, _LONGEST))
    return signal.sigtimedwait(EVERY_SIGNAL, 0)


def _wait(seconds: float) -> None:
    """Return when a signal is pending, or the time is over."""
    if not _pending:
        _pending.append(_poll())
    poll = _pending[0]
    if poll is not None:
        poll.poll(seconds * 1000)
        return
    end = time.monotonic() + seconds
    while not signal.sigpending() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK))


def _poll() -> select.poll | None:
    """Return what wakes up when a signal is pending, None if the system has no such thing for us."""
    libc = ctypes.CDLL(None)
    every = _SIGSET()
    libc.sigfillset(every)
    descriptor = libc.signalfd(-1, every, os.O_CLOEXEC)  # its flag is that of open(2)
    if descriptor < 0:
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll
