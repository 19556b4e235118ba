"""End this process as the command ended: with its exit status, or by the same signal."""

from __future__ import annotations

import os
import signal

from secretenv.supervisor.forking import PR_SET_DUMPABLE, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End this process with an exit status, or by signal N where it is -N."""
    if status < 0:
        die(-status)
    os._exit(status)


def die(signum: int) -> NoReturn:
    """End this process by a signal, without a core dump; the init process of a container ends with 128 + N."""
    if os.getpid() != 1:
        # Not RLIMIT_CORE, which does not bind a core_pattern that is a pipe (core(5)).
        prctl(PR_SET_DUMPABLE, 0)
        try:
            if signum not in {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
        except OSError:
            pass  # 32 and 33 are glibc's own
    os._exit(128 + signum)
