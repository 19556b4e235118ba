"""From a user's text to a value: durations, booleans, signals, endpoints and names; one function each.

Every one that reads raises a SettingsError that says what is wrong and shows what is right; where the text came from
is added by `config`.
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 3650 * 86400.0  # what every system's clocks and sleeps can hold
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
    plain = re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", word)
    parts = [(word, "s")] if plain else _DURATION.findall(word)
    if not parts or (not plain and "".join(number + unit for number, unit in parts) != word):
        raise SettingsError(f"not a duration: {text!r}", hint="write for example 500ms, 90s, 5m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > LONGEST:
        raise SettingsError(f"longer than ten years: {text!r}", hint="write for example 24h or 30d")
    return seconds


def interval(text: str) -> float:
    """Return a duration that is not zero: a check that follows itself at once would be a flood."""
    seconds = duration(text)
    if seconds <= 0:
        raise SettingsError(f"it must be longer than nothing: {text!r}", hint="write for example 5m")
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
    relative = re.fullmatch(r"RT(MIN|MAX)([+-]\d{1,3})?", word)
    if relative:
        number = int(signal.SIGRTMIN if relative[1] == "MIN" else signal.SIGRTMAX) + int(relative[2] or 0)
    elif re.fullmatch(r"\d{1,3}", word):
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
    return _signal_or("KILL", text)


def optional_signal(text: str) -> int:
    """Return a signal number, or 0 for `none`."""
    return 0 if text.strip().lower() == "none" else _signal_or("none", text)


def _signal_or(word: str, text: str) -> int:
    """Return a signal number; where it is refused, `word` is told as what may be given as well."""
    try:
        return signal_number(text)
    except SettingsError as error:
        raise SettingsError(error.message, hint=f"{word}, or {error.hint}") from None


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


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that somebody may have meant, or an empty string."""
    import difflib  # for those who erred alone

    return next(iter(difflib.get_close_matches(word, known, 1)), "")


def choice(*words: str) -> Callable[[str], str]:
    """Return a parser that takes one of `words`."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word in words:
            return word
        near = nearest(word, words)
        meant = f"did you mean {near}? " if near else ""
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


def version_stage(text: str) -> str:
    """Return a staging label: 1 to 256 characters (botocore's model of Secrets Manager, SecretVersionStageType)."""
    return _name(text, r"[^\x00-\x1f\x7f]{1,256}", "a staging label", "for example AWSCURRENT, which is the default")


def _name(text: str, pattern: str, what: str, example: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise SettingsError(f"not {what}: {text!r}", hint=example)
    return text


def text(value: str) -> str:
    """Return the value as it is: names that only AWS can judge, and paths."""
    return value
