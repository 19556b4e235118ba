"""The words of a notice, who may send it, and a service manager that does not read."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from secretenv.supervisor.actions import notice
from secretenv.supervisor.sd_notify import Notifier, for_command, message, watchdog
from tests.unit.supervisor.stories import settings


def test_words_of_a_message() -> None:
    """A reload has the time on CLOCK_MONOTONIC, by which Type=notify-reload knows the answer to its own signal."""
    assert message(notice("READY", status="ok"), 5) == b"READY=1\nSTATUS=ok"
    assert message(notice("RELOADING", within=1.5), 5) == b"RELOADING=1\nMONOTONIC_USEC=5\nEXTEND_TIMEOUT_USEC=1500000"


def test_what_a_server_says_assigns_nothing() -> None:
    """A status is one line of UTF-8 that fits: an error's text cannot make up an assignment."""
    assert message(notice(status="x\nMAINPID=1\0\udcff"), 0) == b"STATUS=x?MAINPID=1??"
    long = message(notice(status="\u00e9" * 5000), 0)
    assert len(long) < 4096
    assert long.decode("utf-8").endswith("\u00e9")


# Who speaks

BASE = {
    b"NOTIFY_SOCKET": b"/run/x",
    b"WATCHDOG_USEC": b"2000000",
    b"WATCHDOG_PID": b"7",
    b"LISTEN_PID": b"7",
    b"A": b"1",
}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"sd_notify": "wrapper"}, False),
        ({"sd_notify": "off"}, False),
        ({"sd_notify": "command"}, True),
        ({"sd_notify": "wrapper", "once": True}, True),
        ({"sd_notify": "off", "once": True}, False),
    ],
)
def test_one_of_the_two_speaks(given: dict[str, Any], *, kept: bool) -> None:
    """The command is given the service manager's socket only where it is to speak; sockets to listen on always."""
    found = for_command(BASE, settings(**given))
    assert found == BASE if kept else found == {b"LISTEN_PID": b"7", b"A": b"1"}


@pytest.mark.parametrize(
    ("changes", "period"),
    [
        ({}, 1.0),
        ({b"WATCHDOG_PID": b""}, 1.0),
        ({b"WATCHDOG_PID": b"8"}, 0),
        ({b"WATCHDOG_USEC": b"0"}, 0),
        ({b"WATCHDOG_USEC": b"18446744073709551615"}, 0),
        ({b"WATCHDOG_USEC": b"-1"}, 0),
    ],
)
def test_watchdog_period(changes: dict[bytes, bytes], period: float) -> None:
    """A sign of life at half of WATCHDOG_USEC, if WATCHDOG_PID is this process or not set."""
    assert watchdog({**BASE, **changes}, 7) == period


# When nobody reads


class Reader:
    """A socket that takes what is sent, or fails as it is told, and what was complained of."""

    def __init__(self, period: float = 0.0) -> None:
        self.error: OSError | None = None
        self.tries = 0
        self.got: list[bytes] = []
        self.complaints: list[str] = []
        self.notifier = Notifier(self._take, period, self.complaints.append)

    def _take(self, text: bytes) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.got.append(text)


def test_a_full_queue_is_tried_again_in_order() -> None:
    """What finds no room is kept and sent in its order: a lost READY would be a start that timed out."""
    reader = Reader()
    reader.error = BlockingIOError()
    reader.notifier.say(notice("RELOADING"), 10.0)
    reader.notifier.say(notice("READY"), 10.0)
    due = reader.notifier.tick(10.0)
    assert due is not None
    reader.error = None
    assert reader.notifier.tick(due) is None
    assert [text.partition(b"\n")[0] for text in reader.got] == [b"RELOADING=1", b"READY=1"]
    assert not reader.complaints


@pytest.mark.parametrize("error", [BlockingIOError(), OSError(errno.ENOENT, "No such file or directory")])
def test_a_reader_that_is_not_there_is_given_up(error: OSError) -> None:
    """Nobody reads: after 102 s at most it is left unsaid, and the idle supervisor sleeps on."""
    reader = Reader()
    reader.error = error
    now = 10.0
    reader.notifier.say(notice("READY"), now)
    while (due := reader.notifier.tick(now)) is not None:
        assert due > now
        now = due
    assert 0 <= now - 10 < 103
    assert reader.tries <= 11
    assert len(reader.complaints) == 1


def test_signs_of_life_at_half_of_what_is_allowed() -> None:
    """WATCHDOG is the only thing that wakes an idle supervisor, and only where it was asked for."""
    reader = Reader(period=15.0)
    assert reader.notifier.tick(100.0) == 115.0
    assert reader.notifier.tick(114.0, 300.0) == 115.0
    assert reader.notifier.tick(114.0, 114.5) == 114.5
    assert reader.notifier.tick(115.0, None) == 130.0
    assert reader.got == [b"WATCHDOG=1"] * 2
    assert Reader().notifier.tick(100.0) is None
