"""Which versions are believed, with several secrets and at the limits of time; histories are in `test_lifecycle`."""

from __future__ import annotations

import pytest

from secretenv.supervisor.actions import Prepare, Spawn, StartFetch
from secretenv.supervisor.versions import Versions
from tests.unit.supervisor.stories import A, B, cleaning, running


def left(*moments: tuple[str, float]) -> Versions:
    """Return a memory in which each of these secrets left version a for b at its moment."""
    versions = Versions()
    current = {secret: "a" for secret, _ in moments}
    versions.accept(current, 0.0)
    for secret, moment in moments:
        current[secret] = "b"
        versions.accept(current, moment)
    return versions


@pytest.mark.parametrize(("now", "doubted"), [(159.9, True), (160.0, False)])
def test_how_long_a_version_counts_as_just_left(now: float, *, doubted: bool) -> None:
    """A version that was left less than 60 s ago is to be seen twice; later a return is a change like any other."""
    changed, again = left(("one", 100.0)).changes({"one": "a"}, now)
    assert changed == [("one", "a")]
    assert again == (now + 10.0 if doubted else None)


@pytest.mark.parametrize(("now", "again"), [(119.9, 120.0), (120.0, None)])
def test_how_long_a_second_look_is_waited_for(now: float, again: float | None) -> None:
    """The second look counts 10 s after the first, not earlier: a refresh signal may look at any time."""
    versions = left(("one", 100.0))
    versions.changes({"one": "a"}, 110.0)
    assert versions.changes({"one": "a"}, now) == ([("one", "a")], again)


def test_the_second_look_is_each_versions_own() -> None:
    """Two secrets that go back at different times: the second is believed after its own 10 s, and both then."""
    versions = left(("one", 100.0), ("two", 100.0))
    assert versions.changes({"one": "a", "two": "b"}, 110.0) == ([("one", "a")], 120.0)
    both = {"one": "a", "two": "a"}
    assert versions.changes(both, 115.0) == (sorted(both.items()), 125.0)
    assert versions.changes(both, 120.0) == (sorted(both.items()), 125.0)
    assert versions.changes(both, 125.0) == (sorted(both.items()), None)


def test_a_new_version_beside_a_doubted_one_waits_with_it() -> None:
    """What is new comes with what is doubted, in one restart; where the doubted one vanishes it comes alone."""
    versions = left(("one", 100.0), ("two", 100.0))
    assert versions.changes({"one": "a", "two": "c"}, 110.0) == ([("one", "a")], 120.0)
    assert versions.changes({"one": "b", "two": "c"}, 112.0) == ([("two", "c")], None)


def test_what_was_taken_back_is_found_again() -> None:
    """A version that could not be started changes again at the next look, and is believed without a second one."""
    versions = left(("one", 100.0))
    versions.take_back({"one": "a"})
    assert versions.changes({"one": "b"}, 101.0) == ([("one", "b")], None)


# What the command sees of it


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
    assert sum("checking again" in line for line in story.lines) == 2, "each doubt is said once"


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
