"""Wait for signals, all of which are blocked: the one place where the supervisor sleeps.

The supervisor imports this room.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal

EVERY_SIGNAL = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}

# sys/signalfd.h: the flag is that of open(2). A sigset_t has 128 bytes in glibc and in musl.
_SIGSET = ctypes.c_ulong * (128 // ctypes.sizeof(ctypes.c_ulong))
# Seconds; what is longer would be too many milliseconds for poll(2).
_LONGEST = 86_400.0

_pending: list[select.poll] = []


def next_signal(seconds: float | None) -> signal.struct_siginfo | None:
    """Take the next signal that comes within `seconds`, None for ever; return None if none did, or a day is over.

    Not by a sigtimedwait that sleeps: if this process is stopped or frozen meanwhile, as by `docker pause`, and goes on
    after that time, CPython takes what lies in its memory for a signal (measured: 3.11 to 3.13).

    Raises:
        OSError: there is no descriptor left.
    """
    if seconds is None:
        return signal.sigwaitinfo(EVERY_SIGNAL)
    if seconds > 0:
        _wait(min(seconds, _LONGEST))
    return signal.sigtimedwait(EVERY_SIGNAL, 0)


def _wait(seconds: float) -> None:
    """Return when a signal is pending, or the time is over."""
    if not _pending:
        libc = ctypes.CDLL(None, use_errno=True)
        every = _SIGSET()
        libc.sigfillset(every)
        descriptor = libc.signalfd(-1, every, os.O_CLOEXEC)
        if descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        _pending.append(poll)
    _pending[0].poll(seconds * 1000)
