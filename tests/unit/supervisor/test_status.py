"""The status that a run keeps: what is in it, since when, and when it is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.cli.status.fields import parsed
from secretenv.settings import MISSING
from secretenv.supervisor.actions import Spawn
from secretenv.supervisor.status import NAME, Status
from tests.unit.fetcher.secrets import secret
from tests.unit.supervisor.stories import PERMANENT, TRANSIENT, A, B, Story, answer_with, cleaning, running, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretenv.settings import Secret


class Kept:
    """A status, and what is in its memfd."""

    def __init__(self, *secrets: Secret) -> None:
        self.status = Status(settings(secrets=secrets or (secret("app"),)), 900.0)
        (self._number,) = [name for name in os.listdir("/proc/self/fd") if self._is_one(name)]  # noqa: PTH208

    @staticmethod
    def _is_one(name: str) -> bool:
        try:
            return NAME in os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except OSError:
            return False

    def after(self, story: Story) -> dict[str, Any]:
        """Return the status after a story."""
        self.status.update(story.life.snapshot(), story.now)
        text = Path(f"/proc/self/fd/{self._number}").read_bytes()
        parsed(text)
        found: dict[str, Any] = json.loads(text)
        return found

    def close(self) -> None:
        """Let go of the memfd."""
        os.close(int(self._number))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Return a status of a run with the secret `app`."""
    made = Kept()
    yield made
    made.close()


def test_it_is_written_when_something_changes(kept: Kept) -> None:
    """Time alone writes nothing: a device that idles costs nothing."""
    story = running()
    first = kept.after(story)
    story.later(100)
    assert kept.after(story) == first
    story.later(200)
    assert kept.after(story)["next_look"] is None


def test_since_when(kept: Kept) -> None:
    """The phase is as old as the start of the command, and a version as old as its first start."""
    story = running()
    first = kept.after(story)
    assert (first["phase"], first["since"], first["restarts"]) == ("running", 1000.0, 0)
    story.later(300)
    story.happens("failed", TRANSIENT)
    failing = kept.after(story)
    assert (failing["since"], failing["looked_at"]) == (1000.0, 1000.0)
    assert failing["failing"] == {"since": 1300.0, "link": "connection", "message": "no answer", "hint": ""}
    story.later(1000)
    story.happens("fetched", B)
    story.happens("prepared", B)
    stopping = kept.after(story)
    assert (stopping["phase"], stopping["since"], stopping["failing"]) == ("stopping", 2300.0, None)
    assert [(each["version"], each["since"], each["newest"]) for each in stopping["secrets"]] == [("a", 1000.0, "b")]
    story.happens("exited", 0)
    story.later(1)
    assert story.happens("gone") == [Spawn(answer=B)]
    restarted = kept.after(story)
    assert (restarted["since"], restarted["restarts"], restarted["trial_until"]) == (2301.0, 1, 2311.0)
    assert [(each["version"], each["since"], each["newest"]) for each in restarted["secrets"]] == [("b", 2301.0, "")]


def test_a_refused_version(kept: Kept) -> None:
    """It is there until something else comes, with the reason; the old values are not on trial."""
    story = cleaning()
    story.happens("gone")
    story.later(1)
    story.happens("exited", 3)
    story.happens("gone")
    found = kept.after(story)
    assert found["refused"] == [{"secret": "app", "version": "b", "since": story.now, "why": "exit status 3"}]
    assert [(each["version"], each["newest"]) for each in found["secrets"]] == [("a", "b")]
    assert (found["restarts"], found["trial_until"]) == (2, None)


def test_before_the_first_start(kept: Kept) -> None:
    """There is no version yet."""
    story = Story()
    story.happens("failed", TRANSIENT)
    found = kept.after(story)
    assert (found["phase"], found["looked_at"], found["restarts"]) == ("waiting", None, 0)
    assert [(each["version"], each["since"]) for each in found["secrets"]] == [("", None)]
    assert found["failing"]["since"] == 1000.0


def test_a_shutdown(kept: Kept) -> None:
    """The signal that began it is named."""
    story = running()
    story.signal("TERM")
    assert kept.after(story)["shutdown"] == "TERM"


def test_a_file_has_no_version() -> None:
    """The version of a file is a hash, which would help to guess a short secret."""
    kept = Kept(secret("file:///a"))
    story = Story()
    answer = answer_with("x")
    answer.versions = {"file:///a": "0123456789abcdef"}
    story.happens("fetched", answer)
    found = kept.after(story)
    kept.close()
    assert "0123456789abcdef" not in json.dumps(found)
    assert [(each["version"], each["source"], each["since"]) for each in found["secrets"]] == [("", "file", 1000.0)]


def test_a_secret_that_does_not_exist(kept: Kept) -> None:
    """A missing optional secret has no version, and is missing since the start."""
    story = Story()
    answer = answer_with(MISSING)
    story.happens("fetched", answer)
    assert [(each["version"], each["since"]) for each in kept.after(story)["secrets"]] == [("", 1000.0)]


def test_a_refusal_by_aws(kept: Kept) -> None:
    """A permanent failure has its link, by which monitoring tells it from an outage."""
    story = running()
    assert kept.after(story)["failing"] is None
    story.later(300)
    story.happens("failed", PERMANENT)
    assert kept.after(story)["failing"]["link"] == "policy"
    assert story.life.running is A
