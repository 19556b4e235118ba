"""What a fetcher waits for, what it writes and how the supervisor reads it: lines of JSON, the last one the answer.

    {"link": "DNS", "at": "localhost:8443"}      before each step: the link of the chain that it is at
    {"answer": {"variables": {NAME: VALUE}, "origins": {NAME: SECRET}, "versions": {SECRET: VERSION}},
     "warnings": [...], "credentials": {...} or null}
    {"error": {kind, message, hint, transient, link}, "warnings": [...], "credentials": {...} or null}

The supervisor imports this room, so it needs nothing but `json`. A key of `versions` is the secret's id, with
` (STAGE)` behind it for another stage than AWSCURRENT.
"""

from __future__ import annotations

import json
import signal

from secretenv.errors import FetcherError, SecretenvError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A fetcher that is started with this signal blocked waits for it, and for a task in the file that its standard input is
# then; meanwhile it gets ready.
GO = signal.SIGUSR1

LARGEST = 64 << 20  # far above what any environment holds; a fetcher gone wild must not fill the supervisor


class Answer:
    """What became of a fetch. Either `error` is set, or `variables`, `origins` and `versions` are what was found."""

    __slots__ = ("credentials", "error", "origins", "variables", "versions", "warnings")

    def __init__(self) -> None:
        self.error: SecretenvError | None = None
        self.variables: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.warnings: list[str] = []
        self.credentials: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Answer(error={self.error!r}, versions={self.versions!r})"


def read_answer(raw: bytes, ended: str = "") -> Answer:
    """Return the answer that a fetcher left, or one with a FetcherError that blames the step it had come to.

    Args:
        raw: all that it wrote.
        ended: how it ended, for the message of that error: "signal 9", "status 3".
    """
    lines = raw.split(b"\n")[:-1] if len(raw) <= LARGEST else []
    try:
        return _parse(lines[-1])
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        answer = Answer()
        link, at = last_step(raw[:LARGEST])
        place = f" at the step {link}" + (f" ({at})" if at else "") if link else ""
        answer.error = FetcherError(
            f"the fetcher ended without an answer{place}" + (f": {ended}" if ended else ""),
            hint="check the network, and whether there is memory left: dmesg | tail",
            transient=True,
            link=link,
        )
        return answer


def last_step(raw: bytes) -> tuple[str, str]:
    """Return the link of the last step that was written and where it was, or two empty strings."""
    for line in reversed(raw.split(b"\n")[:-1]):
        try:
            step = json.loads(line)
            return str(step["link"]), str(step["at"])
        except (KeyError, TypeError, ValueError, RecursionError):
            continue
    return "", ""


def _parse(line: bytes) -> Answer:
    """Return the answer in a line, or raise what a line that is none leads to."""
    fields = json.loads(line)
    answer = Answer()
    if "error" in fields:
        answer.error = SecretenvError.from_json(fields["error"])
    else:
        found = fields["answer"]
        answer.variables = _texts(found["variables"])
        answer.origins = _texts(found["origins"])
        answer.versions = _texts(found["versions"])
    answer.warnings = [str(warning) for warning in fields["warnings"]]
    answer.credentials = None if fields["credentials"] is None else dict(fields["credentials"])
    return answer


def _texts(fields: dict[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in fields.values()):
        raise TypeError("not texts")
    return fields
