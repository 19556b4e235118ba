"""A cache of the last known good values: rules of the machine, replayed as histories."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.cache_protocol import CacheError, Known, Outcome
from secretenv.errors import CertificateError, CredentialsError, SecretenvError, SecretError
from secretenv.supervisor.actions import (
    Adopt,
    End,
    Exec,
    KillFetch,
    Prepare,
    Publish,
    Send,
    Spawn,
    StartFetch,
    Stop,
    Sweep,
)
from secretenv.supervisor.last_known_good import LeaveCache, OpenCache
from secretenv.supervisor.sealing import DropCache, SealCache
from secretenv.supervisor.signals import SENT, TERMINAL
from secretenv.supervisor.validation import KillValidator, PutBack, Validate
from tests.unit.supervisor.stories import PERMANENT, THROTTLED, TRANSIENT, A, B, C, Story, answer_with, cached, ended

if TYPE_CHECKING:
    from secretenv.protocol import Answer

DENIED = CredentialsError("refused", link="policy")
NOT_TRUSTED = CredentialsError("not trusted", link="TLS")
EXPIRED = CertificateError("expired")
DAY, HOUR = 86400.0, 3600.0


def outcome(held: Known | None = None, error: SecretenvError | None = None) -> Outcome:
    """Return what came of opening the cache."""
    return Outcome(known=held, sealed_at=5e8 if held else 0.0, error=error)


def start(**given: Any) -> Story:
    """Return a story that begins with a cache."""
    return Story(cache="/var/cache/app", **given)


def from_cache(held: Known | None = None, **given: Any) -> Story:
    """Return a story in which the command runs with values of the cache, and a fetch is under way."""
    story = start(cache_after=0.0, **given)
    assert story.happens("opened", outcome(held or cached(A))) == [Spawn(answer=A)]
    assert story.later(0.0) == [StartFetch()]
    return story


def sealed_as(actions: list[Any]) -> list[tuple[dict[str, str], dict[str, str], int]]:
    """Return the versions, the refused versions and the denials that are sealed."""
    return [
        (action.known.answer.versions, action.known.refused, action.known.denials)
        for action in actions
        if isinstance(action, SealCache)
    ]


# The start.


def test_asked_at_once() -> None:
    """AWS and the cache are asked at the same time; with 0 the cache alone."""
    assert start().asked == [StartFetch(), OpenCache()]
    assert start(cache_after=0.0).asked == [OpenCache()]


def test_aws_is_quicker() -> None:
    """An answer of AWS starts the command, whatever the cache holds."""
    story = start()
    story.happens("opened", outcome(cached(A)))
    assert story.happens("fetched", B) == [Spawn(answer=B)]
    assert story.life.snapshot()["cache"]["in_use"] is False


def test_aws_is_quicker_than_the_disk() -> None:
    """An answer of AWS waits until the cache is open: it may say that the command has refused this version."""
    story = start()
    assert story.happens("fetched", B) == []
    assert story.happens("opened", outcome(cached(A))) == [Spawn(answer=B)]


@pytest.mark.parametrize("after", [2.0, 10.0])
@pytest.mark.parametrize("error", [TRANSIENT, THROTTLED, None])
def test_unreachable(after: float, error: SecretenvError | None) -> None:
    """Unreachable, throttled, or no answer at all: the cache is used when --cache-after is over."""
    story = start(cache_after=after)
    story.happens("opened", outcome(cached(A)))
    if error:
        assert story.happens("failed", error) == []
    early = story.later(after - 0.1)
    assert not any(isinstance(action, Spawn) for action in early)
    late = story.later(0.2)
    assert Spawn(answer=A) in late
    assert any("starting with the values of the cache, 3 days old" in line for line in story.lines)
    assert story.told[-1].state == "READY"
    assert story.told[-1].status == "running with app a; values of 3 days ago, from the cache"
    assert story.life.snapshot()["cache"]["in_use"] is True


def test_a_slow_disk() -> None:
    """Where the cache opens after its time, it is used at once."""
    story = start(cache_after=2.0)
    story.happens("failed", TRANSIENT)
    story.later(3.0)
    assert Spawn(answer=A) in story.happens("opened", outcome(cached(A)))


def test_the_start_timeout_is_shorter() -> None:
    """The cache is used where the start would be given up before --cache-after."""
    story = start(start_timeout=4.0)
    story.happens("opened", outcome(cached(A)))
    actions = story.happens("failed", TRANSIENT)
    while not any(isinstance(action, Spawn) for action in actions):
        assert not any(isinstance(action, End) for action in actions)
        actions = story.later(1.0)
        if StartFetch() in actions:
            actions += story.happens("failed", TRANSIENT)


def test_at_once() -> None:
    """With 0 the command starts before AWS is asked, and the look follows at once."""
    story = from_cache()
    assert story.lines == ["starting with the values of the cache, 3 days old"]


@pytest.mark.parametrize("error", [DENIED, EXPIRED, SecretError("gone", link="secret"), PERMANENT])
def test_refused(error: SecretenvError) -> None:
    """Where AWS refuses, or the device's own files are wrong, there is no start."""
    story = start()
    story.happens("opened", outcome(cached(A)))
    actions = story.happens("failed", error)
    assert actions[-1] == End(status=125, error=error)
    assert not any(isinstance(action, Spawn) for action in actions)


@pytest.mark.parametrize("error", [DENIED, EXPIRED])
def test_refused_before_the_cache_is_open(error: SecretenvError) -> None:
    """The same where the refusal comes first."""
    story = start()
    assert story.happens("failed", error) == []
    assert story.happens("opened", outcome(cached(A)))[-1] == End(status=125, error=error)


def test_not_aws() -> None:
    """A portal that shows a certificate of its own is not AWS: that is no refusal."""
    story = start()
    story.happens("opened", outcome(cached(A)))
    assert Spawn(answer=A) in story.happens("failed", NOT_TRUSTED)


@pytest.mark.parametrize("after", [0.0, 10.0])
def test_no_cache(after: float) -> None:
    """Without a file, or with one that cannot be used, the start is that of a run without a cache."""
    story = start(cache_after=after)
    error = CacheError("damaged", hint="look")
    found = story.happens("opened", outcome(error=error))
    assert found == ([StartFetch()] if after == 0 else [])
    assert story.lines == ["damaged"]
    assert story.happens("failed", DENIED)[-1] == End(status=125, error=DENIED)


@pytest.mark.parametrize("after", [0.0, 10.0])
def test_a_disk_that_hangs(after: float) -> None:
    """A cache that does not open in time is given up, and a late outcome is ignored."""
    story = start(cache_after=after)
    if after:
        story.happens("fetched", B)
    actions = story.later(10.0)
    assert LeaveCache() in actions
    assert actions[-1] == (Spawn(answer=B) if after else StartFetch())
    assert story.happens("opened", outcome(cached(A))) == []


def test_age_unknown() -> None:
    """Where the clock cannot be trusted, the values are used, with a warning."""
    story = from_cache(cached(A, age=None))
    assert story.lines == [
        "starting with the values of the cache, of unknown age: this machine's clock cannot be trusted"
    ]
    story.happens("failed", TRANSIENT)
    assert story.lines[-2] == "no answer; the command keeps its values"


def test_once() -> None:
    """With --once the cache is a fall-back only, and a fetched answer is sealed before the command takes over."""
    story = start(once=True)
    story.happens("opened", outcome(cached(A)))
    story.happens("failed", TRANSIENT)
    actions = story.later(11.0)
    assert Exec(answer=A) in actions
    story = start(once=True)
    story.happens("opened", outcome(cached(A)))
    actions = story.happens("fetched", B)
    assert sealed_as(actions) == [({"app": "b"}, {}, 0)]
    assert actions[-1] == Exec(answer=B)


def test_a_check_while_the_cache_is_opened() -> None:
    """A check that is asked for then, and fails, is tried again as at any start."""
    story = start(cache_after=0.0, refresh_signal=int(signal.SIGUSR2))
    assert story.signal("USR2") == [StartFetch()]
    story.happens("failed", TRANSIENT)
    assert story.happens("opened", outcome()) == [StartFetch()]
    assert story.happens("failed", TRANSIENT) == []
    assert StartFetch() in story.later(10)


def test_the_service_manager_waits_for_a_start_after_a_slow_disk() -> None:
    """The start that follows when the cache has taken long may take as long as any start."""
    story = start(cache_after=0.0)
    story.later(10.0)
    assert [notice.within for notice in story.told] == [70.0, 70.0]


def test_a_signal_ends_the_start() -> None:
    """TERM while the cache is being opened ends the start."""
    story = start(cache_after=0.0)
    assert story.signal("TERM") == [ended(-signal.SIGTERM)]
    assert story.life.due() is None
    assert story.happens("opened", outcome(cached(A))) == []


# The check after the start.


def test_confirmed() -> None:
    """The same version: nothing happens, and the state says so. Its new age is sealed."""
    story = from_cache()
    actions = story.happens("fetched", A)
    assert sealed_as(actions) == [({"app": "a"}, {}, 0)]
    assert "AWS confirms the values of the cache" in story.lines
    assert story.told[-1].status == "running with app a"
    assert story.life.snapshot()["cache"]["in_use"] is False


def test_other_values() -> None:
    """Another version: a restart, with a trial; the values get into the cache when the command has survived them."""
    story = from_cache()
    assert story.happens("fetched", B) == [Prepare(answer=B)]
    story.happens("prepared", B)
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=B)]
    assert sealed_as(story.later(9.9)) == []
    assert sealed_as(story.later(0.2)) == [({"app": "b"}, {}, 0)]


@pytest.mark.parametrize("splay", [0.0, 60.0])
def test_other_values_are_on_trial(splay: float) -> None:
    """Newer values are not those of the cache, and if the command does not survive them it gets the old ones back."""
    story = from_cache(splay=splay)
    actions = [*story.happens("fetched", B), *story.later(splay)]
    assert Prepare(answer=B) in actions
    story.happens("prepared", B)
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=B)]
    assert story.told[-1].status == "running with app b"
    assert story.life.snapshot()["cache"]["in_use"] is False
    assert story.happens("exited", 1) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]


def test_ignored_values() -> None:
    """The state says that there are other values, as without a cache."""
    story = from_cache(on_change="ignore")
    story.happens("fetched", B)
    assert story.told[-1].status == "running with app a; a new version is ignored"
    assert story.life.snapshot()["cache"]["in_use"] is False


def test_a_look_while_aws_throttles() -> None:
    """The look waits as long as the next try would have: a fleet that starts at once would only add calls."""
    story = start(cache_after=1.0)
    story.happens("opened", outcome(cached(A)))
    story.happens("failed", THROTTLED)
    assert story.later(1.0) == [Spawn(answer=A)]
    assert story.later(0.9) == []
    assert story.later(0.2) == [StartFetch()]


def test_a_failing_look() -> None:
    """A look that fails is repeated as while any command runs; the log says how old the values are."""
    story = from_cache()
    story.happens("failed", TRANSIENT)
    assert "no answer; the command keeps its values, 3 days old" in story.lines
    assert story.life.due() is not None


def test_back_after_failures() -> None:
    """The line at the end of the failures says how old they were, too."""
    story = from_cache()
    story.happens("failed", TRANSIENT)
    story.later(600)
    story.happens("fetched", A)
    assert any("secrets can be read again" in line and "3 days old" in line for line in story.lines)


# A command that does not survive them.


def dying(status: int = 3, **given: Any) -> Story:
    """Return a story in which the command died with values of the cache, and nothing of it is left."""
    story = from_cache(**given)
    assert story.happens("exited", status) == [Adopt(), Sweep()]
    assert story.happens("gone") == []
    return story


@pytest.mark.parametrize("change", ["restart", "exit", "ignore", int(signal.SIGHUP)])
def test_newer_values_for_a_dead_command(change: str | int) -> None:
    """It is started again with newer values, whatever --on-change says; the service manager sees nothing of it."""
    story = dying(on_change=change)
    assert story.happens("fetched", B) == [Spawn(answer=B)]
    assert story.life.snapshot()["restarts"] == 1


@pytest.mark.parametrize("status", [1, 3, -signal.SIGSEGV, -signal.SIGKILL])
def test_the_same_values_for_a_dead_command(status: int) -> None:
    """The same values are not tried again: secretenv ends as the command did."""
    assert dying(status).happens("fetched", A)[-1] == ended(status)


@pytest.mark.parametrize("error", [DENIED, EXPIRED])
def test_no_values_for_a_dead_command(error: SecretenvError) -> None:
    """Where AWS refuses, secretenv ends as the command did."""
    assert dying().happens("failed", error)[-1] == ended(3)


def test_no_answer_for_a_dead_command() -> None:
    """Where AWS does not answer within --start-timeout, secretenv ends as the command did."""
    story = dying()
    actions = story.happens("failed", TRANSIENT)
    began = story.now
    while not story.life.ended:
        actions = story.later(1.0)
        if StartFetch() in actions:
            actions += story.happens("failed", TRANSIENT)
        assert story.now - began < 61
    assert actions[-1] == ended(3)


def test_values_that_came_while_it_died() -> None:
    """An answer that comes while the rest of the command is killed counts."""
    story = from_cache()
    story.happens("exited", 3)
    assert story.happens("fetched", B) == []
    assert story.happens("gone") == [Spawn(answer=B)]


def test_it_dies_before_its_restart() -> None:
    """The same where newer values were found and the restart waits for its splay."""
    story = from_cache(splay=60.0)
    assert story.happens("fetched", B) == []
    assert story.happens("exited", 3) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=B)]


@pytest.mark.parametrize("splay", [0.0, 60.0])
def test_it_dies_while_a_program_tries_newer_values(splay: float) -> None:
    """The same; the program is ended, and what it says counts no more."""
    story = from_cache(splay=splay, validate=("check",))
    story.happens("fetched", B)
    story.later(splay)
    assert story.happens("prepared", B) == [Validate(answer=B)]
    assert story.happens("exited", 3) == [KillValidator(), PutBack(answer=A), Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=B)]
    assert story.happens("validated", B, "") == []


def test_it_dies_after_a_program_has_refused_newer_values() -> None:
    """There is nothing better: its end is its own affair."""
    story = from_cache(validate=("check",))
    story.happens("fetched", B)
    story.happens("prepared", B)
    story.happens("validated", B, "exit status 3")
    assert story.life.snapshot()["cache"]["in_use"] is False
    assert story.happens("exited", 3)[-1] == ended(3)


def test_it_gets_a_version_that_was_refused() -> None:
    """Where the old values kill too, a version that was refused is better than none; it is no longer refused."""
    story = dying(held=cached(A, refused={"app": "b"}, why="exit status 1"))
    assert story.happens("fetched", B) == [Spawn(answer=B)]
    assert story.told[-1].status == "running with app b"
    assert story.life.snapshot()["refused"] == []
    assert sealed_as(story.later(11)) == [({"app": "b"}, {}, 0)]


def test_the_same_values_with_another_version() -> None:
    """As --restart-on counts, they are the same."""
    assert dying(restart_on="values").happens("fetched", B)[-1] == ended(3)


def test_it_ends_by_itself() -> None:
    """Status 0, or a signal: secretenv ends as it does without a cache."""
    assert from_cache().happens("exited", 0)[-1] == ended(0)
    story = from_cache()
    story.signal("TERM")
    assert story.happens("exited", -signal.SIGTERM)[-1] == ended(-signal.SIGTERM)
    story = from_cache()
    story.signal("INT", TERMINAL)
    assert story.happens("exited", 130)[-1] == ended(130)


def test_it_dies_after_the_look() -> None:
    """Once AWS has confirmed the values, the end of the command is its own affair."""
    story = from_cache()
    story.happens("fetched", A)
    assert story.happens("exited", 3)[-1] == ended(3)


def test_term_while_values_are_fetched_again() -> None:
    """TERM after the death ends secretenv."""
    assert dying().signal("TERM") == [KillFetch(), ended(-signal.SIGTERM)]


# What is sealed.


def test_the_first_values() -> None:
    """Those of the first start are sealed when the command has run with them for the time of a trial."""
    story = start()
    story.happens("opened", outcome())
    story.happens("fetched", A)
    assert sealed_as(story.later(9.9)) == []
    assert sealed_as(story.later(0.2)) == [({"app": "a"}, {}, 0)]


def test_a_short_job() -> None:
    """A command that ends well before that has proven them."""
    story = start()
    story.happens("opened", outcome())
    story.happens("fetched", A)
    actions = story.happens("exited", 0)
    assert sealed_as(actions) == [({"app": "a"}, {}, 0)]
    assert actions[-1] == ended(0)


def test_values_that_kill_at_the_start() -> None:
    """A command that fails before that has not proven them: the cache keeps what it has."""
    story = start()
    story.happens("opened", outcome(cached(A)))
    story.happens("fetched", B)
    assert sealed_as(story.happens("exited", 1)) == []


def test_written_once_a_day() -> None:
    """The same values are sealed once a day, not at each check."""
    story = start()
    story.happens("opened", outcome())
    story.happens("fetched", A)
    writes = 0
    end = story.now + 3 * DAY
    while story.now < end:
        for action in story.later(60.0):
            if isinstance(action, StartFetch):
                writes += len(sealed_as(story.happens("fetched", A)))
            elif isinstance(action, SealCache):
                writes += 1
        if story.life._sealing.busy:  # type: ignore[attr-defined]  # noqa: SLF001
            story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
    assert writes == 4


@pytest.mark.parametrize("change", ["ignore", int(signal.SIGHUP)])
def test_values_without_a_restart(change: str | int) -> None:
    """Where no restart follows, the new values are sealed at once: else the next start would return to the old ones."""
    story = from_cache(on_change=change)
    actions = story.happens("fetched", B)
    assert sealed_as(actions) == [({"app": "b"}, {}, 0)]
    assert (Send(signum=signal.SIGHUP) in actions) == (change != "ignore")


def with_value(version: str, value: str) -> Answer:
    """Return an answer with this version of the one secret, and this value."""
    answer = answer_with(version)
    answer.variables = {"VALUE": value}
    return answer


def held_by(story: Story) -> dict[str, str] | None:
    """Return the versions that are sealed next, and that they were."""
    sealed = sealed_as(story.later(0.0))
    story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
    return sealed[0][0] if sealed else None


def test_a_new_version_with_the_values_of_a_notified_one() -> None:
    """The cache gets what the command was notified of last, not what it was started with."""
    story = start(on_change=int(signal.SIGHUP), restart_on="values")
    story.happens("opened", outcome())
    story.happens("fetched", with_value("a", "1"))
    assert held_by(story) == {"app": "a"}
    story.later(300)
    assert sealed_as(story.happens("fetched", with_value("b", "2"))) == [({"app": "b"}, {}, 0)]
    story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
    story.later(300)
    story.happens("fetched", with_value("c", "2"))
    assert held_by(story) == {"app": "c"}


def test_a_version_that_is_refused_after_a_notified_one() -> None:
    """The same where a program refuses a later version."""
    story = start(on_change=int(signal.SIGHUP), validate=("check",))
    story.happens("opened", outcome())
    story.happens("fetched", A)
    assert held_by(story) == {"app": "a"}
    for answer, why in ((B, ""), (C, "exit status 3")):
        story.later(300)
        assert story.happens("fetched", answer) == [Publish(answer=answer)]
        assert story.happens("published") == [Validate(answer=answer)]
        sealed = sealed_as(story.happens("validated", answer, why))
        assert sealed == [({"app": "b"}, {"app": "c"} if why else {}, 0)]
        story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))


def test_a_version_with_the_values_on_trial() -> None:
    """It is not sealed before the trial is over: its values are not proven."""
    story = from_cache(restart_on="values")
    new = with_value("b", "2")
    story.happens("fetched", new)
    story.happens("prepared", new)
    story.happens("exited", 0)
    story.happens("gone")
    story.later(2)
    story.life._refresh.look_again(story.now)  # noqa: SLF001
    assert story.later(0) == [StartFetch()]
    story.happens("fetched", with_value("c", "2"))
    assert sealed_as(story.later(7.9)) == []
    assert sealed_as(story.later(0.2)) == [({"app": "c"}, {}, 0)]


def exiting() -> Story:
    """Return a story in which the command was stopped so that the service manager starts it with new values."""
    story = from_cache(on_change="exit")
    story.happens("fetched", B)
    actions = story.happens("prepared", B)
    assert sealed_as(actions) == [({"app": "b"}, {}, 0)]
    story.happens("exited", 0)
    return story


def test_values_before_the_exit() -> None:
    """With --on-change exit they are sealed before the end, so that the next start has them."""
    story = exiting()
    assert story.happens("gone") == []
    assert story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))[-1] == ended(75)


def test_sealed_before_it_is_gone() -> None:
    """The usual order."""
    story = exiting()
    story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
    assert story.happens("gone")[-1] == ended(75)


@pytest.mark.parametrize("late", [False, True])
def test_no_exit_for_ever(late: bool) -> None:  # noqa: FBT001
    """Where they cannot be sealed, secretenv starts the command itself: the next start would have the old values."""
    story = exiting()
    story.happens("gone")
    failed = outcome(error=CacheError("read-only"))
    actions = story.later(6.0) if late else story.happens("sealed", failed)
    assert Spawn(answer=B) in actions
    assert any(line.startswith("the cache was not written within 5" if late else "read-only") for line in story.lines)


def test_bad_values_where_nothing_can_be_sealed() -> None:
    """The command that was started here gets its old values back here, and keeps them."""
    story = exiting()
    story.happens("gone")
    assert Spawn(answer=B) in story.happens("sealed", outcome(error=CacheError("read-only")))
    assert story.happens("exited", 1) == [Adopt(), Sweep()]
    assert story.happens("gone") == [Spawn(answer=A)]
    story.later(300)
    assert story.happens("fetched", B) == []


def test_only_accepted_values_are_started_where_nothing_can_be_sealed() -> None:
    """A newer version that comes while the command is being stopped has to be accepted first."""
    story = from_cache(on_change="exit", validate=("check",))
    story.happens("fetched", B)
    story.happens("prepared", B)
    assert sealed_as(story.happens("validated", B, "")) == [({"app": "b"}, {}, 0)]
    story.happens("exited", 0)
    story.later(0)
    story.life._refresh.look_again(story.now)  # noqa: SLF001
    assert story.later(0) == [StartFetch()]
    story.happens("fetched", C)
    story.happens("gone")
    actions = story.happens("sealed", outcome(error=CacheError("read-only")))
    assert Spawn(answer=B) in actions
    assert StartFetch() in actions


def test_term_while_it_waits_for_the_seal() -> None:
    """TERM is not delayed by it."""
    story = exiting()
    story.happens("gone")
    assert ended(-signal.SIGTERM) in story.signal("TERM")


def test_a_disk_that_cannot_be_written() -> None:
    """One warning, and another try after an hour."""
    story = from_cache()
    refused = outcome(error=CacheError("read-only"))
    assert sealed_as(story.happens("fetched", A))
    story.happens("sealed", refused)
    assert sealed_as(story.happens("fetched", A)) == []
    story.later(HOUR)
    assert sealed_as(story.happens("fetched", A))
    story.happens("sealed", refused)
    assert story.lines.count("read-only") == 1


def test_one_warning() -> None:
    """What cannot be opened, nor be written for the same reason, is said once."""
    story = start()
    damaged = outcome(error=CacheError("not a regular file"))
    story.happens("opened", damaged)
    story.happens("fetched", A)
    assert sealed_as(story.later(11.0))
    story.happens("sealed", damaged)
    assert story.lines.count("not a regular file") == 1


def test_a_renewed_certificate() -> None:
    """It may come with a new key, to which the cache has to be sealed: at the next look, not the next day."""
    first, second = answer_with("a"), answer_with("a")
    first.certificate_end, second.certificate_end = 1e9, 2e9
    story = start()
    story.happens("opened", outcome())
    story.happens("fetched", first)
    assert sealed_as(story.later(11.0))
    story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
    for answer, again in ((A, False), (first, False), (second, True)):
        story.later(300)
        assert bool(sealed_as(story.happens("fetched", answer))) == again


def test_a_writer_that_hangs() -> None:
    """One warning; a look after an hour ends that writer and begins another."""
    story = from_cache()
    assert sealed_as(story.happens("fetched", A))
    story.later(120)
    assert story.lines[-1] == "the cache was not written within 2 min"
    assert sealed_as(story.happens("fetched", A)) == []
    story.later(HOUR)
    assert sealed_as(story.happens("fetched", A)) == [({"app": "a"}, {}, 0)]


def test_a_writer_that_hangs_at_the_end() -> None:
    """Nothing is due any more when secretenv has ended."""
    story = from_cache()
    story.happens("fetched", A)
    story.happens("exited", 0)
    assert story.life.due() is None


def test_a_writer_that_is_killed() -> None:
    """What was there still is, and the state says so."""
    story = from_cache()
    story.happens("fetched", A)
    story.happens("sealed", outcome(error=CacheError("ended without an answer")))
    assert story.life.snapshot()["cache"]["sealed_at"] == 5e8


# Bad versions.


def test_a_version_that_was_refused() -> None:
    """The old values are sealed with the refused version, once the command has survived them again."""
    story = from_cache()
    story.happens("fetched", B)
    story.happens("prepared", B)
    story.happens("exited", 0)
    story.happens("gone")
    story.happens("exited", 1)
    assert Spawn(answer=A) in story.happens("gone")
    assert sealed_as(story.later(11.0)) == [({"app": "a"}, {"app": "b"}, 0)]


def refusing(**given: Any) -> Story:
    """Return a story in which AWS has a version that the command refused before this start."""
    story = start(**given)
    story.happens("opened", outcome(cached(A, age=60.0, refused={"app": "b"}, why="exit status 1")))
    return story


def test_it_stays_refused_over_a_start() -> None:
    """It is not tried again."""
    story = refusing()
    assert story.happens("fetched", B) == [Spawn(answer=A)]
    assert story.told[-1].status == "running with app a; refused: the new version app b (exit status 1)"
    story.later(300)
    assert story.happens("fetched", B) == []
    assert story.life.snapshot()["refused"][0]["version"] == "b"


def test_it_stays_refused_after_a_start_at_once() -> None:
    """The same where the cache was used before AWS was asked."""
    held = cached(A, age=60.0, refused={"app": "b"}, why="exit status 1")
    story = from_cache(held)
    assert story.happens("fetched", B) == []
    assert story.told[-1].status == "running with app a; refused: the new version app b (exit status 1)"
    story.later(300)
    assert story.happens("fetched", C) == [Prepare(answer=C)]


def test_a_third_version_is_tried() -> None:
    """A still newer version is tried."""
    assert refusing().happens("fetched", C) == [Spawn(answer=C)]


def versions_of(app: str, other: str) -> Answer:
    """Return an answer with these versions of two secrets."""
    answer = answer_with(app)
    answer.versions["other"] = other
    return answer


@pytest.mark.parametrize("validate", [(), ("check",)], ids=["trial", "validate"])
def test_it_stays_refused_when_another_secret_changes(validate: tuple[str, ...]) -> None:
    """The start is with the values of the cache, and the news are tried from there: a start alone tries nothing."""
    old, new = versions_of("a", "1"), versions_of("b", "2")
    story = start(validate=validate)
    story.happens("opened", outcome(cached(old, age=60.0, refused={"app": "b"}, why="exit status 1")))
    assert story.happens("fetched", new) == [Spawn(answer=old)]
    assert story.later(0) == [StartFetch()]
    assert story.happens("fetched", new) == [Prepare(answer=new)]
    if validate:
        assert story.happens("prepared", new) == [Validate(answer=new)]
        return
    story.happens("prepared", new)
    story.happens("exited", 0)
    assert story.happens("gone") == [Spawn(answer=new)]
    assert sealed_as(story.happens("exited", 1)) == []
    assert story.happens("gone") == [Spawn(answer=old)]
    assert sealed_as(story.later(11)) == [(old.versions, {"app": "b", "other": "2"}, 0)]


def test_another_secret_changes_where_nothing_is_tried() -> None:
    """With --once nobody would look again: the newest values are used."""
    new = versions_of("b", "2")
    story = start(once=True)
    story.happens("opened", outcome(cached(versions_of("a", "1"), refused={"app": "b"}, why="exit status 1")))
    assert story.happens("fetched", new)[-1] == Exec(answer=new)


def test_both_versions_kill() -> None:
    """Where the command does not survive the old values either, the next start tries the new ones."""
    story = refusing()
    story.happens("fetched", B)
    actions = story.happens("exited", 1)
    assert sealed_as(actions) == [({"app": "a"}, {}, 0)]
    assert actions[-1] == ended(1)


# Revocation.


def test_one_refusal_marks() -> None:
    """The first refusal marks the file: it is not used at once any more, but still where AWS cannot be reached."""
    story = from_cache()
    assert sealed_as(story.happens("failed", DENIED)) == [({"app": "a"}, {}, 1)]
    story = start(cache_after=0.0)
    marked = cached(A, denied=60.0, denials=1)
    assert story.happens("opened", outcome(marked)) == [StartFetch()]
    story.happens("failed", TRANSIENT)
    assert Spawn(answer=A) in story.later(10.0)


def test_a_refusal_at_the_start_marks() -> None:
    """At the start too."""
    story = start()
    story.happens("opened", outcome(cached(A)))
    assert sealed_as(story.happens("failed", DENIED)) == [({"app": "a"}, {}, 1)]


def test_refusals_that_come_and_go() -> None:
    """A policy that flaps does not wear out the flash: the mark is written and removed eight times a day at most."""
    story = from_cache(cached(A, age=60.0))
    story.happens("fetched", A)
    writes = 0
    for number in range(576):
        story.later(300)
        actions = story.happens("failed", DENIED) if number % 2 else story.happens("fetched", A)
        if sealed_as(actions):
            writes += 1
            story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
    assert writes <= 2 * 8 + 3


def test_a_success_removes_the_mark() -> None:
    """Any success removes the mark."""
    story = start()
    story.happens("opened", outcome(cached(A, age=60.0, denied=60.0, denials=2)))
    story.happens("fetched", A)
    assert sealed_as(story.later(11.0)) == [({"app": "a"}, {}, 0)]


def removed() -> Story:
    """Return a story in which AWS has refused for an hour, so that the file was removed."""
    story = from_cache()
    began = story.now
    dropped: list[Any] = []
    while not dropped and story.now - began < 2 * HOUR:
        if story.life._refresh.fetching:  # noqa: SLF001
            actions = story.happens("failed", DENIED)
            if any(isinstance(action, SealCache | DropCache) for action in actions):
                story.happens("sealed", Outcome(known=None, sealed_at=1.0, error=None))
            dropped += [action for action in actions if isinstance(action, DropCache)]
        story.later(60.0)
    assert dropped
    assert HOUR <= story.now - began <= HOUR + 600
    return story


def test_refused_for_an_hour() -> None:
    """After an hour of refusals in three looks the file is removed; the command runs on."""
    story = removed()
    assert any("the cache is removed" in line for line in story.lines)
    assert not story.life.ended
    story.later(300)
    assert not any(isinstance(action, SealCache | DropCache) for action in story.happens("failed", DENIED))


def test_no_longer_refused() -> None:
    """When AWS confirms the values again there is a file again: the refusals were an operator's mistake."""
    story = removed()
    story.later(300)
    assert sealed_as(story.happens("fetched", A)) == [({"app": "a"}, {}, 0)]


def test_no_longer_refused_with_other_values() -> None:
    """New values get into it as always."""
    story = removed()
    story.later(300)
    assert story.happens("fetched", B) == [Prepare(answer=B)]
    story.happens("prepared", B)
    story.happens("exited", 0)
    story.happens("gone")
    assert sealed_as(story.later(11)) == [({"app": "b"}, {}, 0)]


def test_refused_for_an_hour_over_starts() -> None:
    """Starts do not stop the hour: what the file says counts."""
    story = start()
    story.happens("opened", outcome(cached(A, denied=HOUR, denials=2)))
    actions = story.happens("failed", DENIED)
    assert DropCache() in actions
    assert actions[-1] == End(status=125, error=DENIED)


def test_two_refusals_in_an_hour() -> None:
    """Two looks are not enough."""
    story = start()
    story.happens("opened", outcome(cached(A, denied=HOUR, denials=1)))
    assert DropCache() not in story.happens("failed", DENIED)


def test_a_network_in_between_is_no_refusal() -> None:
    """Errors on the way, and those of this device's own files, mark nothing."""
    story = from_cache()
    for error in (TRANSIENT, NOT_TRUSTED, EXPIRED, SecretError("x", link="file")):
        assert sealed_as(story.happens("failed", error)) == []


def test_stop_keeps_what_it_has() -> None:
    """A shutdown before the values are proven seals nothing."""
    story = start()
    story.happens("opened", outcome())
    story.happens("fetched", A)
    story.happens("signalled", signal.SIGTERM, SENT)
    assert sealed_as(story.later(60)) == []
    assert Stop not in [type(action) for action in story.happens("exited", -15)]
