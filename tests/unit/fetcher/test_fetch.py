"""The chain of a fetch as far as it needs neither network nor AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from secretenv.credentials import Credentials
from secretenv.errors import ContentError, SecretError
from secretenv.fetcher.fetch import Fetch
from secretenv.protocol import Answer, Task

from .secrets import device, secret

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.errors import Link

OLD = Credentials(access_key_id="ASIA", secret_access_key="s", session_token="t", expiration=2e9, obtained=1.9e9)


def fetched(*ids: str) -> tuple[Answer, list[tuple[Link, str]]]:
    """Return the answer to a task of these secrets, and the steps on the way."""
    answer, steps = Answer(), list[tuple["Link", str]]()
    task = Task(device=device(), secrets=tuple(secret(each) for each in ids), require=(), credentials=OLD)
    Fetch(task, answer, lambda link, where: steps.append((link, where))).run()
    return answer, steps


def test_files(tmp_path: Path) -> None:
    """Files alone need no exchange; the later secret wins, and the credentials are handed on as they came."""
    ids = []
    for name in ("one", "two"):
        path = tmp_path / name
        path.write_text(json.dumps({"BOTH": name, name.upper(): "1"}))
        ids.append(f"file://{path}")
    answer, steps = fetched(*ids)
    assert answer.variables == {"BOTH": "two", "ONE": "1", "TWO": "1"}
    assert answer.origins == {"BOTH": ids[1], "ONE": ids[0], "TWO": ids[1]}
    assert answer.versions.keys() == set(ids)
    assert len(answer.warnings) == 1
    assert answer.credentials == OLD
    assert steps == [("file", ids[0]), ("file", ids[1]), ("content", "")]


def test_a_secret_given_twice_is_read_once(tmp_path: Path) -> None:
    """One id is one reading, however many variables are made of it."""
    path = tmp_path / "secret"
    path.write_text("{}")
    _, steps = fetched(f"file://{path}", f"file://{path}")
    assert [link for link, _ in steps] == ["file", "content"]


def test_a_failed_fetch_leaves_no_variables(tmp_path: Path) -> None:
    """A secret that cannot be read, or that cannot become variables, fails the fetch as a whole."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text('{"A": "1"}')
    with pytest.raises(SecretError):
        fetched(f"file://{good}", f"file://{bad}")
    bad.write_text("[]")
    with pytest.raises(ContentError):
        fetched(f"file://{good}", f"file://{bad}")
