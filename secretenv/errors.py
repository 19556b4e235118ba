"""The errors of secretenv, the links of the chain that they blame, and the exit statuses that they lead to.

Every failure that a user can see is one `SecretenvError`: what failed and where, the next step, the link that broke,
and whether trying again can help. The sentences themselves are in the `messages` module of each package. How an error
is shown is the business of `log` and `cli`; when a fetch is tried again, that of `schedule`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    # The chain from a user's words to the running command, in the order in which it is walked: `secretenv check` shows
    # these links, and docs/troubleshooting.md has a heading for each.
    Link = Literal[
        "settings",
        "certificate file", "key file", "key password", "roots file", "key", "key of another certificate",
        "certificate",
        "DNS", "proxy", "connection", "TLS", "endpoint", "clock",
        "throttling", "thing name", "policy", "role alias", "role", "credentials",
        "region", "signature", "secret", "KMS",
        "file", "content", "variables", "environment",
        "cache", "rotation", "command",
        "fetcher", "secretenv", "standard output", "status",
        "aws",
    ]  # fmt: skip

# The statuses of `run`, as `timeout`, `env` and `docker run` use them.
FAILED = 125  # secretenv itself failed before or instead of the command
CANNOT_EXECUTE = 126
NOT_FOUND = 127
USAGE = 2  # of the other commands: a command line or settings that cannot be used; typer's status too
CHANGED = 75  # EX_TEMPFAIL of sysexits.h: stopped for a new version, to be started again

# The link that is blamed where AWS gets more calls than it allows: from one caller, or from all in the account.
THROTTLED: Link = "throttling"


class SecretenvError(Exception):
    """A failure in words for a user.

    Args:
        message: lower case, no final full stop: what failed, for which secret, file or endpoint. Never a value.
        hint: the next step, with the command to run where there is one.
        transient: whether the same attempt may succeed later although nobody changes anything on this device.
        link: the link of the chain that broke, where it differs from the class's own.
    """

    link: Link = "secretenv"
    status = FAILED
    # Whether a failure of this kind may resolve itself while the command runs, though it is final before the start.
    renewable = False

    def __init__(self, message: str, *, hint: str = "", transient: bool = False, link: Link | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transient = transient
        if link:
            self.link = link

    def may_pass(self, *, running: bool) -> bool:
        """Tell whether trying again can help: the one place that decides about a retry.

        Args:
            running: whether the command runs, so that everything on this device has been right once.
        """
        return self.transient or (running and self.renewable)

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
        link: Any = str(fields["link"])
        return kind(str(fields["message"]), hint=str(fields["hint"]), transient=bool(fields["transient"]), link=link)


class Message:
    """One kind of failure in words: what `docs/troubleshooting.md` lists, and what makes its errors.

    Calling it with a value for each name in braces returns the error.

    Args:
        kind: the class of the error.
        text: the sentence; names in braces stand for what is put in, in words that a reader of the documents knows.
        hint: the next step, with names in braces as well.
        transient: see `SecretenvError`.
        link: the link that it blames, where it differs from the kind's.
    """

    __slots__ = ("hint", "kind", "link", "text", "transient")

    def __init__(
        self,
        kind: type[SecretenvError],
        text: str,
        hint: str = "",
        *,
        transient: bool = False,
        link: Link | None = None,
    ) -> None:
        self.kind = kind
        self.text = text
        self.hint = hint
        self.transient = transient
        self.link: Link = link or kind.link

    def __call__(self, **values: object) -> SecretenvError:
        """Return the error with these values put in."""
        return self.kind(
            self.text.format_map(values), hint=self.hint.format_map(values), transient=self.transient, link=self.link
        )


class SettingsError(SecretenvError):
    """A flag, variable or key of the settings file is missing or cannot be used."""

    link: Link = "settings"


class CertificateError(SecretenvError):
    """The certificate, its key, the key's password or the trusted roots cannot be loaded or do not match.

    While the command runs such a pair may be half renewed: it did load when the command was started.
    """

    link: Link = "certificate"
    renewable = True


class CredentialsError(SecretenvError):
    """The credentials provider could not be reached, or refused."""

    link: Link = "endpoint"


class SecretError(SecretenvError):
    """Secrets Manager could not be reached, or refused, or the secret's file cannot be read."""

    link: Link = "secret"


class ContentError(SecretenvError):
    """A secret was read, but cannot become environment variables."""

    link: Link = "content"


class FetcherError(SecretenvError):
    """The fetcher ended without an answer: it was killed, hung, or wrote something else."""

    link: Link = "fetcher"


class StatusError(SecretenvError):
    """`secretenv status` has no status to show."""

    link: Link = "status"


class CommandError(SecretenvError):
    """The command cannot be started: it was found, but the system refuses it."""

    link: Link = "command"
    status = CANNOT_EXECUTE


class CommandNotFoundError(SecretenvError):
    """There is no such command."""

    link: Link = "command"
    status = NOT_FOUND
