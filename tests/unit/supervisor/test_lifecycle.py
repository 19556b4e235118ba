"""The life of the command, by replaying histories of events: start, restart, stop and end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.errors import CHANGED, CommandNotFoundError
from secretenv.protocol import Answer
from secretenv.settings import Secret
from secretenv.supervisor.actions import (
    End,
    Exec,
    KillAll,
    KillFetch,
    Prepare,
    Publish,
    Send,
    Spawn,
    StartFetch,
    StopSelf,
    Sweep,
    TermGroup,
)
from secretenv.supervisor.signals import SENT, TERMINAL
from tests.unit.fetcher.secrets import secret
from tests.unit.supervisor.stories import (
    PERMANENT,
    TRANSIENT,
    A,
    B,
    C,
    Story,
    answer_with,
    cleaning,
    ended,
    running,
    stopping,
)

if TYPE_CHECKING:
    from secretenv.supervisor.actions import Action


def test_begins_with_a_fetch_and_spawns_with_its_answer() -> None:
    """First the secrets, then the command."""
    story = Story()
    assert story.asked == [StartFetch()]
    assert story.happens("fetched", A) == [Spawn(answer=A)]


def test_once_becomes_the_command() -> None:
    """--once: fetch once, then replace this process by COMMAND."""
    story = Story(once=True)
    assert story.happens("fetched", A) == [Exec(answer=A)]
    assert story.life.ended, "the rest is the command's"


def test_a_new_version_is_prepared_then_stopped_then_started() -> None:
    """Restart: the complete new environment first, kill signal, death, then spawn."""
    story = cleaning()
    assert story.happens("gone") == [Spawn(answer=B)]


def test_changes_during_a_stop_lead_to_one_start_with_the_newest_values() -> None:
    """Changes during a stop lead to one start with the newest values."""
    story = stopping(kill_timeout=1000.0, interval=30.0)
    story.later(31)
    assert story.happens("fetched", C) == []
    assert story.happens("exited", 0) == [Sweep()]
    assert story.happens("gone") == [Spawn(answer=C)]


def test_what_cannot_be_started_is_not_stopped_for() -> None:
    """An error in a new version never touches the running command; the next check tries it again."""
    story = running()
    story.later(300)
    assert story.happens("fetched", B) == [Prepare(answer=B)]
    assert story.happens("unprepared", CommandNotFoundError("myapp: not found")) == []
    assert story.life.target is A, "what is not to be run is not to be kept either"
    assert story.later(300) == [StartFetch()]
    assert story.happens("fetched", B) == [Prepare(answer=B)]


def test_kill_timeout_kills_everything() -> None:
    """Kill timeout: SIGKILL to the command, its group and its descendants, then the new start."""
    story = stopping()
    assert story.later(9.9) == []
    assert story.later(0.2) == [KillAll()]
    assert story.happens("exited", -9) == [Sweep()]
    assert story.happens("gone") == [Spawn(answer=B)]


def test_processes_that_cannot_be_killed_do_not_hold_up_the_start() -> None:
    """What survives SIGKILL hangs in the kernel: it is waited for 5 s, then the command starts anyway."""
    story = cleaning()
    assert story.later(4.9) == []
    assert story.later(0.2) == [Spawn(answer=B)]
    assert story.happens("gone") == []


def test_on_change_exit_ends_with_75() -> None:
    """--on-change exit: the command is stopped as for a restart, and secretenv ends with 75."""
    story = cleaning(on_change="exit")
    assert story.happens("gone") == [ended(CHANGED)]


def test_on_change_ignore_leaves_the_command() -> None:
    """--on-change ignore: a change neither signals nor restarts."""
    story = running(on_change="ignore")
    story.later(300)
    assert story.happens("fetched", B) == []
    assert story.lines[-3:] == [
        "secret app has a new version b",
        "no variable has changed",
        "nothing done (--on-change ignore); the command's variables are still those of app a",
    ]


FILES = (Secret.from_json({**secret("app").to_json(), "files": [["", "/run/a"]]}),)


@pytest.mark.parametrize(("on_change", "then"), [(signal.SIGHUP, [Send(signum=signal.SIGHUP)]), ("ignore", [])])
def test_files_come_before_the_notice(on_change: str | int, then: list[Action]) -> None:
    """Where secrets have files, these are written first; the command is notified of what is there."""
    story = running(on_change=on_change, secrets=FILES)
    story.later(300)
    assert story.happens("fetched", B) == [Publish(answer=B)]
    assert story.happens("published") == then
    assert story.lines[-1].endswith("; the command's variables are still those of app a, its files are new")


def test_files_that_cannot_be_written() -> None:
    """The command is not notified, and the next check tries the same version again."""
    story = running(on_change=signal.SIGHUP, secrets=FILES)
    story.later(300)
    assert story.happens("fetched", B) == [Publish(answer=B)]
    assert story.happens("unpublished", TRANSIENT) == []
    story.later(300)
    assert story.happens("fetched", B) == [Publish(answer=B)]
    assert story.happens("published") == [Send(signum=signal.SIGHUP)]


def test_files_of_a_command_that_ends_meanwhile() -> None:
    """Nothing is sent to a command that has been asked to end."""
    story = running(on_change=signal.SIGHUP, secrets=FILES)
    story.later(300)
    assert story.happens("fetched", B) == [Publish(answer=B)]
    story.signal("TERM")
    assert story.happens("published") == []
    assert story.happens("unpublished", TRANSIENT) == []


def valued(version: str, value: str) -> Answer:
    """Return an answer with this version and one variable."""
    made = answer_with(version)
    made.variables = {"A": value}
    return made


def test_only_values_count() -> None:
    """--restart-on values: a new version with equal values is taken without a restart, one with others restarts."""
    story = Story(restart_on="values")
    first, equal, other = valued("a", "1"), valued("b", "1"), valued("c", "2")
    assert story.happens("fetched", first) == [Spawn(answer=first)]
    story.later(300)
    assert story.happens("fetched", equal) == []
    assert story.lines[-1] == "nothing done: the values are the same (--restart-on values)"
    assert story.life.running is equal
    story.later(300)
    assert story.happens("fetched", other) == [Prepare(answer=other)]


def test_values_that_return_before_the_restart() -> None:
    """--restart-on values: values that are again those that the command has cancel a restart."""
    story = Story(restart_on="values", splay=1000.0)
    first, other, back = valued("a", "1"), valued("b", "2"), valued("c", "1")
    story.happens("fetched", first)
    story.later(300)
    assert story.happens("fetched", other) == []
    story.signal("USR1")
    assert story.happens("fetched", back) == []
    assert story.lines[-1] == "the command already runs with this version: no restart"
    assert not any(isinstance(action, Prepare) for action in story.later(2000))


def test_on_change_signal_sends_it() -> None:
    """--on-change SIGNAL: a change sends the signal instead of restarting."""
    story = running(on_change=int(signal.SIGUSR1))
    story.later(300)
    assert story.happens("fetched", B) == [Send(signum=signal.SIGUSR1)]
    assert story.lines[-1] == "notified with USR1; the command's variables are still those of app a"
    story.later(300)
    story.happens("fetched", C)
    assert story.lines[-1] == "notified with USR1; the command's variables are still those of app a"
    story.later(300)
    story.happens("fetched", A)
    assert story.lines[-1] == "notified with USR1; the command's variables are those of app a"


def test_a_file_has_no_version_to_name() -> None:
    """The version of a secret in a file is a hash of it, which is not shown."""
    story = Story(on_change="ignore")
    first, second = Answer(), Answer()
    first.versions, second.versions = {"file:///s.json": "1"}, {"file:///s.json": "2"}
    story.happens("fetched", first)
    story.happens("fetched", second)
    assert story.lines[-1] == "nothing done (--on-change ignore); the command's variables are still those of its start"


def test_a_stop_that_turned_into_a_shutdown_keeps_its_limit() -> None:
    """The kill timeout of a restart still holds when it turns into a shutdown."""
    story = stopping()
    story.signal("TERM")
    assert story.later(10.1) == [KillAll()]


@pytest.mark.parametrize("name", ["TSTP", "TTIN", "TTOU"])
def test_a_service_stops_with_its_command(name: str) -> None:
    """Without a terminal secretenv stops where job control stopped the command, whichever signal did."""
    assert running().happens("stopped", getattr(signal, f"SIG{name}")) == [StopSelf()]


def test_job_control_follows_the_command() -> None:
    """With a terminal the supervisor stops once the command is reported stopped."""
    story = running(shared=True)
    assert story.signal("TSTP", TERMINAL) == []
    assert story.happens("stopped", signal.SIGTSTP) == [StopSelf()]
    assert story.signal("CONT") == [Send(signum=signal.SIGCONT)]


def test_service_with_its_own_meaning_of_tstp_is_not_stopped() -> None:
    """Without a terminal TSTP is forwarded, and secretenv stops only if the command did."""
    story = running()
    assert story.signal("TSTP") == [Send(signum=signal.SIGTSTP)]
    assert story.happens("stopped", signal.SIGSTOP) == []
    assert story.happens("stopped", signal.SIGTSTP) == [StopSelf()]


@pytest.mark.parametrize("status", [0, 7, -9])
def test_a_command_that_ends_ends_secretenv(status: int) -> None:
    """A command that exits by itself ends secretenv with its status."""
    assert running().happens("exited", status) == [ended(status)]


def test_the_rest_of_the_group_gets_one_term() -> None:
    """--signal-group: when the command ends by itself the rest of the group gets one TERM."""
    assert running(signal_group=True).happens("exited", 0) == [TermGroup(), ended(0)]


def test_the_end_of_the_command_kills_a_fetcher() -> None:
    """While a fetch is still hanging the end of the command ends secretenv."""
    story = running()
    story.later(300)
    assert story.happens("exited", 0) == [KillFetch(), ended(0)]


def test_a_command_that_cannot_be_started_ends_with_its_error() -> None:
    """126 or 127 when the system refuses the command."""
    error = CommandNotFoundError("myapp: not found")
    assert running().happens("spawn_failed", error) == [End(status=127, error=error)]


@pytest.mark.parametrize("shared", [False, True])
def test_what_stops_a_command_that_is_being_stopped(*, shared: bool) -> None:
    """A terminal's prompt comes back at any time; without a terminal the limits of a stop go on."""
    for story in (running(shared=shared), stopping(shared=shared)):
        story.signal("TERM")
        assert story.happens("stopped", signal.SIGTSTP) == [StopSelf()] * shared


@pytest.mark.parametrize(
    ("event", "values"),
    [
        ("tick", ()),
        ("fetched", (B,)),
        ("failed", (TRANSIENT,)),
        ("prepared", (A,)),
        ("unprepared", (PERMANENT,)),
        ("spawn_failed", (PERMANENT,)),
        ("exited", (0,)),
        ("gone", ()),
        ("stopped", (signal.SIGTSTP,)),
        ("signalled", (signal.SIGTERM, SENT)),
    ],
)
def test_nothing_follows_the_end(event: str, values: tuple[Any, ...]) -> None:
    """After the end nothing is done, said or told, whatever is still reported."""
    for story in (running(), stopping(), running(shared=True, splay=10.0)):
        story.happens("exited", 0)
        story.signal("TERM")
        story.happens("gone")
        assert story.life.ended
        assert getattr(story.life, event)(*values, story.now) == []
        assert story.life.due() is None


def test_a_preparation_that_comes_too_late_is_nothing() -> None:
    """Only the answer that is wanted now stops the command, and only once, and never after a shutdown began."""
    outdated = running(splay=100.0, interval=20.0)
    for answer in (B, C):
        outdated.later(20)
        outdated.happens("fetched", answer)
    assert outdated.happens("prepared", B) == []
    shut_down = running()
    shut_down.later(300)
    shut_down.happens("fetched", B)
    shut_down.signal("TERM")
    for story in (shut_down, stopping(), cleaning()):
        assert story.happens("prepared", B) == []
        lines = len(story.lines)
        assert story.happens("unprepared", PERMANENT) == []
        assert len(story.lines) == lines
