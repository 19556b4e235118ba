"""The controlling terminal: whether there is one, and how the next command finds it after one was killed.

A program that is killed leaves its terminal as it had set it, without echo for example, and its dead process group in
the foreground, so that the next one could not read. The supervisor imports this room; termios only where there is a
terminal.
"""

from __future__ import annotations

import os

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

    def save(self) -> None:
        """Remember the settings, unless another job has the terminal: they would be that job's."""
        descriptor = _open() if self.shared and self._settings is None else None
        if descriptor is None:
            return
        import termios

        try:
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                self._settings = termios.tcgetattr(descriptor)
        except (OSError, termios.error):
            pass  # it was hung up meanwhile
        finally:
            os.close(descriptor)

    def restore(self) -> None:
        """Take the foreground back from a dead process group, and then give the terminal its settings back.

        A living group in the foreground is left in peace: the user went on with another job.
        """
        settings, descriptor = self._settings, _open() if self._settings is not None else None
        if settings is None or descriptor is None:
            return
        import termios

        try:
            if _is_dead(os.tcgetpgrp(descriptor)):
                os.tcsetpgrp(descriptor, os.getpgrp())
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                # TCSANOW: to wait for output to drain would wait for a terminal that the user has stopped.
                termios.tcsetattr(descriptor, termios.TCSANOW, settings)
        except (OSError, termios.error):
            pass
        finally:
            os.close(descriptor)


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
