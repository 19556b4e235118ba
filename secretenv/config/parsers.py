"""From a user's text to a value: durations, booleans, signals, endpoints and names; one function each.

Each raises a SettingsError that names the mistake and shows a valid value; `merge` adds the source of the text.
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from secretenv.config import messages
from secretenv.config.quoting import no_path, shown, uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from secretenv.errors import Message

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 3650 * 86400.0  # the clocks and sleeps of every system can hold this
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
# URIs in place of a path: these kinds get a message of their own.
_URIS = {
    "file": messages.FILE_URI,
    **dict.fromkeys(("pkcs11", "tpm", "tpm2", "handle", "engine"), messages.KEY_IN_HARDWARE),
}
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

# No process can catch the first two; the supervisor needs the third for itself.
_NOT_SENDABLE = frozenset({"SIGKILL", "SIGSTOP", "SIGCHLD"})


class Name(NamedTuple):
    """The names of one kind that AWS accepts: as a regular expression (ASCII), and in words."""

    form: str
    characters: str


# From botocore's models of IoT, IAM and Secrets Manager.
NAMES = {
    "role alias": Name(r"[\w=,@-]{1,128}", "1 to 128 letters, digits and _ = , @ -"),
    "thing": Name(r"[a-zA-Z0-9:_-]{1,128}", "1 to 128 letters, digits and : _ -"),
    "thing group": Name(r"[a-zA-Z0-9:_-]{1,128}", "1 to 128 letters, digits and : _ -"),
    "policy": Name(r"[\w+=,.@-]{1,128}", "1 to 128 letters, digits and _ + = , . @ -"),
    "role": Name(r"[\w+=,.@-]{1,64}", "1 to 64 letters, digits and _ + = , . @ -"),
    "secret": Name(r"[A-Za-z0-9/_+=.@-]{1,512}", "1 to 512 letters, digits and / _ + = . @ -"),
}


def duration(text: str) -> float:
    """Return the seconds in `500ms`, `90`, `90s`, `5m` or `1h30m`.

    Raises:
        SettingsError: it is something else.
    """
    word = text.strip().lower()
    plain = re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", word)
    parts = [(word, "s")] if plain else _DURATION.findall(word)
    if not parts or (not plain and "".join(number + unit for number, unit in parts) != word):
        raise messages.NOT_A_DURATION(value=shown(text))
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > LONGEST:
        raise messages.TOO_LONG(value=shown(text))
    return seconds


def interval(text: str) -> float:
    """Return a duration greater than zero: without a pause between checks secretenv would flood AWS."""
    seconds = duration(text)
    if seconds <= 0:
        raise messages.NOT_POSITIVE(value=shown(text))
    return seconds


def boolean(text: str) -> bool:
    """Return True for `1/true/yes/on` and False for `0/false/no/off`.

    Raises:
        SettingsError: it is something else.
    """
    word = text.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise messages.NOT_A_BOOLEAN(value=shown(text))


def signal_number(text: str) -> int:
    """Return the number of a signal given as `TERM`, `SIGTERM`, `term`, `RTMIN+3` or `15`.

    Raises:
        SettingsError: there is no such signal, or it cannot be caught or sent on.
    """
    if number := _signal_number(text):
        return number
    raise messages.NOT_A_SIGNAL(value=shown(text), signals=signal_names())


def kill_signal(text: str) -> int:
    """Return a signal number; KILL is allowed too, to stop a command."""
    forbidden = _NOT_SENDABLE - {"SIGKILL"}
    if number := _signal_number(text, forbidden):
        return number
    raise messages.NOT_A_SIGNAL(value=shown(text), signals=signal_names(forbidden))


def optional_signal(text: str) -> int:
    """Return a signal number, or 0 for `none`."""
    if text.strip().lower() == "none":
        return 0
    if number := _signal_number(text):
        return number
    raise messages.NOT_A_SIGNAL(value=shown(text), signals=f"none {signal_names()}")


def on_change(text: str) -> str | int:
    """Return `restart`, `exit`, `ignore` or the number of the signal to send."""
    word = text.strip().lower()
    if word in {"restart", "exit", "ignore"}:
        return word
    if number := _signal_number(text):
        return number
    raise messages.NOT_AN_ACTION(value=shown(text), signals=signal_names())


def _signal_number(text: str, forbidden: frozenset[str] = _NOT_SENDABLE) -> int:
    """Return the number of a signal, or 0 if there is no such signal or it is forbidden."""
    word = text.strip().upper().removeprefix("SIG")
    relative = re.fullmatch(r"RT(MIN|MAX)([+-]\d{1,3})?", word)
    if relative:
        number = int(signal.SIGRTMIN if relative[1] == "MIN" else signal.SIGRTMAX) + int(relative[2] or 0)
    elif re.fullmatch(r"\d{1,3}", word):
        number = int(word)
    else:
        number = next((int(each) for each in signal.Signals if each.name == f"SIG{word}"), 0)
    usable = signal.valid_signals() - {getattr(signal, name) for name in forbidden}
    return number if number in usable else 0


def signal_names(forbidden: frozenset[str] = _NOT_SENDABLE) -> str:
    """Return the names of the signals that are not forbidden, in the order of their numbers, separated by blanks."""
    return " ".join(each.name.removeprefix("SIG") for each in sorted(set(signal.Signals)) if each.name not in forbidden)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or an empty string."""
    import difflib  # only after a typing error

    return next(iter(difflib.get_close_matches(word, known, 1)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the known word that was probably meant, or an empty string."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else ""


def choice(*words: str) -> Callable[[str], str]:
    """Return a parser that takes one of `words`."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word in words:
            return word
        near = nearest(word, words)
        error = messages.MISSPELT_VALUE if near else messages.UNKNOWN_VALUE
        raise error(value=shown(text), word=near, values=", ".join(words))

    return parse


# As DNS has it, or an IPv6 address. No endpoint has other characters, whatever a resolver or a parser of
# URLs would make of them.
_HOST = r"(?!-)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"


def endpoint(text: str) -> str:
    """Return `HOST` or `HOST:PORT` from that or from a URL; IPv6 addresses stay in brackets.

    Raises:
        SettingsError: it is something else, or asks for plain HTTP.
    """
    word = text.strip()
    value = shown(text) if "@" not in text else "(not shown: it may hold a password)"
    if "://" in word and not word.lower().startswith("https://"):
        raise messages.NOT_HTTPS(value=value)
    try:
        parts = urlsplit(word if "://" in word else f"https://{word}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise messages.NOT_AN_ENDPOINT(value=value) from None
    more = parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None
    # Of the text, not of what urlsplit makes of it: that drops tabs and newlines.
    if more or not re.fullmatch(_HOST, host) or re.search(r"[\s\x00-\x1f]", word) or port == 0:
        raise messages.NOT_AN_ENDPOINT(value=value)
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def role_alias(text: str) -> str:
    """Return the name of a role alias."""
    form, characters = NAMES["role alias"]
    return _matching(form, text, messages.NOT_A_ROLE_ALIAS, characters)


def thing_name(text: str) -> str:
    """Return the name of a thing."""
    form, characters = NAMES["thing"]
    return _matching(form, text, messages.NOT_A_THING_NAME, characters)


def variable(text: str) -> str:
    """Return the name of a variable.

    Raises:
        SettingsError: no variable can have this name.
    """
    if not text or "=" in text or "\0" in text:
        raise messages.NOT_A_VARIABLE(value=shown(text))
    return text


def mode(text: str) -> int:
    """Return the mode of a file: octal, readable by its owner, writable by nobody else.

    Raises:
        SettingsError: it is something else.
    """
    found = int(text, 8) if re.fullmatch(r"0?o?[0-7]{3,4}", text) else 0
    if not found & 0o400 or found & ~0o755 or found & 0o022:
        raise messages.NOT_A_MODE(value=shown(text))
    return found


def version_stage(text: str) -> str:
    """Return a staging label: 1 to 256 characters (botocore's model of Secrets Manager, SecretVersionStageType)."""
    return _matching(r"[^\x00-\x1f\x7f]{1,256}", text, messages.NOT_A_STAGING_LABEL)


def region(text: str) -> str:
    """Return the name of a region; botocore would put anything into a host name."""
    return _matching(r"[a-z]{2,}(-[a-z0-9]+)+", text, messages.NOT_A_REGION)


def _matching(form: str, text: str, error: Message, characters: str = "") -> str:
    if not re.fullmatch(form, text, re.ASCII):
        raise error(value=shown(text), characters=characters)
    return text


def path(text: str) -> str:
    """Return the text of a path.

    Raises:
        SettingsError: it cannot be one; it is probably the content of the file, and is not shown.
    """
    if scheme := uri(text):
        raise _URIS.get(scheme, messages.URI_FOR_A_PATH)(scheme=scheme)
    if what := no_path(text):
        raise messages.NOT_A_PATH(what=what)
    if re.fullmatch(r"(['\"]).*\1", text):
        raise messages.QUOTED_PATH(value=shown(text))
    return text


# What a shell takes literally: a character behind a backslash, and a text in quotes.
_QUOTED = r"(?s)\\.|'[^']*'|\"(?:\\.|[^\"\\])*\""
# What else a shell would act on: expansions, a home, and operators. (Patterns stay as they are where nothing matches.)
_OF_A_SHELL = r"(?:^|(?<=\s))~|[$`|&;<>()\n]"


def program(text: str) -> tuple[str, ...]:
    """Return a program and its arguments, split as a POSIX shell splits words; nothing for `none`.

    Raises:
        SettingsError: it names no program, a quote is left open, or only a shell could run it.
    """
    words = text.strip()
    if words == "none":
        return ()
    if "\0" in words:
        raise messages.NUL_IN_A_PROGRAM(value=shown(text))
    if found := re.search(_OF_A_SHELL, re.sub(_QUOTED, "q", words)):
        raise messages.PROGRAM_OF_A_SHELL(part="a newline" if found[0] == "\n" else found[0], value=shown(text))
    import shlex  # most runs have no such program

    try:
        split = shlex.split(words)
    except ValueError:
        raise messages.OPEN_QUOTE(value=shown(text)) from None
    if not split or not split[0]:
        raise messages.NO_PROGRAM(value=shown(text))
    if re.fullmatch(r"[A-Za-z_]\w*=.*", split[0], re.ASCII | re.DOTALL):
        raise messages.VARIABLE_FOR_A_PROGRAM(variable=split[0].partition("=")[0])
    return (path(split[0]), *split[1:])


def text(value: str) -> str:
    """Return the value unchanged: a path, or a name that only AWS can judge."""
    return value
