"""The state machine, by replaying histories of events. No clock: the tests say what time it is."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.errors import CHANGED, FAILED, CertificateError, CommandNotFoundError, FetcherError, SecretenvError
from secretenv.protocol import Answer
from secretenv.settings import Device, Settings
from secretenv.supervisor.actions import (
    End,
    Exec,
    KillAll,
    KillFetch,
    Line,
    Notify,
    Prepare,
    Send,
    Spawn,
    StartFetch,
    Stop,
    StopSelf,
    Sweep,
    TermGroup,
)
from secretenv.supervisor.lifecycle import Lifecycle
from secretenv.supervisor.signals import COMMAND, SENT, TERMINAL

if TYPE_CHECKING:
    from secretenv.supervisor.actions import Action
    from secretenv.supervisor.signals import Sender

TRANSIENT = SecretenvError("no answer", transient=True, link="connection")
PERMANENT = SecretenvError("refused", link="policy")
THROTTLED = SecretenvError("too many calls", transient=True, link="throttling")


def answer_with(version: str) -> Answer:
    """Return an answer with this version of the one secret."""
    made = Answer()
    made.versions = {"app": version}
    return made


A, B, C = answer_with("a"), answer_with("b"), answer_with("c")


def settings(**given: Any) -> Settings:
    """Return settings with the defaults of the command line but for what is given."""
    values: dict[str, Any] = {
        "device": Device.from_json({**dict.fromkeys(Device.fields(), ""), "batch": False}),
        "secrets": (),
        "command": ("myapp",),
        "pristine": False,
        "keep": (),
        "drop": (),
        "interval": 300.0,
        "once": False,
        "on_change": "restart",
        "splay": 0.0,
        "kill_signal": signal.SIGTERM,
        "kill_timeout": 10.0,
        "signal_group": False,
        "refresh_signal": 0,
        "start_timeout": 60.0,
        "sd_notify": "wrapper",
        "log_level": "info",
        "log_format": "text",
        "warnings": (),
    }
    return Settings(**{**values, **given})


class Story:
    """A lifecycle, its time, and what it asked for since the last question; lines and notices are kept apart."""

    def __init__(
        self,
        *,
        ignored: tuple[int, ...] = (),
        leader: bool = False,
        shared: bool = False,
        chance: float = 0.5,
        **given: Any,
    ) -> None:
        self.life = Lifecycle(settings(**given), ignored=ignored, leader=leader, shared=shared, uniform=lambda: chance)
        self.now = 1000.0
        self.lines: list[str] = []
        self.told: list[Notify] = []
        self.asked = self._take(self.life.start(self.now))

    def _take(self, actions: list[Action]) -> list[Action]:
        self.lines += [action.message for action in actions if isinstance(action, Line)]
        self.told += [action for action in actions if isinstance(action, Notify)]
        return [action for action in actions if not isinstance(action, Line | Notify)]

    def happens(self, event: str, *values: Any) -> list[Action]:
        """Report an event and return the actions it leads to."""
        return self._take(getattr(self.life, event)(*values, self.now))

    def later(self, seconds: float) -> list[Action]:
        """Let time pass, with every tick on the way that is due, and return the actions."""
        end = self.now + seconds
        actions: list[Action] = []
        while (due := self.life.due()) is not None and due <= end:
            self.now = max(due, self.now)
            actions += self.happens("tick")
        self.now = end
        return actions

    def signal(self, name: str, origin: Sender = SENT) -> list[Action]:
        """Report a signal."""
        return self.happens("signalled", getattr(signal, f"SIG{name}"), origin)


def running(**given: Any) -> Story:
    """Return a story in which the command runs with version a."""
    story = Story(**given)
    assert story.happens("fetched", A) == [Spawn(answer=A)]
    return story


def stopping(**given: Any) -> Story:
    """Return a story in which the command was asked to stop for version b."""
    story = running(**given)
    story.later(300)
    assert story.happens("fetched", B) == [Prepare(answer=B)]
    kill_signal = given.get("kill_signal", signal.SIGTERM)
    assert story.happens("prepared", B) == [Stop(signum=kill_signal)]
    return story


def cleaning(**given: Any) -> Story:
    """Return a story in which the old command is dead and something of it is still there."""
    story = stopping(**given)
    assert story.happens("exited", 0) == [Sweep()]
    return story


def ended(status: int) -> End:
    """Return the action that ends secretenv as a command did."""
    return End(status=status, error=None)


# The first fetch


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


def test_permanent_error_at_the_start_ends_at_once() -> None:
    """First fetch, permanent error: 125 at once."""
    assert Story().happens("failed", PERMANENT) == [End(status=FAILED, error=PERMANENT)]


def test_last_try_leaves_time_to_fail_in_its_own_words() -> None:
    """First fetch, transient error: retried with backoff; the last wait is cut to end with one last try; then 125."""
    story = Story()
    times = []
    while not story.life.ended:
        story.happens("failed", TRANSIENT)
        if not story.life.ended:
            due = story.life.due()
            assert due is not None
            story.now = due
            assert story.happens("tick") == [StartFetch()]
            times.append(story.now - 1000)
    assert times[-1] == pytest.approx(54)
    assert times == sorted(times)
    assert len(times) > 5


def test_tries_before_the_start_are_farther_and_farther_apart() -> None:
    """First fetch, transient error: retried with full-jitter backoff; here the random number is in the middle."""
    assert waits_after(TRANSIENT, 8, start_timeout=3600.0) == pytest.approx([0.5, 1, 2, 4, 7.5, 7.5, 7.5, 7.5])


def waits_after(error: SecretenvError, number: int, **given: Any) -> list[float]:
    """Return the waits before the next tries while a first fetch fails so often."""
    story = Story(**given)
    waits = []
    for _ in range(number):
        story.happens("failed", error)
        due = story.life.due()
        assert due is not None
        waits.append(due - story.now)
        story.later(waits[-1])
    return waits


def test_a_throttled_start_is_waited_out() -> None:
    """Where AWS gets too many calls waits grow to 2 minutes, and the first fetch is retried for 10 minutes at least."""
    waits = waits_after(THROTTLED, 9)
    assert waits[:7] == pytest.approx([2, 4, 8, 16, 32, 60, 60])
    story = Story()
    story.later(20)
    story.happens("failed", THROTTLED)
    assert story.told[-1].within == pytest.approx(580 + 10), "and the service manager knows"
    while story.life.due() is not None:
        story.now = story.life.due() or 0.0
        story.happens("tick")
        story.happens("failed", THROTTLED)
    assert story.life.ended
    assert story.now - 1000 == pytest.approx(594)


@pytest.mark.parametrize(("asked", "given_up"), [(20.0, 15.0), (59.0, 53.0), (3600.0, 3594.0)])
def test_a_start_timeout_is_kept_where_it_is_meant(asked: float, given_up: float) -> None:
    """A start timeout of less than a minute holds whatever AWS says, and so does one of more than 10 minutes."""
    story = Story(start_timeout=asked)
    while not story.life.ended:
        story.happens("failed", THROTTLED)
        if (due := story.life.due()) is not None:
            story.later(due - story.now)
    assert story.now - 1000 == pytest.approx(given_up)


def test_a_fetch_that_hangs_is_killed_at_the_start_timeout() -> None:
    """The supervisor kills a fetcher at 30 s, and at the start timeout."""
    story = Story(start_timeout=8.0)
    assert story.later(7.9) == []
    assert story.later(0.2) == [KillFetch()]
    assert story.happens("failed", TRANSIENT) == [End(status=FAILED, error=TRANSIENT)]


def test_a_fetch_that_hangs_later_is_killed_after_30_seconds() -> None:
    """The supervisor kills a fetcher at 30 s; the command does not notice."""
    story = running()
    assert story.later(300) == [StartFetch()]
    assert story.later(29.9) == []
    assert story.later(0.2) == [KillFetch()]
    assert story.happens("failed", TRANSIENT) == []
    assert not story.life.ended


# Refresh


def test_checks_at_the_interval_with_jitter() -> None:
    """The interval is +-10 % at random; here the random number is in the middle."""
    story = running()
    assert story.later(299.9) == []
    assert story.later(0.2) == [StartFetch()]
    assert story.happens("fetched", A) == []
    assert story.later(300) == [StartFetch()]


def test_no_event_is_due_while_nothing_happens() -> None:
    """An idle device sees no wake-up between two checks."""
    assert running().life.due() == 1300.0


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


def test_on_change_signal_sends_it() -> None:
    """--on-change SIGNAL: a change sends the signal instead of restarting."""
    story = running(on_change=int(signal.SIGUSR1))
    story.later(300)
    assert story.happens("fetched", B) == [Send(signum=signal.SIGUSR1)]


def test_a_version_just_left_needs_a_second_look() -> None:
    """A version left less than 60 s ago is not returned to unless a second look after 10 s finds it again."""
    story = running(interval=20.0)
    story.later(20)
    story.happens("fetched", B)
    story.happens("prepared", B)
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=B)]
    assert story.later(20) == [StartFetch()]
    assert story.happens("fetched", A) == []
    assert story.later(9.9) == []
    assert story.later(0.2) == [StartFetch()]
    assert story.happens("fetched", A) == [Prepare(answer=A)]


def test_a_version_just_left_that_vanishes_changes_nothing() -> None:
    """Secrets Manager is eventually consistent: one old answer after a new one is no rollback."""
    story = running(interval=20.0)
    story.later(20)
    story.happens("fetched", B)
    story.happens("prepared", B)
    story.happens("exited", 0)
    story.happens("gone")
    story.later(20)
    assert story.happens("fetched", A) == []
    story.later(10.1)
    assert story.happens("fetched", B) == []
    story.later(20)
    assert story.happens("fetched", A) == [], "the memory of the first sight must be gone"
    assert sum("looking once more" in line for line in story.lines) == 2, "each doubt is said once"


def test_a_second_look_does_not_put_off_a_check() -> None:
    """Where the interval is shorter than the wait for a second look, checks go on at the interval."""
    story = running(interval=5.0)
    story.later(5)
    story.happens("fetched", B)
    story.later(5)
    assert story.happens("fetched", A) == []
    assert story.later(5) == [StartFetch()]
    assert story.happens("fetched", A) == []
    assert story.later(5) == [StartFetch()]
    assert story.happens("fetched", A) == [], "it is the one that the command runs with"


def test_a_version_left_long_ago_is_returned_to_at_once() -> None:
    """After 60 s a rollback is a change like any other."""
    story = cleaning()
    story.happens("gone")
    story.later(300)
    assert story.happens("fetched", A) == [Prepare(answer=A)]


@pytest.mark.parametrize("last", [FetcherError("killed", transient=True), SecretenvError("full", transient=True)])
def test_the_last_try_does_not_hide_the_cause(last: SecretenvError) -> None:
    """A last try that was cut off could not tell why; the one before it could."""
    story = Story(start_timeout=4.0)
    assert story.happens("failed", TRANSIENT) == []
    story.later(3.5)
    error = TRANSIENT if isinstance(last, FetcherError) else last
    assert story.happens("failed", last) == [End(status=FAILED, error=error)]


@pytest.mark.parametrize(
    ("error", "first", "level"),
    [
        pytest.param(TRANSIENT, 2.0, "warning", id="transient"),
        pytest.param(PERMANENT, 300.0, "error", id="permanent"),
        pytest.param(CertificateError("does not match"), 2.0, "warning", id="half-written-certificate"),
    ],
)
def test_errors_later_keep_the_command(error: SecretenvError, first: float, level: str) -> None:
    """Later the command keeps running: retried with backoff, a permanent error every max(60 s, interval)."""
    story = running()
    story.later(300)
    said, _ = story.life.failed(error, story.now)
    assert isinstance(said, Line)
    assert said.level == level
    due = story.life.due()
    assert due is not None
    assert due - story.now == pytest.approx(first)


@pytest.mark.parametrize("interval", [10.0, 90.0])
def test_what_needs_an_operator_is_asked_for_once_a_minute(interval: float) -> None:
    """A permanent error is retried after max(60 s, interval), however often it comes."""
    story = running(interval=interval)
    for _ in range(3):
        story.happens("failed", PERMANENT)
        due = story.life.due()
        assert due is not None
        assert due - story.now == pytest.approx(max(60.0, interval))
        story.now = due
        assert story.happens("tick") == [StartFetch()]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_backoff_is_never_slower_than_the_interval_and_never_ends(chance: float) -> None:
    """Retried never faster than 1 s, never slower than the interval; for ever."""
    story = running(interval=30.0, chance=chance)
    story.later(33)
    for _ in range(2000):
        story.happens("failed", TRANSIENT)
        due = story.life.due()
        assert due is not None
        assert 1 <= due - story.now <= 30
        story.now = due
        assert story.happens("tick") == [StartFetch()]


def test_backoff_begins_anew_after_a_success() -> None:
    """What failed for long and was over waits no longer than any first failure; so does a start that took long."""
    story = Story(start_timeout=3600.0)
    for answer in (A, A):
        for _ in range(9):
            story.happens("failed", TRANSIENT)
            story.later(300)
        story.happens("fetched", answer)
        story.later(300)
        story.happens("failed", TRANSIENT)
        due = story.life.due()
        assert due is not None
        assert due - story.now == pytest.approx(2.0)
        story.later(2)


def test_a_permanent_error_is_not_asked_for_more_than_once_a_minute() -> None:
    """Later, a permanent error: every max(60 s, interval)."""
    story = running(interval=5.0)
    story.later(5)
    story.happens("failed", PERMANENT)
    assert story.later(59.9) == []
    assert story.later(0.1) == [StartFetch()]


def test_failing_is_said_once_then_hourly_then_over() -> None:
    """One line when it starts failing, one an hour, one when it is over, each with how old the values are."""
    story = running(interval=60.0)
    life = story.life
    lines = []
    story.later(60)
    for _ in range(130):
        lines += [action for action in life.failed(PERMANENT, story.now) if isinstance(action, Line)]
        story.now += 60
        life.tick(story.now)
    shown = [line for line in lines if line.level != "debug"]
    ages = [line.message.rpartition("the command keeps its values, ")[2] for line in shown]
    assert ages == ["60 s old", "61 min old", "2.0 h old"]
    over = [action for action in life.fetched(A, story.now) if isinstance(action, Line) and action.level == "info"]
    assert [line.message for line in over] == ["secrets can be read again after 2.2 h; the values were 2.2 h old"]
    again = next(action for action in life.failed(PERMANENT, story.now + 60) if isinstance(action, Line))
    assert again.message.endswith("the command keeps its values, 60 s old")


# Signals


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


def test_what_the_command_sends_is_not_sent_back() -> None:
    """A command that signals its whole group does not get it again from us."""
    story = running()
    assert story.signal("TERM", COMMAND) == []
    assert story.life.shutdown == 0


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


@pytest.mark.parametrize("name", ["HUP", "QUIT", "USR1"])
def test_other_signals_in_the_gap_do_not_end_anything(name: str) -> None:
    """In the gap other signals are dropped, and the new command is started."""
    story = cleaning()
    assert story.signal(name) == []
    assert story.life.shutdown == 0
    assert story.happens("gone") == [Spawn(answer=B)]


def test_a_stop_that_turned_into_a_shutdown_keeps_its_limit() -> None:
    """The kill timeout of a restart still holds when it turns into a shutdown."""
    story = stopping()
    story.signal("TERM")
    assert story.later(10.1) == [KillAll()]


def test_refresh_signal_checks_now() -> None:
    """--refresh-signal: this signal means check now, whatever backoff is running, and is not forwarded."""
    story = running(refresh_signal=int(signal.SIGUSR2))
    assert story.signal("USR2") == [StartFetch()]
    assert story.signal("USR2") == [], "one is under way"
    assert story.happens("fetched", A) == [StartFetch()], "it may have read too early"
    story.happens("failed", PERMANENT)
    assert story.signal("USR2") == [StartFetch()]


def test_refresh_signal_during_the_first_fetch() -> None:
    """A check that is asked for while the first fetch reads follows it, as it may have read too early."""
    story = Story(refresh_signal=int(signal.SIGUSR2))
    assert story.signal("USR2") == []
    assert story.happens("failed", TRANSIENT) == [StartFetch()]
    assert story.signal("USR2") == []
    assert story.happens("fetched", A) == [StartFetch(), Spawn(answer=A)]
    assert story.signal("USR2") == []
    assert story.happens("failed", PERMANENT) == [StartFetch()]


def test_refresh_signal_never_ends_anything() -> None:
    """The refresh signal never ends anything, even if it is HUP before the first start."""
    story = Story(refresh_signal=int(signal.SIGHUP))
    assert story.signal("HUP") == []
    story.happens("failed", TRANSIENT)
    assert not story.life.ended


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


@pytest.mark.parametrize("name", ["TSTP", "TTIN", "TTOU"])
def test_job_control_without_a_command(name: str) -> None:
    """Ctrl-Z stops secretenv itself before the command runs, and between two of them; what is sent is dropped."""
    for story in (Story(shared=True), cleaning(shared=True)):
        assert story.signal(name, TERMINAL) == [StopSelf()]
        assert story.signal(name) == []
        assert story.signal("WINCH", TERMINAL) == []


# The end of the command


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
