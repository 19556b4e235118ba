"""Every option of `run`, stated once: flag, variable, key of the settings file, default, parser, help.

The command line, the variables, the documents and the tests derive from `OPTIONS`. Merging the sources is the
business of `config`; what the values mean, that of the rooms that use them.
"""

from __future__ import annotations

import difflib
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "SECRETENV_"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

# What only the kernel may do, and what the supervisor itself lives by.
_NOT_SENDABLE = {"SIGKILL", "SIGSTOP", "SIGCHLD"}


def duration(text: str) -> float:
    """Return the seconds that `500ms`, `90`, `90s`, `5m` or `1h30m` stand for.

    Raises:
        SettingsError: it is none of these.
    """
    word = text.strip().lower()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", word):
        return float(word)
    parts = _DURATION.findall(word)
    if not parts or "".join(number + unit for number, unit in parts) != word:
        raise SettingsError(f"not a duration: {text!r}", hint="write for example 500ms, 90s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def interval(text: str) -> float:
    """Return a duration that is not zero: a check that follows itself at once would be a flood."""
    seconds = duration(text)
    if seconds <= 0:
        raise SettingsError(f"an interval must be longer than nothing: {text!r}", hint="write for example 5m")
    return seconds


def boolean(text: str) -> bool:
    """Return what `1/true/yes/on` or `0/false/no/off` stand for.

    Raises:
        SettingsError: it is none of these.
    """
    word = text.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise SettingsError(f"neither yes nor no: {text!r}", hint="write one of 1, true, yes, on, 0, false, no, off")


def signal_names() -> list[str]:
    """Return the names that `signal_number` takes, without SIG, in the order of their numbers."""
    numbers = sorted(set(signal.Signals))
    return [number.name.removeprefix("SIG") for number in numbers if number.name not in _NOT_SENDABLE]


def signal_number(text: str) -> int:
    """Return the number of a signal given as `TERM`, `SIGTERM`, `term`, `RTMIN+3` or `15`.

    Raises:
        SettingsError: there is no such signal, or it cannot be caught or sent on.
    """
    word = text.strip().upper().removeprefix("SIG")
    relative = re.fullmatch(r"RT(MIN|MAX)([+-]\d+)?", word)
    if relative:
        number = int(signal.SIGRTMIN if relative[1] == "MIN" else signal.SIGRTMAX) + int(relative[2] or 0)
    elif word.isdecimal():
        number = int(word)
    else:
        number = int(getattr(signal, f"SIG{word}", 0)) if word in signal_names() else 0
    forbidden = {int(getattr(signal, name)) for name in _NOT_SENDABLE}
    if number in signal.valid_signals() and number not in forbidden:
        return number
    raise SettingsError(f"not a signal to use here: {text!r}", hint=f"one of {' '.join(signal_names())}, or a number")


def kill_signal(text: str) -> int:
    """Return a signal number; to stop a command KILL is allowed as well."""
    if text.strip().upper().removeprefix("SIG") in {"KILL", "9"}:
        return int(signal.SIGKILL)
    return signal_number(text)


def optional_signal(text: str) -> int:
    """Return a signal number, or 0 for `none`."""
    return 0 if text.strip().lower() == "none" else signal_number(text)


def on_change(text: str) -> str | int:
    """Return `restart`, `exit`, `ignore` or the number of the signal to send."""
    word = text.strip().lower()
    if word in {"restart", "exit", "ignore"}:
        return word
    try:
        return signal_number(text)
    except SettingsError as error:
        raise SettingsError(
            f"not something to do on a change: {text!r}",
            hint=f"restart, exit, ignore, or a signal: {error.hint}",
        ) from None


def choice(*words: str) -> Callable[[str], str]:
    """Return a parser that takes one of `words`."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word in words:
            return word
        near = difflib.get_close_matches(word, words, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(f"not one of the words for this: {text!r}", hint=f"{meant}one of {', '.join(words)}")

    return parse


def endpoint(text: str) -> str:
    """Return `HOST` or `HOST:PORT` from that or from a URL; IPv6 addresses stay in brackets.

    Raises:
        SettingsError: it is neither, or asks for plain HTTP.
    """
    hint = "give HOST or HOST:PORT, as `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints it"
    word = text.strip()
    if "://" in word and not word.lower().startswith("https://"):
        raise SettingsError(f"the endpoint must be reached by https: {text!r}", hint=hint)
    try:
        parts = urlsplit(word if "://" in word else f"https://{word}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(f"not an endpoint: {text!r}", hint=hint)
    if re.search(r"[\s\x00-\x1f]", host):
        raise SettingsError(f"not an endpoint: {text!r}", hint=hint)
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def role_alias(text: str) -> str:
    r"""Return the name of a role alias: 1 to 128 of `[\w=,@-]` (botocore's model of IoT, RoleAlias)."""
    return _name(text, r"[\w=,@-]{1,128}", "a role alias", "1 to 128 letters, digits and _ = , @ -")


def thing_name(text: str) -> str:
    """Return the name of a thing: 1 to 128 of `[a-zA-Z0-9:_-]` (botocore's model of IoT, ThingName)."""
    return _name(text, r"[a-zA-Z0-9:_-]{1,128}", "a thing name", "1 to 128 letters, digits and : _ -")


def region(text: str) -> str:
    """Return the name of a region; botocore would put anything into a host name."""
    return _name(text, r"[a-z]{2,}(-[a-z0-9]+)+", "a region", "for example eu-west-1")


def _name(text: str, pattern: str, what: str, example: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise SettingsError(f"not {what}: {text!r}", hint=example)
    return text


def text(value: str) -> str:
    """Return the value as it is: names that only AWS can judge, and paths."""
    return value


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        name: as on the command line, without the dashes.
        section: `device`, `run`, or `secret` for what a single secret can override.
        metavar: what stands for its value in the help; empty for a flag.
        default: as a user would write it; empty where there is none.
        parse: from a user's text to the value. Raises SettingsError.
        repeatable: given several times on the command line, blank-separated in the variable.
        path: a file's path, made absolute.
        also: further variables that are read, in this order, after the option's own.
    """

    name: str
    section: Literal["device", "secret", "run"]
    help: str
    metavar: str = ""
    default: str = ""
    parse: Callable[[str], Any] = text
    repeatable: bool = False
    path: bool = False
    also: tuple[str, ...] = ()
    default_note: str = ""

    @property
    def flag(self) -> bool:
        """Whether it is on or off and takes no value."""
        return not self.metavar

    @property
    def key(self) -> str:
        """The name in the settings file and in Python."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.key.upper()

    @property
    def variables(self) -> tuple[str, ...]:
        """All environment variables that set it, the strongest first."""
        return (self.variable, *self.also)

    @property
    def shown_default(self) -> str:
        """What the help and the README say of the default."""
        return self.default_note or ("off" if self.flag else self.default or "-")


OPTIONS = (
    Option(name="cert", section="device", metavar="FILE", path=True, help="client certificate, PEM"),
    Option(name="key", section="device", metavar="FILE", path=True, help="private key, PEM"),
    Option(
        name="key-password-file",
        section="device",
        metavar="FILE",
        path=True,
        help="password of an encrypted key; a final newline is dropped",
    ),
    Option(
        name="ca",
        section="device",
        metavar="FILE",
        path=True,
        help="roots to trust for the credentials endpoint, PEM",
        default_note="certifi's",
    ),
    Option(
        name="endpoint",
        section="device",
        metavar="HOST[:PORT]",
        parse=endpoint,
        help="credentials provider endpoint; https:// in front is accepted",
    ),
    Option(name="role-alias", section="device", metavar="NAME", parse=role_alias, help="role alias to assume"),
    Option(
        name="thing-name",
        section="device",
        metavar="NAME",
        parse=thing_name,
        help="thing to name to AWS; only needed where policies use its attributes",
        default_note="not sent",
    ),
    Option(
        name="region",
        section="device",
        metavar="NAME",
        parse=region,
        also=("AWS_REGION", "AWS_DEFAULT_REGION"),
        help="region of secrets that are given by name",
        default_note="from the secret's ARN, else from the endpoint's name",
    ),
    Option(
        name="secret",
        section="run",
        metavar="[NAME=]ID",
        repeatable=True,
        help="secret to read: a name, an ARN or file://PATH; NAME= puts the whole secret into one variable",
    ),
    Option(
        name="version-stage",
        section="secret",
        metavar="LABEL",
        default="AWSCURRENT",
        help="staging label of the version to read",
    ),
    Option(name="prefix", section="secret", metavar="TEXT", help="text in front of each name"),
    Option(name="upcase", section="secret", parse=boolean, help="names in capital letters"),
    Option(
        name="sanitize",
        section="secret",
        parse=boolean,
        help="turn each character that no portable name has into _",
    ),
    Option(
        name="only",
        section="secret",
        metavar="GLOB",
        repeatable=True,
        help="keys of the secret to use",
        default_note="all",
    ),
    Option(name="except", section="secret", metavar="GLOB", repeatable=True, help="keys of the secret to leave out"),
    Option(name="pristine", section="run", parse=boolean, help="the command gets the secrets and nothing inherited"),
    Option(
        name="keep",
        section="run",
        metavar="GLOB",
        repeatable=True,
        help="inherited variables to keep under --pristine",
    ),
    Option(name="drop", section="run", metavar="GLOB", repeatable=True, help="inherited variables to leave out"),
    Option(
        name="interval",
        section="run",
        metavar="DURATION",
        default="5m",
        parse=interval,
        help="how often to look for a new version, +-10 % at random",
    ),
    Option(
        name="once",
        section="run",
        parse=boolean,
        help="fetch once, then replace this process by COMMAND",
    ),
    Option(
        name="on-change",
        section="run",
        metavar="restart|exit|ignore|SIGNAL",
        default="restart",
        parse=on_change,
        help="what a new version leads to; exit: stop the command and end with 75",
    ),
    Option(
        name="splay",
        section="run",
        metavar="DURATION",
        default="0",
        parse=duration,
        help="wait a random part of this before a restart",
    ),
    Option(
        name="kill-signal",
        section="run",
        metavar="SIGNAL",
        default="TERM",
        parse=kill_signal,
        help="signal that asks the command to stop for a restart",
    ),
    Option(
        name="kill-timeout",
        section="run",
        metavar="DURATION",
        default="10s",
        parse=duration,
        help="how long it may take to stop before SIGKILL",
    ),
    Option(
        name="signal-group",
        section="run",
        parse=boolean,
        help="send signals to the command's process group",
    ),
    Option(
        name="refresh-signal",
        section="run",
        metavar="SIGNAL",
        default="none",
        parse=optional_signal,
        help="signal that means `check now`; it is not sent on",
    ),
    Option(
        name="start-timeout",
        section="run",
        metavar="DURATION",
        default="1m",
        parse=interval,
        help="how long the first fetch may be retried",
    ),
    Option(
        name="log-level",
        section="run",
        metavar="debug|info|warning|error",
        default="info",
        parse=choice("debug", "info", "warning", "error"),
        help="the least important lines to write to standard error",
    ),
    Option(
        name="log-format",
        section="run",
        metavar="text|json",
        default="text",
        parse=choice("text", "json"),
        help="lines for people or for machines",
    ),
)

BY_KEY = {option.key: option for option in OPTIONS}
