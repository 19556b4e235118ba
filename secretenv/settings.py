"""What a run was asked to do: values only, frozen, and able to travel to another process as JSON.

Where they come from and whether they are right is the business of `config`.
"""

from __future__ import annotations

from secretenv.values import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

# What a secret's id begins with where it is a file.
FILE_SCHEME = "file://"
# The staging label of the version that AWS returns when none is asked for.
DEFAULT_STAGE = "AWSCURRENT"
# In place of a version's id: the optional secret does not exist.
MISSING = ""


# In a file's target: it is a path. Without it, the variable that gets the path of a file in a private folder.
PATH_MARK = "/"


class Device(Values):
    """Who the device is to AWS, and where to ask. Paths are absolute; what is not set is an empty string."""

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
    keys: tuple[tuple[str, str], ...]  # only these keys, each with its variable (empty: of its own name); empty: all
    files: tuple[tuple[str, str], ...]  # keys to write to files (empty: the whole secret), each with its file's target
    file_mode: int  # of these files
    optional: bool  # whether it may be missing
    version_stage: str
    fallback_region: tuple[str, ...]  # regions with replicas, read in this order where its own does not answer
    prefix: str
    upcase: bool
    sanitize: bool
    only: tuple[str, ...]  # globs; empty means all keys
    except_: tuple[str, ...]

    @property
    def in_variables(self) -> bool:
        """Whether it becomes variables: one with files only does not."""
        return bool(self.name or self.keys or not self.files)

    @property
    def local(self) -> bool:
        """Whether it is a file, so that AWS is not asked."""
        return self.id.startswith(FILE_SCHEME)

    @property
    def key(self) -> str:
        """What its version is known by: one id may be asked for with two staging labels."""
        return self.id if self.version_stage == DEFAULT_STAGE else f"{self.id} ({self.version_stage})"


class Settings(Values):
    """Everything `run` needs to know. Durations are in seconds, signals are numbers."""

    device: Device
    secrets: tuple[Secret, ...]
    require: tuple[str, ...]  # variables that the secrets have to give
    command: tuple[str, ...]
    files_on_disk: bool  # whether secret files may be on a file system that is not in memory
    pristine: bool
    keep: tuple[str, ...]  # globs of inherited variables
    drop: tuple[str, ...]
    prefer_inherited: tuple[str, ...]  # globs of inherited variables that no secret replaces
    interval: float
    once: bool
    on_change: str | int  # restart, exit, ignore, or a signal to send
    restart_on: str  # version, or values
    validate: tuple[str, ...]  # a program and its arguments, which tries new values; empty: none
    splay: float
    kill_signal: int
    kill_timeout: float
    trial: float  # 0: none
    signal_group: bool
    refresh_signal: int  # 0: none
    start_timeout: float
    cache: str  # the file with the last known good values; empty: none
    cache_after: float  # how long the first fetch may take before these are used; 0: they are used at once
    max_age: float  # how old they may be
    status_file: str
    sd_notify: str  # wrapper, command or off
    log_level: str
    log_format: str
    warnings: tuple[str, ...]  # what was noticed while reading them

    @property
    def validates(self) -> bool:
        """Whether a program tries new values: only where something is done about them."""
        return bool(self.validate) and not self.once and self.on_change != "ignore"

    @property
    def files(self) -> bool:
        """Whether a secret is written to a file."""
        return any(secret.files for secret in self.secrets)

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
                **{
                    name: tuple(fields[name])
                    for name in ("require", "command", "keep", "drop", "prefer_inherited", "validate", "warnings")
                },
            }
        )
