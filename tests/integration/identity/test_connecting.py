"""Names with several addresses: those that are silent, refuse or cannot be reached beside those that answer."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from secretenv.identity import connecting
from tests.holes import hole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Named = Callable[..., tuple[str, int]]

# A group of hosts: Linux connects no TCP to one, "Network is unreachable".
NOWHERE = "224.0.0.1"


class Place:
    """Addresses of this machine with one port: some answer, some are silent, the rest refuses."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        # Taken on all addresses, so that nobody else answers there.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])

    def answers(self, *addresses: str) -> None:
        """Have these addresses answer."""
        for each in addresses:
            self._stack.enter_context(socket.create_server((each, self.port)))

    def silent(self, *addresses: str) -> list[socket.socket]:
        """Have these addresses swallow what is sent to them, and return the sockets that listen there."""
        return [self._stack.enter_context(hole(each, self.port)) for each in addresses]

    def entries(self, *addresses: str) -> list[connecting.Entry]:
        """Return what a lookup finds for a name with these addresses."""
        kinds = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            (kinds[":" in each], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (each, self.port)) for each in addresses
        ]


@pytest.fixture
def place() -> Iterator[Place]:
    """Return a place whose ports are closed after the test."""
    with ExitStack() as stack:
        yield Place(stack)


@pytest.fixture
def connect(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that connects to a name with these addresses, and returns the one that won."""

    def begin(*addresses: str, seconds: float = 5.0) -> str:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: place.entries(*addresses))
        with connecting.create_connection(("name", place.port), seconds) as connection:
            assert connection.gettimeout() == seconds
            return str(connection.getpeername()[0])

    return begin


def open_files() -> int:
    """Return how many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_silent_addresses_cost_a_quarter_of_a_second_each(place: Place, connect: Callable[..., str]) -> None:
    """Addresses that swallow packets are not waited for: the next one is tried 250 ms later, IPv4 after one IPv6."""
    silent = [f"127.0.0.{number}" for number in (2, 3, 4)]
    place.silent(*silent)
    place.answers("127.0.0.1")
    before = open_files()
    begin = time.monotonic()
    assert connect(*silent, "127.0.0.1") == "127.0.0.1"
    assert 0.7 < time.monotonic() - begin < 2
    assert open_files() == before


def test_the_other_family_is_next(place: Place, connect: Callable[..., str]) -> None:
    """Whatever number of IPv6 addresses comes first, an IPv4 address is the second to be tried."""
    place.silent("::1")
    place.answers("127.0.0.1")
    begin = time.monotonic()
    assert connect(*["::1"] * 5, "127.0.0.1") == "127.0.0.1"
    assert time.monotonic() - begin < 0.9


def test_refused_attempts_are_not_waited_for(place: Place, connect: Callable[..., str]) -> None:
    """After an address that refuses or cannot be reached the next one is tried at once."""
    place.answers("127.0.0.1")
    begin = time.monotonic()
    assert connect(NOWHERE, *["127.0.0.9"] * 20, "127.0.0.1") == "127.0.0.1"
    assert time.monotonic() - begin < 1


def test_an_address_that_is_slow_may_still_win(place: Place) -> None:
    """Attempts go on while later ones are made: whichever answers first wins."""
    slow, _ = place.silent("127.0.0.2", "127.0.0.3")
    attempts = connecting.Attempts(place.entries("127.0.0.2", "127.0.0.3"), 5)
    attempts.hurry(0)
    with pytest.raises(TimeoutError):
        attempts.next()
    assert attempts.silent == ["127.0.0.2", "127.0.0.3"]
    slow.listen(16)
    attempts.hurry(5)  # Linux asks again after a second
    address, connected = attempts.next()
    connected.close()
    attempts.close()
    assert address == "127.0.0.2"


def test_every_address_is_tried_in_time(place: Place, connect: Callable[..., str]) -> None:
    """The timeout is for all addresses together, and leaves the last of many half of it."""
    silent = [f"127.0.0.{number}" for number in range(2, 14)]
    place.silent(*silent)
    place.answers("127.0.0.1")
    assert connect(*silent, "127.0.0.1", seconds=2.0) == "127.0.0.1"


@pytest.mark.parametrize(
    ("addresses", "kind"),
    [
        pytest.param(["127.0.0.2", "127.0.0.3", "::1"], TimeoutError, id="all silent"),
        pytest.param(["127.0.0.2", NOWHERE], TimeoutError, id="silent and no way"),
        pytest.param(["127.0.0.9", "127.0.0.2"], ConnectionRefusedError, id="refused and silent"),
        pytest.param(["127.0.0.9", NOWHERE], ConnectionRefusedError, id="refused and no way"),
        pytest.param([NOWHERE], OSError, id="no way"),
    ],
)
def test_no_address_can_be_connected_to(
    place: Place, connect: Callable[..., str], addresses: list[str], kind: type[OSError]
) -> None:
    """What an address answered counts, else its silence, else that there is no way; within one timeout."""
    place.silent("127.0.0.2", "127.0.0.3", "::1")
    before = open_files()
    begin = time.monotonic()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the kind is looked at below
        connect(*addresses, seconds=0.6)
    assert type(caught.value) is kind
    assert time.monotonic() - begin < 1.2
    assert open_files() == before


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "x" * 64])
def test_names_without_addresses(name: str) -> None:
    """A name that cannot be resolved, or is no name, is the lookup's error."""
    with pytest.raises(socket.gaierror):
        connecting.create_connection((name, 443), 1)


def test_survey(place: Place) -> None:
    """A survey waits a little for all addresses, and returns the first that answered and those that did not."""
    place.silent("127.0.0.2", "127.0.0.3")
    place.answers("127.0.0.1", "127.0.0.4")
    before = open_files()
    found = place.entries("127.0.0.2", "127.0.0.1", "127.0.0.3", "127.0.0.9", "127.0.0.4")
    first, spent, silent = connecting.survey(found, 5, 0.3)
    assert (first, silent) == ("127.0.0.1", ["127.0.0.2", "127.0.0.3"])
    assert 0.2 < spent < 1
    assert open_files() == before
