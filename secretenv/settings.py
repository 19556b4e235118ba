"""What a run was asked to do: values only, frozen, and able to travel to another process as JSON.

Where they come from and whether they are right is the business of `config`. The supervisor imports this room:
dataclasses would cost it 1.5 MiB that stay resident, so `Values` does the little that is needed of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self, dataclass_transform
else:

    def dataclass_transform(**_):  # noqa: ANN003, ANN201, D103
        return lambda cls: cls


# What a secret's id begins with where it is a file.
FILE_SCHEME = "file://"


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Values:
    """A frozen record with the annotated fields of its class, all given by keyword, compared by value."""

    def __init__(self, **values: Any) -> None:
        fields = type(self).fields()
        if values.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}; got {', '.join(values)}")
        self.__dict__.update(values)

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """Return the names of the fields, in the order of the class body."""
        return tuple(cls.__annotations__)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.__dict__.items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the values that `to_json` of this class gave, after a journey as JSON."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


class Device(Values):
    """Who we are to AWS and where to ask. Paths are absolute; what is not set is an empty string."""

    cert: str
    key: str
    key_password_file: str
    ca: str
    endpoint: str  # HOST or HOST:PORT
    role_alias: str
    thing_name: str
    region: str
    secretsmanager_endpoint: str  # a URL, or empty for AWS's own
    batch: bool  # read with BatchGetSecretValue


class Secret(Values):
    """One secret to read, and how its keys become variables."""

    id: str  # a name, an ARN, or file://PATH
    name: str  # the variable that takes the whole secret; empty: the keys of its JSON become variables
    version_stage: str
    prefix: str
    upcase: bool
    sanitize: bool
    only: tuple[str, ...]  # globs; empty means all keys
    except_: tuple[str, ...]


class Settings(Values):
    """Everything `run` needs to know. Durations are in seconds, signals are numbers."""

    device: Device
    secrets: tuple[Secret, ...]
    command: tuple[str, ...]
    pristine: bool
    keep: tuple[str, ...]  # globs of inherited variables
    drop: tuple[str, ...]
    interval: float
    once: bool
    on_change: str | int  # restart, exit, ignore, or a signal to send
    splay: float
    kill_signal: int
    kill_timeout: float
    signal_group: bool
    refresh_signal: int  # 0: none
    start_timeout: float
    sd_notify: str  # wrapper, command or off
    log_level: str
    log_format: str
    warnings: tuple[str, ...]  # what was noticed while reading them

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            **self.__dict__,
            "device": self.device.to_json(),
            "secrets": [secret.to_json() for secret in self.secrets],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Return the settings that `to_json` gave, after a journey as JSON."""
        return cls(
            **{
                **fields,
                "device": Device.from_json(fields["device"]),
                "secrets": tuple(Secret.from_json(secret) for secret in fields["secrets"]),
                **{name: tuple(fields[name]) for name in ("command", "keep", "drop", "warnings")},
            }
        )
