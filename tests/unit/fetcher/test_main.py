"""What the fetcher writes; what it does as a process stands in the integration tests."""

from __future__ import annotations

import json
import tempfile

from secretenv.errors import FetcherError
from secretenv.fetcher.main import Output
from secretenv.protocol import Answer, last_step, read_answer


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
        ["error", "warnings", "credentials"],
    ]
    assert last_step(raw) == ("DNS", "host")
    error = read_answer(raw).error
    assert error is not None
    assert error.message == "late"
