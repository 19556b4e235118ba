"""The errors of secretenv and the exit statuses they lead to.

Every failure that a user can see is one `SecretenvError`: what failed and where, the next step, the link of the chain
that broke, and whether trying again can help. It leaves to others how an error is shown (log) and when it is tried
again (lifecycle). The supervisor imports this room, so it needs nothing but built-in types.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The statuses of `run`, as `timeout`, `env` and `docker run` use them.
FAILED = 125  # secretenv itself failed before or instead of the command
CANNOT_EXECUTE = 126
NOT_FOUND = 127
CHANGED = 75  # EX_TEMPFAIL of sysexits.h: stopped for a new version, start me again

# The link that AWS names when it gets more calls than it takes: of one caller, or of all in the account.
THROTTLED = "throttling"


class SecretenvError(Exception):
    """A failure in words for a user.

    Args:
        message: lower case, no final full stop: what failed, for which secret, file or endpoint. Never a value.
        hint: the next step, with the command to run where there is one.
        transient: whether the same attempt may succeed later with nothing mended on this side.
        link: the link of the chain that broke, where it differs from the class's own.
    """

    link = "secretenv"
    status = FAILED

    def __init__(self, message: str, *, hint: str = "", transient: bool = False, link: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transient = transient
        if link:
            self.link = link

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes: the fields of the fetcher's answer."""
        return {
            "kind": type(self).__name__,
            "message": self.message,
            "hint": self.hint,
            "transient": self.transient,
            "link": self.link,
        }

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> SecretenvError:
        """Return the error that another process described with `to_json`; an unknown kind is a plain error."""
        kinds = {kind.__name__: kind for kind in SecretenvError.__subclasses__()}
        kind = kinds.get(fields["kind"], SecretenvError)
        return kind(
            str(fields["message"]),
            hint=str(fields["hint"]),
            transient=bool(fields["transient"]),
            link=str(fields["link"]),
        )


def no_memory(error: BaseException) -> bool:
    """Tell whether it is one of the ways in which Python, OpenSSL and the loader say that there is no memory left."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == 12:  # noqa: PLR2004 - ENOMEM
        return True
    return any(words in str(error) for words in ("malloc failure", "failed to map segment", "can't start new thread"))


def place_of(error: BaseException) -> str:
    """Return the line of ours where an exception came from, ` at FILE:LINE`. Its text may hold a value."""
    here, place, trace = __file__.rpartition("/")[0] + "/", "", error.__traceback__
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(here):
            place = f" at {file.removeprefix(here)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


class SettingsError(SecretenvError):
    """A flag, variable or key of the settings file is missing or cannot be used."""

    link = "settings"


class CertificateError(SecretenvError):
    """The certificate, its key, the key's password or the trusted roots cannot be loaded or do not match."""

    link = "certificate"


class CredentialsError(SecretenvError):
    """The credentials provider could not be reached, or refused."""

    link = "endpoint"


class SecretError(SecretenvError):
    """Secrets Manager could not be reached, or refused, or the secret's file cannot be read."""

    link = "secret"


class ContentError(SecretenvError):
    """A secret was read, but cannot become environment variables."""

    link = "content"


class FetcherError(SecretenvError):
    """The fetcher ended without an answer: it was killed, hung, or wrote something else."""

    link = "fetcher"


class CommandError(SecretenvError):
    """The command cannot be started: it was found, but the system refuses it."""

    link = "command"
    status = CANNOT_EXECUTE


class CommandNotFoundError(SecretenvError):
    """There is no such command."""

    link = "command"
    status = NOT_FOUND
