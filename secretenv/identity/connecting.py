"""Connect to one of the addresses of a name: in parallel, as RFC 8305 ("Happy Eyeballs") says.

Attempts begin a moment apart, IPv6 and IPv4 in turn; the first address that answers wins and the other attempts are
closed. One thread does it all: a device may not have a second one.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from itertools import chain, zip_longest

from secretenv.identity import proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    # An entry of `socket.getaddrinfo`: family, type, protocol, name, address.
    Entry = tuple[int, int, int, str, tuple[Any, ...]]

PAUSE = 0.25  # seconds between the beginnings of two attempts: RFC 8305, section 5
# Hosts and ports to which plain HTTP is spoken.
_inside: set[tuple[str, int]] = set()
# This machine has no route to such an address: an answer from any other address says more.
_NO_WAY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EHOSTUNREACH}


def create_connection(
    address: tuple[str, int],
    timeout: object = None,
    source_address: tuple[str, int] | None = None,
    socket_options: Iterable[tuple[Any, ...]] | None = None,
) -> socket.socket:
    """Return a connection to a host and port, as the function of this name in urllib3 does.

    Args:
        address: host and port.
        timeout: seconds for all addresses together, and then for each step on the connection; else no limit.
        source_address: where the connection comes from.
        socket_options: what `setsockopt` takes.

    Raises:
        socket.gaierror: the name cannot be resolved.
        TimeoutError: no address answered in time.
        OSError: none could be connected to.
    """
    from urllib3.util.connection import allowed_gai_family

    seconds = float(timeout) if isinstance(timeout, int | float) else None
    found = look_up(*address, allowed_gai_family())
    if address in _inside:
        found = [entry for entry in found if proxy.is_loopback(str(entry[4][0]))]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "it leads to another machine, and plain http stays on this one")
    attempts = Attempts(found, seconds, source_address, tuple(socket_options or ()))
    try:
        _, connected = attempts.next()
    finally:
        attempts.close()
    connected.settimeout(seconds)
    return connected


def use() -> None:
    """Make urllib3, through which requests and botocore connect, connect like this in this process."""
    from urllib3.util import connection

    connection.create_connection = create_connection


def keep_inside(url: str) -> None:
    """Let connections for a URL of plain HTTP go to this machine alone, whatever its name is resolved to.

    Raises:
        ValueError: its host, as urllib3 reads it, is not this machine.
    """
    from urllib3.util import parse_url

    parts = parse_url(url)
    host = (parts.host or "").strip("[]")
    if not proxy.is_loopback(host):
        raise ValueError("not this machine")
    _inside.add((host, parts.port or proxy.PORTS["http"]))


def look_up(host: str, port: int, family: int = socket.AF_UNSPEC) -> list[Entry]:
    """Return the addresses of a name, each once, in the order of the system.

    Raises:
        socket.gaierror: there are none.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, family, socket.SOCK_STREAM)
    except UnicodeError:  # a part of it is empty or too long for a name
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
    return list(dict.fromkeys(found))


def survey(found: Sequence[Entry], seconds: float, patience: float) -> tuple[str, float, list[str]]:
    """Return the address that answers first, after how many seconds, and the addresses that do not answer.

    Args:
        found: all addresses.
        seconds: how long to wait for the first answer.
        patience: how long to wait for those of the others from then on.

    Raises:
        OSError: as `create_connection`.
    """
    begin = time.monotonic()
    attempts = Attempts(found, seconds)
    try:
        first, connected = attempts.next()
        spent = time.monotonic() - begin
        connected.close()
        attempts.hurry(patience)
        try:
            while True:
                attempts.next()[1].close()
        except OSError:  # no more are to come
            return first, spent, attempts.silent
    finally:
        attempts.close()


class Attempts:
    """Attempts to connect to addresses, in parallel.

    Args:
        found: the addresses.
        seconds: how long to wait for them, together; None: without a limit.
        source: where the connections come from.
        options: what `setsockopt` takes.
    """

    def __init__(
        self,
        found: Sequence[Entry],
        seconds: float | None,
        source: tuple[str, int] | None = None,
        options: Sequence[tuple[Any, ...]] = (),
    ) -> None:
        self._waiting = in_turn(found)
        self._begun: dict[int, tuple[str, socket.socket]] = {}
        self._errors: list[OSError] = []
        self._poll = select.poll()
        self._source, self._options = source, options
        self._end = float("inf") if seconds is None else time.monotonic() + seconds
        # However many addresses there are, the last one has half of the time.
        self._pause = PAUSE if seconds is None else min(PAUSE, seconds / 2 / max(len(found), 1))
        self._due = 0.0

    @property
    def silent(self) -> list[str]:
        """The addresses that have been tried and have not answered."""
        return [address for address, _ in self._begun.values()]

    def hurry(self, seconds: float) -> None:
        """Begin all attempts that are left, and wait no longer than this."""
        while self._waiting:
            self._begin(self._waiting.pop(0))
        self._end = time.monotonic() + seconds

    def next(self) -> tuple[str, socket.socket]:
        """Return the next address that answers, and the connection to it.

        Raises:
            TimeoutError: no address answers in time.
            OSError: no attempt is left; why the last one failed.
        """
        while self._waiting or self._begun:
            now = time.monotonic()
            if now >= self._end:
                break
            if self._waiting and now >= self._due:
                self._due = now + self._pause
                self._begin(self._waiting.pop(0))
            if connected := self._wait(min(self._end, self._due if self._waiting else self._end)):
                return connected
        raise self._why()

    def close(self) -> None:
        """Close all that are under way."""
        for _, begun in self._begun.values():
            begun.close()

    def _begin(self, entry: Entry) -> None:
        """Begin an attempt."""
        family, kind, protocol, _, address = entry
        begun = None
        try:
            begun = socket.socket(family, kind, protocol)
            for option in self._options:
                begun.setsockopt(*option)
            if self._source:
                begun.bind(self._source)
            begun.settimeout(0)
            status = begun.connect_ex(address)
            if status not in {0, errno.EINPROGRESS}:
                raise OSError(status, os.strerror(status))  # noqa: TRY301 - one place for all that can fail
        except OSError as error:
            if begun:
                begun.close()
            self._failed(error)
            return
        self._begun[begun.fileno()] = (str(address[0]), begun)
        self._poll.register(begun, select.POLLOUT)

    def _wait(self, until: float) -> tuple[str, socket.socket] | None:
        """Return an attempt that has succeeded, or None if one has failed or it is late."""
        left = until - time.monotonic()
        for descriptor, _ in self._poll.poll(None if left == float("inf") else max(left, 0) * 1000):
            address, begun = self._begun.pop(descriptor)
            self._poll.unregister(descriptor)
            if not (status := begun.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                return address, begun
            begun.close()
            self._failed(OSError(status, os.strerror(status)))
        return None

    def _failed(self, error: OSError) -> None:
        self._errors.append(error)
        self._due = 0.0  # the next one need not wait for its turn

    def _why(self) -> OSError:
        """Return why there is no connection: an address's answer, else the silence of one, else the last error."""
        answered = [error for error in self._errors if error.errno not in _NO_WAY]
        if answered or not (self._begun or self._waiting):
            return (answered or self._errors or [OSError("there is no address")])[-1]
        return TimeoutError("timed out")


def in_turn(found: Sequence[Entry]) -> list[Entry]:
    """Return the addresses with their families in turn, that of the first one first."""
    families: dict[int, list[Entry]] = {}
    for entry in found:
        families.setdefault(entry[0], []).append(entry)
    return [entry for entry in chain.from_iterable(zip_longest(*families.values())) if entry]
