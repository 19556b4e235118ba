"""What the supervisor asks of the process that opens, seals and removes the cache, and what that process answers.

The cache holds the last known good answer of a fetch, sealed with the device's key; `secretenv.cache` is that process.
It finds its task on standard input, one JSON document in the form of `CacheTask`, and writes one JSON document in the
form of `Outcome`. Ages travel in place of times: only that process looks at the wall clock.

Loaded only with --cache.
"""

from __future__ import annotations

import json

from secretenv.errors import Message, SecretenvError
from secretenv.protocol import LARGEST, Answer
from secretenv.settings import Device
from secretenv.values import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, Self

    from secretenv.errors import Link
    from secretenv.settings import Settings

    Wish = Literal["open", "seal", "forget"]


class CacheError(SecretenvError):
    """The cache of the last known good values cannot be opened or sealed."""

    link: Link = "cache"


NO_OUTCOME = Message(
    CacheError,
    "the process that opens and seals the cache ended without an answer ({end})",
    "is there memory left? free; dmesg | tail",
)


class Known(Values):
    """The last known good answer, with what is to be remembered about it across restarts. Durations are in seconds."""

    answer: Answer
    refused: dict[str, str]  # the version of each secret that the command or --validate refused
    why: str  # why they were refused
    age: float | None  # since AWS last confirmed the answer; None: not known, as this clock cannot be trusted
    denied: float | None  # since AWS first refused it, if no fetch has succeeded since; None: AWS does not refuse
    denials: int  # how many fetches AWS has refused since

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {**self.__dict__, "answer": self.answer.found()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return what `to_json` gave, after a journey as JSON."""
        answer = Answer()
        answer.find(fields["answer"])
        return cls(**{**fields, "answer": answer})


class CacheTask(Values):
    """What to do with which file."""

    wish: Wish
    file: str
    device: Device
    belongs: dict[str, Any]  # the settings that the answer depends on: a cache for other settings is not used
    max_age: float  # seconds
    known: Known | None  # what to seal

    @classmethod
    def of(cls, wish: Wish, settings: Settings, known: Known | None = None) -> Self:
        """Return the task of a run with these settings."""
        return cls(
            wish=wish,
            file=settings.cache,
            device=settings.device,
            belongs=belongs(settings),
            max_age=settings.max_age,
            known=known,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {**self.__dict__, "device": self.device.to_json(), "known": self.known and self.known.to_json()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the task that `to_json` gave, after a journey as JSON."""
        known = fields["known"]
        return cls(
            **{
                **fields,
                "device": Device.from_json(fields["device"]),
                "known": known and Known.from_json(known),
            }
        )


def belongs(settings: Settings) -> dict[str, Any]:
    """Return the settings that an answer depends on, as JSON types.

    Certificates, ways to connect and fallback regions do not change the answer.
    """
    device = settings.device
    names = ("endpoint", "role_alias", "thing_name", "region", "secretsmanager_endpoint")
    return {
        **{name: getattr(device, name) for name in names},
        "require": list(settings.require),
        "secrets": [{**secret.to_json(), "fallback_region": []} for secret in settings.secrets],
    }


class Outcome(Values):
    """What came of a task."""

    known: Known | None  # what was in the file; None: nothing that can be used
    sealed_at: float  # when the file was sealed, in seconds since the epoch; 0: there is no file
    error: SecretenvError | None  # why it cannot be used, or was not written; None where there was no file to open

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "known": self.known and self.known.to_json(),
            "sealed_at": self.sealed_at,
            "error": self.error and self.error.to_json(),
        }


def outcome_of(error: SecretenvError) -> Outcome:
    """Return the outcome of a task of which nothing but an error is known."""
    return Outcome(known=None, sealed_at=0.0, error=error)


def read_outcome(raw: bytes, end: str) -> Outcome:
    """Return the outcome that the process wrote, or one with an error that says how the process ended.

    Args:
        raw: all that it wrote.
        end: how it ended, in words.
    """
    try:
        fields = json.loads(raw if len(raw) <= LARGEST else b"")
        known, error = fields["known"], fields["error"]
        return Outcome(
            known=known and Known.from_json(known),
            sealed_at=float(fields["sealed_at"]),
            error=error and SecretenvError.from_json(error),
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return outcome_of(NO_OUTCOME(end=end))
