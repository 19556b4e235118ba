"""The signal state and the environment that the caller gave to this process; the command gets them back."""

from __future__ import annotations

import os
import signal

# CPython ignores these for itself at its start, and afterwards nothing shows whether the caller did.
_HIDDEN = (signal.SIGPIPE, signal.SIGXFSZ)


class Origin:
    """The caller's signal state and environment, remembered before secretenv changes them for itself.

    Args:
        mask: the signal mask of the caller; by now everything is blocked.

    Attributes:
        ignored: the signals that it ignores. SIGPIPE is one of them if systemd started this process (systemd.exec(5):
            IgnoreSIGPIPE=yes is the default); with other callers it is not known, and they rarely ignore it.
        environment: the variables that it gave.
    """

    def __init__(self, mask: set[int | signal.Signals]) -> None:
        self.mask = mask
        self.environment = inherited()
        hidden = set(_HIDDEN)
        if self.environment.get(b"SYSTEMD_EXEC_PID") == b"%d" % os.getpid():
            hidden.remove(signal.SIGPIPE)
        self.ignored = frozenset(
            number for number in signal.valid_signals() - hidden if signal.getsignal(number) == signal.SIG_IGN
        )
        # An inherited SIG_IGN would reap secretenv's children before it sees them end.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            # Python's own handler would swallow an interrupt between the mask and the exec of a child.
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def restore(self) -> None:
        """Give this process the signal dispositions and the mask it was started with; pending signals act now."""
        for number in _HIDDEN:
            signal.signal(number, signal.SIG_IGN)  # drops a pending one, from a log line that was not read
            if number not in self.ignored:
                signal.signal(number, signal.SIG_DFL)
        if signal.SIGCHLD in self.ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)


def inherited() -> dict[bytes, bytes]:
    """Return the environment that this process was started with, byte for byte.

    CPython adds LC_CTYPE to its own where no locale is set (PEP 538), which the command must not see. Without /proc
    CPython's environment is returned.
    """
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environb)
    found: dict[bytes, bytes] = {}
    for entry in entries:
        name, equals, value = entry.partition(b"=")
        if name and equals:
            found.setdefault(name, value)  # of two with the same name getenv(3) sees the first
    return found
