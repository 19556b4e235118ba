"""Have a helper read the command line and hand the settings over.

The command line may need typer, which costs 7 MiB: so it has a process of its own, while the supervisor stays small.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from secretenv.settings import Settings
from secretenv.supervisor import messages
from secretenv.supervisor.forking import first_victim, fork
from secretenv.supervisor.helper_process import end_helper, read_memory
from secretenv.supervisor.phases import WAITING
from secretenv.supervisor.signals import TERMINAL, sender_of, steps
from secretenv.supervisor.terminal import stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.waiting import Signals

# Seconds that a signal which ends secretenv waits for the settings, which may be on a disk that hangs.
_PATIENCE = 0.5


class Ended(Exception):  # noqa: N818 - no error, and nothing is left to say
    """There is no run: this process ends with a status.

    Args:
        status: an exit status, or -N for signal N.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def ask(read_settings: Callable[[int], int], origin: Origin, signals: Signals) -> Settings:
    """Return the settings that the command line gives.

    Args:
        read_settings: takes a descriptor to write the settings to, returns an exit status.
        origin: the signal state that the caller gave.
        signals: where this process waits.

    Raises:
        Ended: it gives none, or a signal came that ends secretenv.
        OSError: no helper could be started.
        SecretenvError: the helper was killed.
    """
    memory = os.memfd_create("secretenv-settings")

    def run() -> NoReturn:
        first_victim()
        # The parent handles signals sent to the group; only SIGPIPE is this helper's own.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})
        status = read_settings(os.dup(memory))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # None: it was closed at the start
                stream.flush()
        os._exit(status)

    pid = fork(run)
    try:
        ended, held = _wait(pid, origin, signals)
    except BaseException:
        end_helper(pid)
        raise
    text = read_memory(memory)
    os.close(memory)
    whole = text and ended.si_code == os.CLD_EXITED and not ended.si_status
    settings = Settings.from_json(json.loads(text)) if whole else None
    for signum in held:
        if settings is None or signum != settings.refresh_signal:
            raise Ended(-signum)
    if ended.si_code != os.CLD_EXITED:
        if ended.si_status == signal.SIGPIPE:
            raise Ended(-signal.SIGPIPE)
        raise messages.READER_KILLED(signal=ended.si_status)
    if settings is None:
        raise Ended(ended.si_status)
    return settings


def _wait(pid: int, origin: Origin, signals: Signals) -> tuple[os.waitid_result, list[int]]:
    """Return how the helper ended, and the signals that end secretenv before the first start.

    One of these may be the refresh signal, which never ends anything: only the settings say which. So the settings are
    waited for, but not for long.
    """
    held: list[int] = []
    limit = 0.0
    while True:
        info = signals.next(max(limit - time.monotonic(), 0.0) if held else None)
        if info is None:
            raise Ended(-held[0])
        sender = sender_of(info.si_signo, info.si_code, from_command=False, shared=False)
        found = steps(WAITING, sender, info.si_signo, ignored=origin.ignored, leader=False)
        if "end" in found:
            if sender == TERMINAL:
                raise Ended(-info.si_signo)
            limit = limit or time.monotonic() + _PATIENCE
            held.append(info.si_signo)
        if "stop" in found:
            stop()
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        if ended is not None:
            return ended, held
