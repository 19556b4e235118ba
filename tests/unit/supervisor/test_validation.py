"""The validation of new values by a program, row by row, by replaying histories of events."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.errors import SecretenvError
from secretenv.supervisor.actions import (
    Adopt,
    End,
    Exec,
    KillFetch,
    Line,
    Notify,
    Prepare,
    Publish,
    Send,
    Spawn,
    StartFetch,
    Stop,
    Sweep,
)
from secretenv.supervisor.phases import RUNNING
from secretenv.supervisor.signals import SENT, TERMINAL
from secretenv.supervisor.validation import KillValidator, PutBack, Validate, ValidatedLife
from tests.unit.supervisor.stories import TRANSIENT, A, B, C, Story, answer_with, ended, running
from tests.unit.supervisor.test_lifecycle import FILES
from tests.unit.supervisor.test_trial import holds

if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.settings import Secret
    from secretenv.supervisor.signals import Sender

D = answer_with("d")
TERM = Stop(signum=signal.SIGTERM)
HUP = Send(signum=signal.SIGHUP)
WHY = "exit status 3"
REFUSED = "the new version of app was refused by check (exit status 3): the command keeps its values"
BY_SIGNAL = {"on_change": int(signal.SIGHUP)}


def fetch(story: Story, answer: Answer) -> list[Any]:
    """Return what an answer leads to, a check later."""
    story.later(300)
    return story.happens("fetched", answer)


def tried(story: Story, actions: list[Any], answer: Answer) -> bool:
    """Tell whether these actions prepare a restart or a signal for an answer, and the program tries it then."""
    assert actions[-1] in (Prepare(answer=answer), Publish(answer=answer))
    by_signal = isinstance(actions[-1], Publish)
    then = story.happens("published") if by_signal else story.happens("prepared", answer)
    return then == [Validate(answer=answer)]


def validating(**given: Any) -> Story:
    """Return a story in which the program tries version b since a second ago."""
    story = running(**{"validate": ("check", "-q"), **given})
    assert tried(story, fetch(story, B), B)
    story.later(1)
    return story


def refused(**given: Any) -> Story:
    """Return a story in which version b was refused a second ago."""
    story = validating(**given)
    assert story.happens("validated", B, WHY) == [PutBack(answer=A)]
    story.later(1)
    return story


def restarted(**given: Any) -> Story:
    """Return a story in which the command was restarted for version b, which the program accepted, a second ago."""
    story = validating(**given)
    assert story.happens("validated", B, "") == [TERM]
    assert story.happens("exited", 0) == [Sweep()]
    assert story.happens("gone") == [Spawn(answer=B)]
    story.later(1)
    return story


def test_the_first_start_is_not_tried() -> None:
    """There is nothing to go back to."""
    assert Story(validate=("check",)).happens("fetched", A) == [Spawn(answer=A)]


@pytest.mark.parametrize("action", ["restart", "exit"])
def test_accepted(action: str) -> None:
    """The command is stopped after the program has accepted the new values, not before."""
    story = validating(on_change=action)
    assert story.life.phase == RUNNING
    assert story.lines[-1] == "trying the new values with check"
    assert story.told[-1] == Notify(state="", status="trying the new values with check", within=0.0)
    assert story.happens("validated", B, "") == [TERM]


@pytest.mark.parametrize("secrets", [(), FILES])
def test_accepted_before_a_signal(secrets: tuple[Secret, ...]) -> None:
    """With --on-change SIGNAL the signal is sent after the program has accepted the new values."""
    story = validating(**BY_SIGNAL, secrets=secrets)
    assert story.happens("validated", B, "") == [HUP]
    assert fetch(story, B) == []
    assert fetch(story, C) == [Publish(answer=C)]
    assert story.happens("published") == [Validate(answer=C)]
    assert story.happens("validated", C, WHY) == [PutBack(answer=B)]


@pytest.mark.parametrize("given", [{"on_change": "ignore"}, {"once": True}])
def test_where_nothing_is_to_be_tried(given: dict[str, Any]) -> None:
    """With --on-change ignore nothing is done about a new version, and with --once none is seen."""
    story = Story(validate=("check",), **given)
    first = story.happens("fetched", A)
    if given.get("once"):
        assert first == [Exec(answer=A)]
    else:
        assert fetch(story, B) == []


@pytest.mark.parametrize("given", [{}, {"on_change": "exit"}, BY_SIGNAL])
def test_refused(given: dict[str, Any]) -> None:
    """A refused version is said, its files are replaced by the old ones, and it is not tried again."""
    story = validating(**given)
    assert isinstance(story.life, ValidatedLife)
    actions = story.life.validated(B, WHY, story.now)
    said = next(action for action in actions if isinstance(action, Line))
    assert (said.level, said.message, said.link, said.event) == ("error", REFUSED, "rotation", "refused")
    assert "check" in said.hint
    assert PutBack(answer=A) in actions
    told = [action.status for action in actions if isinstance(action, Notify)]
    assert told[0] == "running with app a; refused: the new version app b (check: exit status 3)"
    assert (story.life.phase, story.life.running, story.life.target) == (RUNNING, A, A)
    assert not holds(story, B)
    for _ in range(3):
        assert fetch(story, B) == [PutBack(answer=A)]  # the disk may have been full
    assert story.lines[-1] == "no new version"


def test_refused_is_said_once_an_hour() -> None:
    """While the version is refused, a line says so once an hour."""
    story = refused()
    for _ in range(13):
        fetch(story, B)
    assert (
        sum(line.startswith("still refused: the new version app b (check: exit status 3)") for line in story.lines) == 1
    )


def test_another_version_is_tried() -> None:
    """The next version gets its own try."""
    story = refused()
    assert fetch(story, C) == [Prepare(answer=C)]
    assert story.happens("prepared", C) == [Validate(answer=C)]
    assert story.happens("validated", C, "") == [TERM]
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=C)]
    assert story.told[-1].status == "running with app c"


@pytest.mark.parametrize("given", [{}, BY_SIGNAL])
def test_aws_goes_back(given: dict[str, Any]) -> None:
    """When AWS has the version of the command again nothing is tried or restarted; the next new one is tried."""
    story = refused(**given)
    story.later(100)
    assert fetch(story, A) == []
    assert story.told[-1].status == "running with app a"
    assert tried(story, fetch(story, B), B)


@pytest.mark.parametrize("given", [{}, BY_SIGNAL])
def test_a_refresh_tries_again(given: dict[str, Any]) -> None:
    """Whoever asks for a check asks for another try."""
    story = refused(refresh_signal=signal.SIGUSR2, **given)
    assert story.signal("USR2") == [StartFetch()]
    assert tried(story, story.happens("fetched", B), B)


def test_aws_is_back_when_a_refresh_is_asked_for() -> None:
    """The status does not go on to name what was refused."""
    story = refused(refresh_signal=signal.SIGUSR2)
    story.signal("USR2")
    assert story.happens("fetched", A) == []
    assert (story.told[-1].state, story.told[-1].status) == ("READY", "running with app a")


def test_a_refresh_waits_for_the_outcome() -> None:
    """`systemctl reload` ends when the version is refused, or when the command was started again."""
    story = running(validate=("check",), refresh_signal=signal.SIGUSR2)
    story.signal("USR2")
    story.happens("fetched", B)
    story.happens("prepared", B)
    assert [(notice.state, notice.within) for notice in story.told[-2:]] == [("RELOADING", 0.0), ("", 40.0)]
    story.signal("USR2")
    story.happens("fetched", B)
    assert story.told[-1].state == "RELOADING"
    story.happens("validated", B, WHY)
    assert (story.told[-1].state, story.told[-1].status) == ("READY", story.told[-2].status)


def test_a_program_that_takes_too_long() -> None:
    """After 30 seconds it is killed, and the version refused with its outcome."""
    story = validating()
    assert story.later(28.9) == []
    assert story.later(0.2) == [KillValidator()]
    assert story.happens("validated", B, "killed by KILL") == [PutBack(answer=A)]
    assert story.lines[-1] == REFUSED.replace(WHY, "not done within 30 s")
    assert story.later(100) == []


def test_a_program_that_was_done_in_time() -> None:
    """Whatever kept secretenv from looking, a program that accepted the values has accepted them."""
    story = validating()
    assert story.later(60) == [KillValidator()]
    assert story.happens("validated", B, "") == [TERM]


@pytest.mark.parametrize("given", [{}, BY_SIGNAL])
def test_a_newer_version_meanwhile(given: dict[str, Any]) -> None:
    """The program is killed and begins anew with the newest; the outcome of the first does not count."""
    story = validating(**given)
    actions = story.happens("fetched", C)
    assert actions[:2] == [KillValidator(), PutBack(answer=A)]
    assert story.happens("validated", B, "killed by KILL") == []
    assert tried(story, actions, C)
    assert story.happens("validated", B, "") == []
    assert story.happens("validated", C, WHY) == [PutBack(answer=A)]


def test_aws_goes_back_meanwhile() -> None:
    """The program is killed, and the files are the old ones again."""
    story = running(validate=("check",), splay=200.0, refresh_signal=signal.SIGUSR2)
    assert fetch(story, B) == []
    assert tried(story, story.later(100), B)  # a version that was left a moment ago would be looked at twice
    story.signal("USR2")
    assert story.happens("fetched", A) == [KillValidator(), PutBack(answer=A)]
    assert story.later(30) == []
    assert (story.life.target, story.life.phase) == (A, RUNNING)


@pytest.mark.parametrize(("name", "origin"), [("TERM", SENT), ("INT", SENT), ("TERM", TERMINAL)])
def test_a_shutdown_meanwhile(name: str, origin: Sender) -> None:
    """The program is killed, nothing is restarted, and the command finds its own files while it ends."""
    story = validating()
    sent = [Send(signum=getattr(signal, f"SIG{name}"))] if origin == SENT else []
    assert story.signal(name, origin) == [KillValidator(), PutBack(answer=A), *sent]
    assert story.happens("validated", B, "") == []
    assert story.life.due() is None
    assert story.happens("exited", 0) == [ended(0)]


def test_a_shutdown_ends_a_fetch_too() -> None:
    """What is under way ends, all of it."""
    story = validating(refresh_signal=signal.SIGUSR2)
    story.signal("USR2")
    assert story.signal("TERM")[:2] == [KillFetch(), KillValidator()]


@pytest.mark.parametrize("status", [0, 7, -signal.SIGKILL])
def test_the_command_ends_meanwhile(status: int) -> None:
    """The program is killed, and secretenv ends as the command did."""
    story = validating()
    actions = story.happens("exited", status)
    assert actions[0] == KillValidator()
    assert actions[-1] == ended(status)
    assert story.life.due() is None


def test_a_failed_check_meanwhile() -> None:
    """A check that fails says nothing about the version that is being tried."""
    story = validating(refresh_signal=signal.SIGUSR2)
    story.signal("USR2")
    assert story.happens("failed", TRANSIENT) == []
    assert story.happens("validated", B, "") == [TERM]


def test_the_restart_is_held_up_by_a_signal() -> None:
    """The command may be exiting on a signal that came during the validation: the restart waits, with no second try."""
    story = validating()
    assert story.signal("HUP") == [HUP]
    story.later(1)
    assert story.happens("validated", B, "") == []
    assert story.lines[-1] == "restarting in 9.0 s"
    assert story.later(9) == [Prepare(answer=B)]
    assert story.happens("prepared", B) == [TERM]


def test_what_happens_while_it_is_held_up() -> None:
    """A newer version is tried as well, a shutdown and a failure put the files back."""
    for event, leads_to in (
        (("fetched", C), [PutBack(answer=A)]),
        (("signalled", signal.SIGTERM, SENT), [PutBack(answer=A), Send(signum=signal.SIGTERM)]),
    ):
        story = validating()
        story.signal("HUP")
        story.happens("validated", B, "")
        assert story.happens(*event) == leads_to
    story = validating()
    story.signal("HUP")
    story.happens("validated", B, "")
    story.happens("fetched", C)
    assert story.later(10) == [Prepare(answer=C)]
    assert story.happens("prepared", C) == [Validate(answer=C)]
    story = validating()
    story.signal("HUP")
    story.happens("validated", B, "")
    story.later(10)
    assert story.happens("unprepared", SecretenvError("no")) == [PutBack(answer=A)]


def test_after_the_splay() -> None:
    """The program runs after the splay: it spreads the load that it brings as well."""
    story = running(validate=("check",), splay=100.0)
    assert fetch(story, B) == []
    assert story.later(50) == [Prepare(answer=B)]
    assert story.happens("prepared", B) == [Validate(answer=B)]
    assert story.happens("validated", B, "") == [TERM]


@pytest.mark.parametrize("late", ["stopping", "cleaning"])
def test_a_newer_version_while_the_command_is_stopped(late: str) -> None:
    """What is started was accepted: a newer version waits for its own try, and is looked for at once."""
    story = validating(refresh_signal=signal.SIGUSR2)
    story.happens("validated", B, "")
    if late == "cleaning":
        story.happens("exited", 0)
    story.signal("USR2")
    assert story.happens("fetched", C) == []
    if late == "stopping":
        story.happens("exited", 0)
    assert story.happens("gone") == [StartFetch(), Spawn(answer=B)]
    assert story.happens("fetched", C) == [Prepare(answer=C)]
    assert story.happens("prepared", C) == [Validate(answer=C)]


def test_a_trial_follows() -> None:
    """A command that fails with accepted values gets the old ones back, without another try."""
    story = restarted()
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]
    story.later(400)
    assert not holds(story, B)


def test_old_values_are_kept_no_longer_than_the_trial() -> None:
    """Nothing keeps the old values after it."""
    story = restarted()
    assert holds(story, A)
    story.later(10)
    assert not holds(story, A)


def test_a_failure_on_trial_while_a_newer_version_is_tried() -> None:
    """The old values are given back, and the newest are tried after that."""
    story = restarted(refresh_signal=signal.SIGUSR2)
    story.signal("USR2")
    assert story.happens("fetched", C) == [Prepare(answer=C)]
    assert story.happens("prepared", C) == [Validate(answer=C)]
    actions = story.happens("exited", 3)
    assert actions == [KillValidator(), PutBack(answer=B), StartFetch(), Adopt(), Sweep()]
    assert story.happens("validated", C, "") == []
    assert story.happens("gone") == [Spawn(answer=A)]
    assert story.happens("fetched", C) == [Prepare(answer=C)]
    assert story.happens("prepared", C) == [Validate(answer=C)]


def test_the_same_values_in_another_version_meanwhile() -> None:
    """--restart-on values: a version with the values that are being tried is accepted with them."""
    story = running(validate=("check",), restart_on="values")
    first, second = answer_with("b"), answer_with("c")
    first.variables = second.variables = {"KEY": "new"}
    assert tried(story, fetch(story, first), first)
    assert story.happens("fetched", second) == []
    assert story.happens("validated", first, "") == [TERM]
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=second)]


def test_nothing_after_the_end() -> None:
    """An outcome after the end leads to nothing."""
    story = validating()
    assert isinstance(story.happens("exited", 0)[-1], End)
    assert story.happens("validated", B, "") == []


def test_what_the_command_was_notified_of_is_no_news_after_a_refresh() -> None:
    """A refresh goes back to what the command was notified of, not to what it was started with."""
    story = validating(refresh_signal=signal.SIGUSR2, **BY_SIGNAL)
    assert story.happens("validated", B, "") == [HUP]
    assert tried(story, fetch(story, C), C)
    story.happens("validated", C, WHY)
    story.signal("USR2")
    assert story.happens("fetched", B) == []
    assert story.lines[-1] == "no new version"
