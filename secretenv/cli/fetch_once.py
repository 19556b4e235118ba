"""Fetch once and wait for the answer: for commands that show something and end."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from secretenv.protocol import FETCH_LIMIT, Task
from secretenv.supervisor import messages
from secretenv.supervisor.caller import inherited
from secretenv.supervisor.fetcher_process import Fetch
from secretenv.supervisor.forking import PR_SET_DUMPABLE, prctl

if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.settings import Settings

GONE = 1.0  # seconds within which a killed process is gone


def fetch_once(settings: Settings, limit: float = FETCH_LIMIT) -> Answer:
    """Return the answer from a fetcher.

    Args:
        settings: what to fetch.
        limit: seconds after which it is killed.

    Raises:
        SecretenvError: the fetch failed.
    """
    # It ends after the signal is blocked, so none is missed. An inherited SIG_IGN would leave nothing to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        fetch = Fetch(inherited())
        # From here on this process holds values: no core dump, no reading by others through /proc. Not earlier: /proc
        # of such a process belongs to root.
        prctl(PR_SET_DUMPABLE, 0)
        fetch.begin(Task.of(settings, None))
    except OSError as error:
        raise messages.NO_FETCHER(reason=error.strerror) from None
    answer, _ = fetch.finish(_status(fetch, limit))
    if answer.error is not None:
        raise answer.error
    return answer


def _status(fetch: Fetch, limit: float) -> int:
    """Wait for a fetcher to end and return its exit status, or -N for signal N; what hangs is killed.

    SIGCHLD, not an alarm: an alarm may be the caller's.
    """
    end = time.monotonic() + limit
    while True:
        pid, status = os.waitpid(fetch.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        left = end - time.monotonic()
        if left > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left)
        elif fetch.killed:  # it hangs in the kernel
            return -signal.SIGKILL
        else:
            fetch.killed = True
            os.kill(fetch.pid, signal.SIGKILL)
            end += GONE
