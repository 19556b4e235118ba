"""What the service manager is told: by the state machine, in which words, and when nobody reads it."""

from __future__ import annotations

import errno
import signal
from typing import Any

import pytest

from secretenv.errors import CommandNotFoundError
from secretenv.supervisor.actions import Notify, notice
from secretenv.supervisor.sd_notify import Notifier, for_command, message, watchdog
from tests.unit.supervisor.test_lifecycle import PERMANENT, TRANSIENT, A, B, Story, running, settings, stopping

RELOADED: dict[str, Any] = {"refresh_signal": int(signal.SIGHUP)}


def told(story: Story) -> list[Notify]:
    """Return what was told since the last question."""
    said, story.told = story.told, []
    return said


def states(story: Story) -> list[str]:
    """Return the states that were told since the last question, changes of the status alone as an empty text."""
    return [action.state for action in told(story)]


def test_a_start_that_may_take_long_says_so() -> None:
    """The unit's TimeoutStartSec does not cut short --start-timeout; READY comes after the start, not before."""
    story = Story(start_timeout=600.0)
    (starting,) = told(story)
    assert (starting.state, starting.within) == ("", 610)
    story.happens("failed", TRANSIENT)
    assert [action.state for action in story.told] == [""]
    assert "no answer; trying again in" in told(story)[0].status
    story.happens("fetched", A)
    assert told(story) == [notice("READY", status="running with app a")]


def test_a_restart_is_a_reload() -> None:
    """RELOADING when the command is asked to stop, with the time it may take; READY with the new versions."""
    story = running(kill_timeout=100.0)
    told(story)
    story.later(300)
    story.happens("fetched", B)
    assert told(story) == []
    story.happens("prepared", B)
    (reloading,) = told(story)
    assert (reloading.state, reloading.within) == ("RELOADING", 110)
    story.happens("exited", 0)
    story.happens("gone")
    assert told(story) == [notice("READY", status="running with app b")]


def test_on_change_exit_is_the_end_and_no_reload() -> None:
    """--on-change exit: STOPPING once, and nothing of a reload."""
    story = stopping(on_change="exit")
    story.happens("exited", 0)
    story.happens("gone")
    assert states(story) == ["", "READY", "STOPPING", ""]


@pytest.mark.parametrize("state", ["running", "stopping"])
def test_a_shutdown_is_told_once(state: str) -> None:
    """STOPPING at the TERM that begins the end, also in a restart; no READY after it."""
    story = running() if state == "running" else stopping()
    told(story)
    story.signal("TERM")
    story.signal("TERM")
    story.happens("exited", 0)
    assert states(story) == ["STOPPING", ""]


def test_a_command_that_ends_is_told() -> None:
    """STOPPING when the command ends by itself."""
    story = running()
    told(story)
    story.happens("exited", 3)
    assert told(story) == [notice("STOPPING", status="ended")]


def test_the_error_of_a_failed_start_is_the_last_status() -> None:
    """`systemctl status` shows what a start failed with."""
    story = Story()
    story.happens("failed", PERMANENT)
    assert told(story)[-1] == notice("STOPPING", status="refused")


def test_failing_and_recovery_change_the_status_alone() -> None:
    """While secrets cannot be read the status says why and how old the values are; then it is as before."""
    story = running()
    told(story)
    story.later(300)
    story.happens("failed", TRANSIENT)
    assert told(story) == [notice(status="no answer; the command keeps its values, 5 min old")]
    story.later(300)
    story.happens("fetched", A)
    assert told(story) == [notice(status="running with app a")]
    story.later(300)
    story.happens("fetched", A)
    assert told(story) == []


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([("fetched", A)], [notice("READY", status="running with app a")], id="nothing-new"),
        pytest.param([("failed", PERMANENT)], ["", "READY"], id="failed"),
        pytest.param([("fetched", B), ("unprepared", CommandNotFoundError("no"))], ["", "READY"], id="unprepared"),
        pytest.param(
            [("fetched", B), ("prepared", B), ("exited", 0), ("gone",)], ["RELOADING", "READY"], id="new-version"
        ),
    ],
)
def test_a_check_that_was_asked_for_is_a_reload(events: list[tuple[Any, ...]], expected: list[Any]) -> None:
    """`systemctl reload` with --refresh-signal HUP ends when the check has ended, however it did."""
    story = running(**RELOADED)
    told(story)
    story.signal("HUP")
    assert states(story) == ["RELOADING"]
    for event in events:
        story.happens(*event)
    said = told(story)
    assert [action if isinstance(expected[0], Notify) else action.state for action in said] == expected


def test_a_check_asked_for_twice_is_one_reload() -> None:
    """READY only when the last of the checks that were asked for has ended."""
    story = running(**RELOADED)
    told(story)
    story.signal("HUP")
    story.signal("HUP")
    story.happens("fetched", A)
    assert states(story) == ["RELOADING", "RELOADING"]
    story.happens("fetched", A)
    assert states(story) == ["READY"]


def test_a_check_during_a_restart_is_over_with_it() -> None:
    """READY at the new start, not when the check that was asked for while the old command stops has ended."""
    story = stopping(refresh_signal=int(signal.SIGUSR2))
    story.signal("USR2")
    told(story)
    story.happens("fetched", B)
    assert states(story) == []
    story.happens("exited", 0)
    story.happens("gone")
    assert states(story) == ["READY"]


def test_the_refresh_signal_before_the_start_is_no_reload() -> None:
    """Who is still starting does not reload."""
    story = Story(**RELOADED)
    told(story)
    story.signal("HUP")
    assert states(story) == []


def test_once_leaves_speaking_to_the_command() -> None:
    """--once: the command, which is then this process, says itself when it is ready."""
    story = Story(once=True)
    story.happens("fetched", A)
    assert states(story) == ["", ""]


# The words


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
