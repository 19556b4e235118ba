"""The task that the supervisor gives to a fetcher, the answer that it gets, and the limits that both keep to.

A fetcher finds its task on standard input, one JSON document in the form of `Task`. It writes lines of JSON, the last
of which is the answer:

    {"link": "DNS", "at": "localhost:8443"}      before each step: the link of the chain that it is at
    {"answer": {"variables": {NAME: VALUE}, "files": {TARGET: [CONTENT, MODE]}, "origins": {NAME or TARGET: SECRET},
                "versions": {SECRET: VERSION}},
     "warnings": [...], "credentials": {...} or null, "certificate_end": SECONDS}
    {"error": {kind, message, hint, transient, link}, "warnings": [...], "credentials": ..., "certificate_end": ...}

A key of `versions` is `Secret.key`; the content of a file is in base64; `certificate_end` is in seconds since the
epoch, 0 where no certificate was read.
"""

from __future__ import annotations

import json
import signal

from secretenv.credentials import Credentials
from secretenv.errors import FetcherError, Message, SecretenvError
from secretenv.settings import Device, Secret
from secretenv.values import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

    from secretenv.settings import Settings

# A fetcher that is started with this signal blocked gets ready, and waits for the signal; its standard input is then a
# file that holds its task.
GO = signal.SIGUSR1

# Seconds within which a fetcher answers, if only that it gave up.
BUDGET = 25.0
# Seconds after which it is killed: a fetcher that has not given up by then hangs in the kernel or in libc.
FETCH_LIMIT = 30.0

LARGEST = 64 << 20  # bytes, far above what any environment holds; a fetcher gone wild must not fill the supervisor

NO_ANSWER = Message(
    FetcherError,
    "the fetcher ended without an answer: {end}",
    "check the network, and whether there is memory left: dmesg | tail",
    transient=True,
)
# It blames the link of that step.
NO_ANSWER_AT_STEP = Message(
    FetcherError,
    "the fetcher ended without an answer, at step {step}: {end}",
    NO_ANSWER.hint,
    transient=True,
)


class Task(Values):
    """The device, the secrets to read, and credentials to read them with if an earlier fetch left any."""

    device: Device
    secrets: tuple[Secret, ...]
    require: tuple[str, ...]  # variables that they have to give
    credentials: Credentials | None  # of an earlier fetch

    @classmethod
    def of(cls, settings: Settings, credentials: Credentials | None) -> Self:
        """Return the task of a run with these settings."""
        return cls(device=settings.device, secrets=settings.secrets, require=settings.require, credentials=credentials)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "device": self.device.to_json(),
            "secrets": [secret.to_json() for secret in self.secrets],
            "require": self.require,
            "credentials": self.credentials and self.credentials.to_json(),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the task that `to_json` gave, after a journey as JSON."""
        return cls(
            device=Device.from_json(fields["device"]),
            secrets=tuple(Secret.from_json(secret) for secret in fields["secrets"]),
            require=tuple(fields["require"]),
            credentials=_credentials(fields["credentials"]),
        )


class Answer:
    """The outcome of a fetch. Either `error` is set, or `variables`, `files`, `origins` and `versions` are."""

    __slots__ = ("certificate_end", "credentials", "error", "files", "origins", "variables", "versions", "warnings")

    def __init__(self) -> None:
        self.error: SecretenvError | None = None
        self.variables: dict[str, str] = {}
        self.files: dict[str, tuple[str, int]] = {}
        self.origins: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.warnings: list[str] = []
        self.credentials: Credentials | None = None  # to hand on to the next fetcher
        self.certificate_end = 0.0

    def __repr__(self) -> str:
        return f"Answer(error={self.error!r}, versions={self.versions!r})"

    def to_json(self) -> dict[str, Any]:
        """Return the last line that a fetcher writes, as JSON types."""
        outcome = {"answer": self.found()} if self.error is None else {"error": self.error.to_json()}
        credentials = self.credentials and self.credentials.to_json()
        rest = {"warnings": self.warnings, "credentials": credentials, "certificate_end": self.certificate_end}
        return {**outcome, **rest}

    def found(self) -> dict[str, Any]:
        """Return what was found, as JSON types."""
        return {name: getattr(self, name) for name in ("variables", "files", "origins", "versions")}

    def find(self, found: Mapping[str, Any]) -> None:
        """Take what `found` returned, after a journey as JSON; anything else may raise any exception."""
        self.variables = _texts(found["variables"])
        self.files = {str(target): (str(content), int(mode)) for target, (content, mode) in found["files"].items()}
        self.origins = _texts(found["origins"])
        self.versions = _texts(found["versions"])


def read_answer(raw: bytes, ended: str | SecretenvError = "it wrote none") -> Answer:
    """Return the answer that a fetcher left, or one with a FetcherError.

    Args:
        raw: all that it wrote.
        ended: the error if there is no answer; or, in words, how it ended: the error then blames the last step.
    """
    lines = raw.split(b"\n")[:-1] if len(raw) <= LARGEST else []
    try:
        return _parse(lines[-1])
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        answer = Answer()
        answer.error = ended if isinstance(ended, SecretenvError) else _unanswered(raw[:LARGEST], ended)
        return answer


def _unanswered(raw: bytes, ended: str) -> SecretenvError:
    """Return the error of a fetcher that left no answer."""
    link, at = last_step(raw)
    if not link:
        return NO_ANSWER(end=ended)
    error = NO_ANSWER_AT_STEP(step=f"{link} ({at})" if at else link, end=ended)
    blamed: Any = link
    error.link = blamed
    return error


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
    """Return the answer in a line; a line that holds none may raise any exception."""
    fields = json.loads(line)
    answer = Answer()
    if "error" in fields:
        answer.error = SecretenvError.from_json(fields["error"])
    else:
        answer.find(fields["answer"])
    answer.warnings = [str(warning) for warning in fields["warnings"]]
    answer.credentials = _credentials(fields["credentials"])
    answer.certificate_end = float(fields.get("certificate_end", 0))
    return answer


def _credentials(fields: Mapping[str, Any] | None) -> Credentials | None:
    return None if fields is None else Credentials.from_json(fields)


def _texts(fields: dict[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in fields.values()):
        raise TypeError("not texts")
    return fields
