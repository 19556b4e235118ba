"""What the fetcher writes; what it does as a process stands in the integration tests."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import FetcherError
from secretenv.fetcher.main import Output
from secretenv.protocol import Answer, last_step, read_answer

if TYPE_CHECKING:
    from pathlib import Path


def late() -> Answer:
    """Return an answer that is an error."""
    answer = Answer()
    answer.error = FetcherError("late")
    return answer


def test_nothing_follows_the_answer() -> None:
    """The answer is the last line, even if work that came too late goes on."""
    with tempfile.TemporaryFile() as file:
        output = Output(file.fileno())
        output.at("DNS", "host")
        output.answer(late())
        output.at("connection", "host:443")
        output.answer(Answer())
        file.seek(0)
        raw = file.read()
    assert [list(json.loads(line)) for line in raw.splitlines()] == [
        ["link", "at"],
        ["error", "warnings", "credentials", "certificate_end"],
    ]
    assert last_step(raw) == ("DNS", "host")
    error = read_answer(raw).error
    assert error is not None
    assert error.message == "late"


def test_a_lock_that_is_never_given_back(tmp_path: Path) -> None:
    """A thread that died of a lack of memory while it wrote a step does not keep the answer back."""
    path = tmp_path / "out"
    with path.open("wb") as file:
        output = Output(file.fileno())
        output.at("certificate", "a")
        output.lock.acquire()
        output.answer(Answer())
    assert [*json.loads(path.read_text().splitlines()[-1])] == ["answer", "warnings", "credentials", "certificate_end"]


@pytest.mark.parametrize(
    ("error", "ends"), [(MemoryError(), [0]), (ImportError("malloc failure"), [0]), (OSError(), [])]
)
def test_a_thread_without_memory(tmp_path: Path, error: BaseException, ends: list[int]) -> None:
    """It ends the process with an answer, as it may have left the lock of an import behind; another error does not."""
    ended: list[int] = []
    path = tmp_path / "out"
    with path.open("wb") as file:
        Output(file.fileno(), ended.append).starve(error)
    assert ended == ends
    if ends:
        found = read_answer(path.read_bytes()).error
        assert found is not None
        assert (found.message, found.transient) == ("the fetcher ran out of memory", True)
