"""When to fetch: the first fetch and its retries, checks, failures while the command runs."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from secretenv.errors import FAILED, CertificateError, FetcherError, SecretenvError
from secretenv.supervisor.actions import End, KillFetch, Line, Spawn, StartFetch
from tests.unit.supervisor.stories import PERMANENT, THROTTLED, TRANSIENT, A, Story, running


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


OTHER = SecretenvError("another", hint="another step", transient=True, link="DNS")
HINTED = SecretenvError("no answer", hint="the next step", transient=True, link="connection")


def hints(story: Story, *errors: SecretenvError) -> list[str]:
    """Return the hints of the lines while a fetch fails like this."""
    found = []
    for error in errors:
        lines = [action for action in story.life.failed(error, story.now) if isinstance(action, Line)]
        found.append(next(line.hint for line in lines if line.message.startswith(error.message)))
        story.later((story.life.due() or 0.0) - story.now)
    return found


def test_a_hint_is_shown_once() -> None:
    """Each try is a line, but only the first with a fault has its hint, also when another fault comes between."""
    expected = ["the next step", "", "another step", "", ""]
    assert hints(Story(), HINTED, HINTED, OTHER, HINTED, OTHER) == expected
    story = running()
    story.later(300)
    assert hints(story, HINTED, HINTED, OTHER, HINTED, OTHER) == expected, "and later, in lines of the level debug"
    story.happens("fetched", A)
    story.later(300)
    assert hints(story, HINTED, HINTED) == ["the next step", ""], "and anew once it was over"


def test_the_reminder_of_each_hour_has_the_hint() -> None:
    """Whoever reads today's log only finds the next step in it."""
    story = running(interval=60.0)
    story.later(60)
    assert hints(story, HINTED, HINTED) == ["the next step", ""]
    story.later(3600)
    assert hints(story, HINTED) == ["the next step"]


def test_the_end_of_the_start_has_the_hint() -> None:
    """The line that a person reads first is the last one."""
    story = Story(start_timeout=1.0)
    assert hints(story, HINTED) == ["the next step"]
    story.later(1)
    assert story.happens("failed", HINTED) == [End(status=FAILED, error=HINTED)]
    assert HINTED.hint


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


@pytest.mark.parametrize("last", [FetcherError("killed", transient=True), SecretenvError("full", transient=True)])
def test_the_last_try_does_not_hide_the_cause(last: SecretenvError) -> None:
    """A last try that was cut off could not say why; the one before it could."""
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
    said, *_ = story.life.failed(error, story.now)
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


def test_backoff_begins_again_after_a_success() -> None:
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
    assert [line.message for line in over] == [
        "secrets can be read again, after 2.2 h of failures; the values were 2.2 h old"
    ]
    again = next(action for action in life.failed(PERMANENT, story.now + 60) if isinstance(action, Line))
    assert again.message.endswith("the command keeps its values, 60 s old")


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
