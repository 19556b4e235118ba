"""The controlling terminal: hand it to the next command at a restart, and stop secretenv when the command is stopped.

A program that is killed leaves its terminal as it had set it, without echo for example, and its dead process group in
the foreground, so that the next one could not read. termios is imported only where there is a terminal.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Terminal:
    """The controlling terminal of this process, if it has one.

    All signals are blocked here, SIGTTOU among them, so that none of these calls stops a process in the background.
    """

    def __init__(self) -> None:
        descriptor = _open()
        self.shared = descriptor is not None
        if descriptor is not None:
            os.close(descriptor)
        self._settings: list[Any] | None = None
        self._started = False

    def prepare(self) -> None:
        """Make it ready for a start: remember its settings before the first, give them back before a later one."""
        descriptor = _open() if self.shared else None
        if descriptor is None:
            return
        import termios

        try:
            if self._started:
                self._restore(descriptor)
            elif os.tcgetpgrp(descriptor) == os.getpgrp():  # else they are another job's
                self._settings = termios.tcgetattr(descriptor)
        except (OSError, termios.error):
            pass  # it hung up meanwhile
        finally:
            os.close(descriptor)
            self._started = True

    def _restore(self, descriptor: int) -> None:
        """Take the foreground back from a dead process group, and then give the terminal its settings back.

        A living group keeps the foreground: the user has gone on with another job.
        """
        import termios

        if _is_dead(os.tcgetpgrp(descriptor)):
            os.tcsetpgrp(descriptor, os.getpgrp())
        if os.tcgetpgrp(descriptor) == os.getpgrp():
            # TCSANOW: waiting for output to drain could mean waiting for a terminal that the user has stopped.
            termios.tcsetattr(descriptor, termios.TCSANOW, self._settings or _sane(termios.tcgetattr(descriptor)))


def stop() -> None:
    """Stop this process as the terminal does: not where that is ignored, nor where no shell could continue the job.

    SIGSTOP would stop it all the same, for ever: under `ssh -t`, `script` or `xterm -e`, where it leads the session.
    """
    if os.getsid(0) == os.getpid():
        return  # the kernel would not stop it, and the attempt would lose the CONT of a hang-up that comes now
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})


def _sane(settings: list[Any]) -> list[Any]:
    """Return settings with lines, echo and signals, as `stty sane` makes them, for a run begun in the background."""
    import termios as t

    inputs, outputs, control, local, *rest = settings
    inputs |= t.BRKINT | t.ICRNL | t.IXON
    outputs |= t.OPOST | t.ONLCR
    local |= t.ECHO | t.ECHOE | t.ECHOK | t.ICANON | t.IEXTEN | t.ISIG
    return [inputs, outputs, control, local, *rest]


def _open() -> int | None:
    """Return a descriptor of the controlling terminal, to be closed, or None."""
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None


def _is_dead(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
