"""How names, numbers, signals and times are written in messages, and next steps that several packages name."""

from __future__ import annotations

import json
import signal
import time

from secretenv.settings import FILE_SCHEME, MISSING

# How an operator learns the account's endpoint of the credentials provider.
DESCRIBE_ENDPOINT = "aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
PORTAL = "something between this device and AWS answered, perhaps a captive portal or a proxy"

# Words that a shell knows by itself: its keywords and built-in commands, of POSIX and of bash.
_SHELL_WORDS = (
    " ! . : [[ alias bg break builtin caller case cd command compgen complete continue declare dirs disown do done "
    "enable eval exec exit export false fc fg fi for function getopts hash history if jobs let local logout "
    "mapfile popd pushd read readarray readonly return select set shift shopt source suspend then time times trap "
    "true type typeset ulimit umask unalias unset until wait while { ( (( "
)
USE_A_SHELL = "use sh -c '...', or env in front of variables"

# What tells a value from the name of a key: its length, its characters, and how often letters change to digits or
# small ones to capitals. Names in camel case change less often than base64, long ones much less.
_LONGEST_KEY = 64
_SHORTEST_VALUE = 10
_NOT_IN_NAMES = frozenset("@!#$%^&*+=?~\"'\\<>(){}|,;`")
_CHANGES = ((24, 0.32), (12, 0.38))  # from how many letters and digits on, which part of them may change
_HEX = frozenset("0123456789abcdefABCDEF")
_SHORTEST_HEX = 16
_ACCESS_KEY_ID = 20

_LONGEST_NAME = 80  # characters of a name in a message


def printable(text: str) -> str:
    """Return text that can neither move the cursor of a terminal nor begin a new line."""
    return "".join(c if c.isprintable() else "?" for c in text)


def short(name: str) -> str:
    """Return a name, which may be anything: at most 80 characters, and quoted unless it is one printable word."""
    cut = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return cut if cut and cut.isprintable() and " " not in cut else json.dumps(cut)


def shown_key(name: str) -> str:
    """Return the name of a secret's key, or of its variable; where it is probably a value, only 4 characters of it.

    The console of AWS has two fields side by side, and people type a password into the one for the key.
    """
    if not _like_a_value(name):
        return short(name)
    return f"{json.dumps(printable(name[:4]))[1:-1]}… ({len(name)} characters)"


def _like_a_value(name: str) -> bool:
    """Tell whether a name is too long for one, has characters that names have not, or looks random."""
    odd = "://" in name or not _NOT_IN_NAMES.isdisjoint(name)
    if len(name) > _LONGEST_KEY or (odd and len(name) >= _SHORTEST_VALUE and not name.startswith("BASH_FUNC_")):
        return True
    plain = [c for c in name if c.isalnum()]
    kinds = ["0" if c.isdigit() else "a" if c.islower() else "A" for c in plain]
    changes = sum(kinds[i] != kinds[i - 1] for i in range(1, len(kinds)))
    most = next((part for length, part in _CHANGES if len(plain) >= length), 1.0)
    is_hex = len(plain) >= _SHORTEST_HEX and "0" in kinds and _HEX.issuperset(plain)
    return is_hex or changes > most * len(plain) or (len(name) == _ACCESS_KEY_ID and name.startswith(("AKIA", "ASIA")))


def of_a_shell(command: str) -> bool:
    """Tell whether a command that was not found is a shell's: a word that it knows, or a variable before a command."""
    name, equals, _ = command.partition("=")
    return f" {command} " in _SHELL_WORDS or (equals != "" and name.isidentifier())


def many(count: int, what: str) -> str:
    """Return a number of things: `1 secret`, `2 secrets`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def signal_name(signum: int) -> str:
    """Return the name of a signal, without SIG; real-time signals have only two names of their own."""
    try:
        return signal.Signals(signum).name.removeprefix("SIG")
    except ValueError:
        return f"RTMIN+{signum - signal.SIGRTMIN}"


def shown_version(secret: str, version: str) -> str:
    """Return a secret's version; nothing for a file: its hash would help to guess a short secret."""
    if version == MISSING:
        return "(missing)"
    return "" if secret.startswith(FILE_SCHEME) else version


def span(seconds: float) -> str:
    """Return a length of time in words: `0.4 s`, `12 s`, `5 min`, `3.2 h`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def moment(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
