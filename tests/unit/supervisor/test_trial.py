"""The trial of new versions, row by row, by replaying histories of events."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.supervisor.actions import Adopt, Prepare, Spawn, StartFetch, Stop, Sweep, TermGroup
from secretenv.supervisor.signals import COMMAND, SENT, TERMINAL
from secretenv.supervisor.trial import ending
from tests.unit.supervisor.stories import TRANSIENT, A, B, C, Story, answer_with, cleaning, ended, running

if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.supervisor.signals import Sender

FAILED = "the command did not survive the new version of app (exit status 3): it gets the old values back"
SURVIVED = "the command survived the new version of app"


def on_trial(**given: Any) -> Story:
    """Return a story in which the command was restarted for version b a second ago."""
    story = cleaning(**given)
    assert story.happens("gone") == [Spawn(answer=B)]
    story.later(1)
    return story


def restored(**given: Any) -> Story:
    """Return a story in which the command failed with version b and has version a again, since a second ago."""
    story = on_trial(**given)
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]
    story.later(1)
    return story


def restarts(story: Story, answer: Answer) -> None:
    """Fetch an answer for which the command is restarted."""
    assert story.happens("fetched", answer) == [Prepare(answer=answer)]
    assert story.happens("prepared", answer) == [Stop(signum=signal.SIGTERM)]
    assert story.happens("exited", -signal.SIGTERM) == [Sweep()]
    assert story.happens("gone") == [Spawn(answer=answer)]


def holds(story: Story, answer: Answer) -> bool:
    """Whether the machine can still reach an answer."""
    todo: list[Any] = [story.life]
    seen: set[int] = set()
    while todo:
        found = todo.pop()
        if found is answer:
            return True
        ours = type(found).__module__.startswith("secretenv")
        if id(found) not in seen and (ours or isinstance(found, dict | list | tuple)):
            seen.add(id(found))
            todo += gc.get_referents(found)
    return False


@pytest.mark.parametrize("status", [1, 3, 126, 255, -signal.SIGSEGV, -signal.SIGKILL, -signal.SIGABRT])
def test_a_failure_on_trial_goes_back(status: int) -> None:
    """A failure goes back to the old values, after everything that the new command left is gone."""
    story = on_trial()
    assert story.happens("exited", status) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]
    assert story.life.running is A
    assert story.lines[-2:] == [FAILED.replace("exit status 3", ending(status)), "started again with app a"]
    assert not holds(story, B)


def test_a_success_ends() -> None:
    """The command's own end without a failure ends secretenv, as at any other time."""
    assert on_trial().happens("exited", 0) == [ended(0)]


def test_the_first_start_is_no_trial() -> None:
    """There is nothing to go back to."""
    story = running()
    story.later(1)
    assert story.happens("exited", 3) == [ended(3)]


@pytest.mark.parametrize("trial", [10.0, 60.0])
def test_the_trial_is_over(trial: float) -> None:
    """Once it is over a failure ends secretenv, and the old values are forgotten."""
    story = on_trial(trial=trial)
    assert story.later(trial - 1.1) == []
    assert holds(story, A)
    assert SURVIVED not in story.lines
    story.later(0.2)
    assert story.lines[-1] == SURVIVED
    assert not holds(story, A)
    assert story.happens("exited", 3) == [ended(3)]


def test_off() -> None:
    """--trial 0: the status of the command is secretenv's, and no old values are kept."""
    story = on_trial(trial=0.0)
    assert not holds(story, A)
    assert story.happens("exited", 3) == [ended(3)]


def test_both_are_bad() -> None:
    """If the old values fail as well, it was not the rotation: the status is that of the last command."""
    story = restored()
    assert story.happens("exited", 7) == [ended(7)]


def test_the_old_values_are_no_trial_for_long() -> None:
    """What was restored is not said to have survived a new version."""
    story = restored()
    story.later(100)
    assert SURVIVED not in story.lines


@pytest.mark.parametrize(
    ("name", "origin"),
    [("TERM", SENT), ("INT", SENT), ("INT", TERMINAL), ("QUIT", TERMINAL), ("HUP", SENT), ("TERM", COMMAND)],
)
def test_a_signal_is_a_reason(name: str, origin: Sender) -> None:
    """A command that ends soon after a signal that asks for it has not failed because of its values."""
    story = on_trial()
    story.signal(name, origin)
    story.later(5)
    assert story.happens("exited", 3) == [ended(3)]


def test_a_signal_of_long_ago_is_no_reason() -> None:
    """A reload that it survived for longer than the kill timeout does not count."""
    story = on_trial(kill_timeout=2.0)
    story.signal("HUP")
    story.later(5)
    assert story.happens("exited", 3) == [Adopt(), Sweep()]


def test_a_signal_that_kills_is_a_reason() -> None:
    """Any forwarded signal that the command dies of is the reason; one that it lives on with is not."""
    story = on_trial()
    story.signal("USR1")
    assert story.happens("exited", -signal.SIGUSR1) == [ended(-signal.SIGUSR1)]
    story = on_trial()
    story.signal("USR1")
    assert story.happens("exited", 3) == [Adopt(), Sweep()]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_past_secretenv(signum: int) -> None:
    """Somebody sent it to the command alone: it was asked to end, and so secretenv ends with it."""
    assert on_trial().happens("exited", -signum) == [ended(-signum)]


def test_with_signal_group() -> None:
    """--signal-group: the rest of a group is asked to end only where secretenv ends."""
    assert on_trial(signal_group=True).happens("exited", 3) == [Adopt(), Sweep()]
    assert on_trial(signal_group=True).happens("exited", 0) == [TermGroup(), ended(0)]


def test_a_refused_version_is_not_tried_again() -> None:
    """It is refused until there is news; the log is reminded once an hour, and the status all the time."""
    story = restored()
    for _ in range(12):
        assert story.later(300) == [StartFetch()]
        assert story.happens("fetched", B) == []
    words = "refused: the new version app b (exit status 3)"
    assert story.told[-1].status == f"running with app a; {words}"
    assert [line for line in story.lines if "refused" in line] == [f"still {words}"]


def test_the_status_after_a_failed_check() -> None:
    """When a check works again the status is that of the refused version again."""
    story = restored()
    story.later(300)
    story.happens("failed", TRANSIENT)
    story.later(300)
    story.happens("fetched", B)
    assert story.told[-1].status == "running with app a; refused: the new version app b (exit status 3)"


def test_another_version_is_tried() -> None:
    """Another version is another try, with a trial of its own; the values to go back to are still the old ones."""
    story = restored()
    story.later(300)
    restarts(story, C)
    assert story.told[-1].status == "running with app c"
    story.later(1)
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]


def test_aws_goes_back() -> None:
    """When AWS has the old version again nothing is refused any more, and the same version later is news."""
    story = restored()
    story.later(300)
    assert story.happens("fetched", answer_with("a")) == []
    assert story.told[-1].status == "running with app a"
    story.later(300)
    restarts(story, answer_with("b"))


def test_a_stale_read_is_not_news() -> None:
    """A stale read of the old version right after the failure does not start the bad one once more."""
    story = restored(interval=5.0)
    assert story.later(5) == [StartFetch()]
    assert story.happens("fetched", answer_with("a")) == []
    assert story.later(6) == [StartFetch()]
    assert story.happens("fetched", B) == []
    assert story.later(6) == [StartFetch()]
    assert story.happens("fetched", B) == []


def test_a_refresh_tries_it_again() -> None:
    """Whoever asks for a check asks for another try; it is refused again if it fails again."""
    story = restored(refresh_signal=signal.SIGUSR2)
    assert story.signal("USR2") == [StartFetch()]
    restarts(story, B)
    story.later(1)
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]


def test_a_newer_version_during_the_trial() -> None:
    """It replaces the one on trial; the values to go back to are those that have proven themselves."""
    story = on_trial(refresh_signal=signal.SIGUSR2)
    assert story.signal("USR2") == [StartFetch()]
    restarts(story, C)
    story.later(1)
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]


def test_a_newer_version_that_waits_for_its_splay() -> None:
    """A command that fails while a newer version waits gets that one, on trial."""
    story = running(refresh_signal=signal.SIGUSR2, splay=20.0)
    story.signal("USR2")
    assert story.happens("fetched", B) == []
    assert story.later(10) == [Prepare(answer=B)]
    story.happens("prepared", B)
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=B)]
    story.signal("USR2")
    assert story.happens("fetched", C) == []
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=C)]
    story.later(1)
    assert story.happens("exited", 4) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]


def test_a_newer_version_while_the_rest_is_cleared() -> None:
    """It is the one that is started, without a detour over the old one."""
    story = on_trial(refresh_signal=signal.SIGUSR2)
    story.signal("USR2")
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("fetched", C) == []
    assert story.happens("gone") == [Spawn(answer=C)]
    assert story.told[-1].status == "running with app c"


def test_aws_goes_back_during_the_trial() -> None:
    """A restart for the version before is no return; if it fails there is nothing left to go back to."""
    story = on_trial(trial=1000.0)
    story.later(300)
    restarts(story, answer_with("a"))
    assert story.lines[-1] == "started again with app a"
    story.later(1)
    assert story.happens("exited", 3) == [ended(3)]


def test_a_shutdown_ends_the_trial() -> None:
    """Nothing is started after a shutdown began, whatever the command's status."""
    story = on_trial()
    story.signal("TERM")
    story.later(30)
    assert SURVIVED not in story.lines
    assert story.happens("exited", 3) == [ended(3)]


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_shutdown_while_the_rest_is_cleared(name: str) -> None:
    """The old values are not started any more."""
    story = on_trial()
    story.happens("exited", 3)
    story.signal(name)
    assert story.happens("gone") == [ended(-getattr(signal, f"SIG{name}"))]


def test_what_cannot_be_cleared() -> None:
    """What survives SIGKILL is waited for 5 s, as at each restart."""
    story = on_trial()
    story.happens("exited", 3)
    assert story.later(5.1) == [Spawn(answer=A)]


def test_a_stop_ends_the_trial() -> None:
    """A trial that would be over while the command is stopping has no outcome."""
    story = on_trial(refresh_signal=signal.SIGUSR2, kill_timeout=100.0)
    story.signal("USR2")
    assert story.happens("fetched", C) == [Prepare(answer=C)]
    story.happens("prepared", C)
    story.later(50)
    assert SURVIVED not in story.lines
    story.happens("exited", 0)
    story.happens("gone")
    story.later(1)
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]
