"""Notify the service manager as sd_notify(3) does, and never wait for it.

`service_states` decides on the notices; this module has the socket, the signs of life for a watchdog, and whether
secretenv or the command may use them.
"""

from __future__ import annotations

import os
import time

from secretenv.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Notify

_SOCKET, _PERIOD, _WATCHED = b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID"

# The service manager accepts PIPE_BUF bytes in all, and drops a longer message.
_LONGEST_STATUS = 2000
# A full queue is tried again after 0.1 s, 0.2 s and so on: 102 s in all, longer than a start may take by default,
# unless AWS throttles. A reader that has not read for that long is gone.
_FIRST_RETRY = 0.1
_TRIES = 11
# 31 years: a longer time means never, and is more than a clock accepts.
_NEVER = 10**15


def for_command(base: Mapping[bytes, bytes], settings: Settings) -> dict[bytes, bytes]:
    """Return the inherited environment; without the variables of sd_notify(3) unless the command is to notify.

    With --once the command becomes this very process, so that it notifies in its place.
    """
    speaks = settings.sd_notify == "command" or (settings.once and settings.sd_notify == "wrapper")
    if speaks or not base.get(_SOCKET):
        return dict(base)
    return {name: value for name, value in base.items() if name not in {_SOCKET, _PERIOD, _WATCHED}}


def notifier(base: Mapping[bytes, bytes], settings: Settings, complain: Callable[[str], None]) -> Notifier | None:
    """Return the notifier, or None where no service manager listens or secretenv is not the one to notify it."""
    address = base.get(_SOCKET, b"")
    if not address or settings.sd_notify != "wrapper":
        return None
    if not address.startswith((b"/", b"@")):
        complain("NOTIFY_SOCKET is neither a path nor an abstract socket: systemd cannot be notified")
        return None
    target = b"\0" + address[1:] if address.startswith(b"@") else address
    return Notifier(lambda text: _send(target, text), watchdog(base, os.getpid()), complain)


def watchdog(base: Mapping[bytes, bytes], pid: int) -> float:
    """Return the seconds between two signs of life, half of what is allowed; 0 if this process is not watched."""
    allowed = base.get(_PERIOD, b"")
    watched = base.get(_WATCHED)
    if not allowed.isdigit() or not 0 < int(allowed) < _NEVER or (watched and watched != b"%d" % pid):
        return 0.0
    return int(allowed) / 1e6 / 2


def message(action: Notify, microseconds: int) -> bytes:
    """Return the bytes of a notice.

    Args:
        action: the notice.
        microseconds: the time on CLOCK_MONOTONIC, by which a service manager knows an answer to its own request.
    """
    lines = []
    if action.state:
        lines.append(f"{action.state}=1")
    if action.state == "RELOADING":
        lines.append(f"MONOTONIC_USEC={microseconds}")
    if action.status:
        # A line feed in a text from AWS or in a file name would begin an assignment of its own.
        text = printable(action.status).encode("utf-8", "replace")[:_LONGEST_STATUS]
        lines.append("STATUS=" + text.decode("utf-8", "ignore"))
    if action.within:
        lines.append(f"EXTEND_TIMEOUT_USEC={action.within * 1e6:.0f}")
    return "\n".join(lines).encode()


class Notifier:
    """The messages that are still to be sent, and when the next sign of life is due.

    Args:
        send: sends one message or raises OSError.
        period: seconds between two signs of life; 0: none.
        complain: takes a line about a message that could not be sent.
        monotonic: nanoseconds on CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        period: float,
        complain: Callable[[str], None],
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._send = send
        self._period = period
        self._complain = complain
        self._monotonic = monotonic
        self._waiting: list[bytes] = []
        self._failed = 0  # tries in a row that found the queue full
        self._retry: float | None = None
        self._alive: float | None = 0.0 if period else None

    def say(self, action: Notify, now: float) -> None:
        """Send what an action asks for, or keep it until there is room."""
        self._waiting.append(message(action, self._monotonic() // 1000))
        self._flush(now)

    def tick(self, now: float, due: float | None = None) -> float | None:
        """Do what is due, and return when to call again: at `due`, or before; None is never."""
        if self._retry is not None and now >= self._retry:
            self._flush(now)
        if self._alive is not None and now >= self._alive:
            self._alive = now + self._period
            if not self._waiting:  # if there is no room now, the next one is enough
                self._waiting.append(b"WATCHDOG=1")
                self._flush(now)
        return min((time for time in (due, self._retry, self._alive) if time is not None), default=None)

    def _flush(self, now: float) -> None:
        """Send what is waiting, in its order."""
        while self._waiting:
            try:
                self._send(self._waiting[0])
            except BlockingIOError:
                self._failed += 1
                if self._failed < _TRIES:
                    self._retry = now + _FIRST_RETRY * 2.0 ** (self._failed - 1)
                    return
                self._complain("systemd is not reading notifications: message dropped")
                self._waiting.clear()
            except OSError as error:
                self._complain(f"systemd cannot be notified: {error.strerror or error}")
                self._waiting.clear()
            else:
                self._waiting.pop(0)
        self._failed, self._retry = 0, None


def _send(address: bytes, text: bytes) -> None:
    """Send one datagram.

    Raises:
        BlockingIOError: its reader has not caught up.
        OSError: there is no reader.
    """
    import _socket  # socket itself costs 300 KiB more, which stay; without a service manager neither is loaded

    endpoint = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    try:
        endpoint.sendto(text, _socket.MSG_DONTWAIT, address)
    finally:
        endpoint.close()
