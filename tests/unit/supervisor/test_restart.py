"""When a restart begins: the splay, and a command that may be exiting on a signal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from secretenv.supervisor.actions import Prepare, Send, StartFetch
from secretenv.supervisor.signals import SENT, TERMINAL
from tests.unit.supervisor.stories import A, B, C, running, stopping

if TYPE_CHECKING:
    from secretenv.supervisor.signals import Sender


def test_splay_waits_before_a_restart() -> None:
    """--splay: wait a random part of this before a restart; the newest values are started."""
    story = running(splay=100.0, interval=20.0)
    story.later(20)
    assert story.happens("fetched", B) == []
    story.later(20)
    assert story.happens("fetched", C) == []
    assert story.later(29.9) == [StartFetch()]
    assert story.later(0.2) == [Prepare(answer=C)]


def test_back_to_the_running_version_before_the_splay_is_over() -> None:
    """A rollback before the restart needs no restart."""
    story = running(splay=400.0, interval=70.0)
    story.later(70)
    assert story.happens("fetched", B) == []
    story.later(70)
    assert story.happens("fetched", A) == []
    assert Prepare(answer=A) not in story.later(69) + story.happens("fetched", A) + story.later(69)


@pytest.mark.parametrize(("name", "origin"), [("INT", TERMINAL), ("QUIT", TERMINAL), ("HUP", SENT)])
@pytest.mark.parametrize("splay", [0.0, 4.0])
def test_a_command_that_is_ending_gracefully_is_not_started_again(name: str, origin: Sender, splay: float) -> None:
    """A version that comes while the command may be ending of a signal waits for the kill timeout."""
    story = running(splay=splay, kill_timeout=10.0)
    story.later(300)
    if splay:
        assert story.happens("fetched", B) == []
    story.signal(name, origin)
    if not splay:
        assert story.happens("fetched", B) == []
    assert story.later(9.9) == []
    assert story.later(0.2) == [Prepare(answer=B)]


@pytest.mark.parametrize("splay", [0.0, 4.0])
def test_a_signal_that_comes_again_and_again_holds_up_no_restart(splay: float) -> None:
    """A command that is still there after the kill timeout does not end of HUP."""
    story = running(splay=splay, kill_timeout=10.0)
    story.signal("HUP")
    assert story.happens("fetched", B) == []
    for seconds in (4.0, 3.0, 2.9):
        assert story.later(seconds) == []
        assert story.signal("HUP") == [Send(signum=signal.SIGHUP)]
    assert story.later(0.2) == [Prepare(answer=B)]


def test_signals_that_take_turns_hold_up_no_restart() -> None:
    """While a restart waits each signal holds it up once, however often they come."""
    story = running(kill_timeout=10.0)
    story.signal("HUP")
    assert story.happens("fetched", B) == []
    for turn in range(100):
        if story.later(1.0) == [Prepare(answer=B)]:
            return
        story.signal(("HUP", "QUIT")[turn % 2])
    pytest.fail("no restart in 100 seconds")


def test_a_signal_of_long_ago_is_forgotten() -> None:
    """What the command outlived does not keep a restart from being held up when it comes again."""
    story = running(splay=20.0, kill_timeout=15.0)
    story.signal("HUP")
    story.later(200)
    assert story.happens("fetched", B) == []
    story.signal("HUP")
    assert story.later(14.9) == []
    assert story.later(0.2) == [Prepare(answer=B)]


def test_another_signal_is_news() -> None:
    """A command that took a HUP as a request to reload may still end gracefully of QUIT."""
    story = running(splay=4.0, kill_timeout=10.0)
    assert story.happens("fetched", B) == []
    story.signal("HUP")
    story.later(9.9)
    story.signal("QUIT")
    assert story.later(9.9) == []
    assert story.later(0.2) == [Prepare(answer=B)]


def test_a_new_command_has_got_no_signal_yet() -> None:
    """What its predecessor may have been ending of does not hold up the next restart, and counts as news again."""
    story = stopping(kill_timeout=10.0)
    story.signal("HUP")
    story.happens("exited", -15)
    story.happens("gone")
    assert story.happens("fetched", C) == [Prepare(answer=C)]
