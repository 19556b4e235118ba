"""When a run notifies the service manager, and of which state."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from secretenv.errors import CommandNotFoundError
from secretenv.supervisor.actions import Notify, notice
from tests.unit.supervisor.stories import PERMANENT, TRANSIENT, A, B, Story, running, stopping

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


@pytest.mark.parametrize(
    ("on_change", "words"),
    [(int(signal.SIGHUP), "notified of a new version with HUP"), ("ignore", "a new version is ignored")],
)
def test_the_status_names_what_the_command_runs_with(on_change: int | str, words: str) -> None:
    """Without a restart it runs with the old values, and the status goes on to say so after each check."""
    story = running(on_change=on_change, refresh_signal=int(signal.SIGUSR2))
    told(story)
    story.signal("USR2")
    story.happens("fetched", B)
    expected = f"running with app a; {words}"
    assert [action.status for action in told(story)] == ["checking for new versions", expected, expected]
    story.signal("USR2")
    story.happens("fetched", B)
    assert told(story)[-1].status == expected
    story.later(300)
    story.happens("fetched", A)
    assert told(story)[-1].status == "running with app a"


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
