"""What becomes of a signal, by phase, sender and kind."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING

import pytest

from secretenv.supervisor.actions import KillFetch, Send, Spawn, StopSelf, Sweep
from secretenv.supervisor.phases import CLEANING, RUNNING, STOPPING, WAITING
from secretenv.supervisor.signals import (
    COLUMNS,
    COMMAND,
    ECHO,
    JOB,
    KERNEL,
    LEADER,
    SENT,
    TABLE,
    TERMINAL,
    sender_of,
    steps,
)
from tests.unit.supervisor.stories import TRANSIENT, B, Story, cleaning, ended, running, stopping

if TYPE_CHECKING:
    from secretenv.supervisor.phases import Phase
    from secretenv.supervisor.signals import Sender


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "HUP"])
@pytest.mark.parametrize("origin", [SENT, TERMINAL])
def test_ending_signals_before_the_first_start(name: str, origin: Sender) -> None:
    """Before the first start TERM, INT, QUIT and HUP end secretenv, by that signal."""
    story = Story()
    assert story.signal(name, origin) == [KillFetch(), ended(-getattr(signal, f"SIG{name}"))]
    assert story.happens("failed", TRANSIENT) == []


@pytest.mark.parametrize("name", ["USR1", "USR2", "WINCH", "ALRM", "RTMIN", "CONT"])
def test_other_signals_before_the_first_start_are_dropped(name: str) -> None:
    """Before the first start other signals are dropped: there is nobody to get them."""
    assert Story().signal(name) == []


def test_an_ignored_hang_up_stays_ignored_before_the_first_start() -> None:
    """An ignored signal stays ignored: `nohup secretenv run` survives the terminal."""
    assert Story(ignored=(signal.SIGHUP,)).signal("HUP") == []


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "TERM", "CONT", "TSTP", "RTMIN", "WINCH", "ABRT"])
def test_sent_signals_are_forwarded_once(name: str) -> None:
    """Each signal that another process sends is forwarded once."""
    assert running().signal(name) == [Send(signum=getattr(signal, f"SIG{name}"))]


@pytest.mark.parametrize("name", ["INT", "QUIT", "TSTP", "WINCH", "HUP"])
def test_terminal_signals_are_not_sent_twice(name: str) -> None:
    """What the terminal sent to the whole job is not sent twice."""
    assert running(shared=True).signal(name, TERMINAL) == []


def test_hang_up_is_forwarded_by_the_session_leader() -> None:
    """HUP from the terminal is forwarded if we lead the session, since the kernel tells the leader alone."""
    assert running(shared=True, leader=True).signal("HUP", TERMINAL) == [Send(signum=signal.SIGHUP)]


@pytest.mark.parametrize("sender", [COMMAND, JOB])
@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_the_command_ends_its_wrapper(name: str, sender: Sender) -> None:
    """TERM and INT of the command begin the shutdown and are forwarded once; further ones are dropped."""
    story = running()
    number = getattr(signal, f"SIG{name}")
    assert story.signal(name, sender) == [Send(signum=number)]
    assert story.life.shutdown == number
    for other in ("TERM", "INT"):
        assert story.signal(other, sender) == []
    story.later(60)
    assert story.signal(name, sender) == []


def test_the_command_asks_for_what_has_begun() -> None:
    """A handler that answers a TERM with one to its parent gets no second."""
    story = running()
    assert story.signal("TERM") == [Send(signum=signal.SIGTERM)]
    story.later(60)
    assert story.signal("TERM", COMMAND) == []


@pytest.mark.parametrize("name", ["USR1", "HUP", "QUIT", "TSTP", "RTMIN"])
def test_other_signals_of_the_command(name: str) -> None:
    """They are forwarded where it has a group of its own, but not within 1 s of the same one sent to it."""
    story = running()
    sent = [Send(signum=getattr(signal, f"SIG{name}"))]
    assert story.signal(name) == sent
    story.later(0.9)
    assert story.signal(name, COMMAND) == [], "an answer"
    story.later(0.2)
    assert story.signal(name, COMMAND) == sent
    assert story.signal(name, COMMAND) == [], "and only once a second"
    assert story.life.shutdown == 0
    assert running().signal(name, JOB) == [], "`kill 0` has reached it"


@pytest.mark.parametrize("name", ["HUP", "WINCH"])
def test_an_answer_to_the_terminal(name: str) -> None:
    """What the terminal sent to both is not sent to the command again by way of its parent."""
    story = running(shared=True)
    story.signal(name, TERMINAL)
    assert story.signal(name, COMMAND) == []


def test_an_answer_to_a_rotation() -> None:
    """What --on-change sends is not sent again by way of the command, and begins no shutdown."""
    story = running(on_change=int(signal.SIGTERM))
    story.later(300)
    assert story.happens("fetched", B) == [Send(signum=signal.SIGTERM)]
    assert story.signal("TERM", COMMAND) == []
    assert story.life.shutdown == 0


@pytest.mark.parametrize("sender", [COMMAND, JOB])
def test_the_command_during_a_restart(sender: Sender) -> None:
    """Its answer to the kill signal is an echo, however late; another TERM or INT begins the shutdown."""
    story = stopping()
    story.later(9)
    assert story.signal("TERM", sender) == []
    assert story.life.shutdown == 0
    assert story.signal("INT", sender) == [Send(signum=signal.SIGINT)]
    assert story.happens("exited", 3) == [Sweep(), ended(3)]


def test_a_new_command_has_got_nothing_yet() -> None:
    """An echo is one of the command that got the signal, not of the one after it."""
    story = cleaning(kill_signal=signal.SIGUSR1)
    assert story.happens("gone") == [Spawn(answer=B)]
    assert story.signal("USR1", COMMAND) == [Send(signum=signal.SIGUSR1)]


@pytest.mark.parametrize("name", ["ALRM", "VTALRM", "PROF", "XCPU", "XFSZ", "IO", "PWR"])
def test_signals_of_the_kernel_for_the_caller(name: str) -> None:
    """An alarm or a limit of the caller is treated as sent; before the first start it ends secretenv."""
    number = getattr(signal, f"SIG{name}")
    assert sender_of(number, 0x80, from_command=False, shared=True) == KERNEL
    assert running().signal(name, KERNEL) == [Send(signum=number)]
    assert Story().signal(name, KERNEL) == [KillFetch(), ended(-number)]
    assert Story(ignored=(number,)).signal(name, KERNEL) == []
    gap = cleaning()
    assert gap.signal(name, KERNEL) == []
    assert gap.happens("gone") == [ended(-number)]


@pytest.mark.parametrize(
    ("name", "code", "from_command", "shared", "sender"),
    [
        ("INT", 0x80, False, True, TERMINAL),
        ("TTOU", 0x80, False, False, TERMINAL),
        ("ALRM", 0x80, False, False, KERNEL),
        ("URG", 1, False, False, SENT),
        ("CHLD", 1, False, False, SENT),
        ("USR1", 0, False, True, SENT),
        ("USR1", 0, True, False, COMMAND),
        ("USR1", 0, True, True, JOB),
        ("USR1", -1, True, True, COMMAND),
        ("USR1", -6, True, True, COMMAND),
        ("USR1", -2, True, False, SENT),  # a timer, whose number lies where another code has a pid
    ],
)
def test_who_sent_it(name: str, code: int, from_command: bool, shared: bool, sender: Sender) -> None:  # noqa: FBT001
    """Number, si_code and si_pid tell who sent a signal."""
    number = getattr(signal, f"SIG{name}")
    assert sender_of(number, code, from_command=from_command, shared=shared) == sender


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_shutdown_fetches_and_starts_no_more(name: str) -> None:
    """Shutdown begins with a TERM or a sent INT to a running command: no later spawn or restart."""
    story = running()
    story.later(300)
    number = getattr(signal, f"SIG{name}")
    assert story.signal(name) == [KillFetch(), Send(signum=number)]
    assert story.happens("fetched", B) == []
    assert story.life.due() is None
    assert story.signal(name) == [Send(signum=number)], "a second one is forwarded too"
    assert story.happens("exited", 5) == [ended(5)]


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_an_ignored_signal_begins_no_shutdown(name: str) -> None:
    """What the caller ignores, as a shell does INT for a job of its background, is for the command to ignore too."""
    number = getattr(signal, f"SIG{name}")
    story = running(ignored=(number,))
    assert story.signal(name) == [Send(signum=number)]
    assert story.life.shutdown == 0
    gap = cleaning(ignored=(number,))
    assert gap.signal(name) == []
    assert gap.happens("gone") == [Spawn(answer=B)]


@pytest.mark.parametrize(("name", "origin"), [("HUP", SENT), ("QUIT", SENT), ("INT", TERMINAL)])
def test_other_signals_do_not_begin_shutdown(name: str, origin: Sender) -> None:
    """HUP, QUIT and the terminal's Ctrl-C do not begin it."""
    story = running()
    story.signal(name, origin)
    assert story.life.shutdown == 0


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_shutdown_during_a_restart(name: str) -> None:
    """During a restart TERM and INT are forwarded and begin shutdown, never a respawn."""
    story = stopping()
    number = getattr(signal, f"SIG{name}")
    assert story.signal(name) == [Send(signum=number)]
    assert story.happens("exited", 3) == [Sweep(), ended(3)]


def test_ctrl_c_during_a_restart_ends_it_and_is_not_sent_twice() -> None:
    """Who presses Ctrl-C while the command stops anyway wants no new one."""
    story = stopping(shared=True)
    assert story.signal("INT", TERMINAL) == []
    assert story.happens("exited", -2) == [Sweep(), ended(-2)]


def test_other_signals_during_a_restart_go_to_the_old_command() -> None:
    """During a restart other signals go to the old command."""
    assert stopping().signal("USR1") == [Send(signum=signal.SIGUSR1)]


def test_shutdown_in_the_gap_ends_by_the_signal() -> None:
    """When the old command is dead and the new one not started, TERM ends secretenv by it; a second changes nothing."""
    story = cleaning()
    assert story.signal("USR1") == []
    assert story.signal("TERM") == []
    assert story.signal("INT") == []
    assert story.happens("gone") == [ended(-signal.SIGTERM)]


@pytest.mark.parametrize("sender", [SENT, TERMINAL])
def test_quit_in_a_restart_ends_it(sender: Sender) -> None:
    """While a restart stops or clears the old command QUIT ends secretenv, as before the first start."""
    story = stopping()
    assert story.signal("QUIT", sender) == ([Send(signum=signal.SIGQUIT)] if sender == SENT else [])
    assert story.happens("exited", -3) == [Sweep(), ended(-3)]
    gap = cleaning()
    assert gap.signal("QUIT", sender) == []
    assert gap.happens("gone") == [ended(-signal.SIGQUIT)]
    assert stopping(ignored=(signal.SIGQUIT,)).signal("QUIT") == [Send(signum=signal.SIGQUIT)]


@pytest.mark.parametrize("name", ["HUP", "USR1"])
def test_other_signals_in_the_gap_do_not_end_anything(name: str) -> None:
    """In the gap other signals are dropped, and the new command is started."""
    story = cleaning()
    assert story.signal(name) == []
    assert story.life.shutdown == 0
    assert story.happens("gone") == [Spawn(answer=B)]


def test_refresh_signal_never_ends_anything() -> None:
    """The refresh signal never ends anything, even if it is HUP before the first start."""
    story = Story(refresh_signal=int(signal.SIGHUP))
    assert story.signal("HUP") == []
    story.happens("failed", TRANSIENT)
    assert not story.life.ended


@pytest.mark.parametrize("name", ["TSTP", "TTIN", "TTOU"])
def test_job_control_without_a_command(name: str) -> None:
    """Ctrl-Z stops secretenv itself before the command runs, and between two of them; what is sent is dropped."""
    for story in (Story(shared=True), cleaning(shared=True)):
        assert story.signal(name, TERMINAL) == [StopSelf()]
        assert story.signal(name) == []
        assert story.signal("WINCH", TERMINAL) == []


# The table


def test_the_table_is_whole() -> None:
    """Each row has a cell for each column, and each phase with a command has a row for each sender."""
    assert all(len(row) == len(COLUMNS) for row in TABLE.values())
    senders = {SENT, KERNEL, TERMINAL, LEADER, COMMAND, JOB, ECHO}
    assert {sender for phase, sender in TABLE if phase == RUNNING} == senders
    assert {sender for phase, sender in TABLE if phase == STOPPING} == senders


@pytest.mark.parametrize("sender", [SENT, KERNEL, TERMINAL, COMMAND, JOB, ECHO])
@pytest.mark.parametrize("phase", [WAITING, RUNNING, STOPPING, CLEANING])
def test_laws_of_the_table(phase: Phase, sender: Sender) -> None:
    """A sent signal always reaches a command that is there; nothing is sent where there is none, or echoed."""
    there = phase in {RUNNING, STOPPING}
    for number, leader in itertools.product(signal.valid_signals(), (False, True)):
        alone = sender == TERMINAL and leader and told(number)
        for ignored in ((), (number,)):
            found = steps(phase, sender, number, ignored=ignored, leader=leader)
            asks = sender == JOB and number in {signal.SIGTERM, signal.SIGINT} and not ignored
            assert ("send" in found) == (there and (sender in {SENT, KERNEL, COMMAND} or asks or alone))
            assert not (there and "end" in found), "it ends before its command"
            assert not (ignored and {"end", "begin"} & set(found)), "what the caller ignores ends nothing"
            assert there or found, "what nobody gets is said"


def told(number: int) -> bool:
    """Whether the kernel tells this to the leader of a session alone."""
    return number in {signal.SIGHUP, signal.SIGCONT}
