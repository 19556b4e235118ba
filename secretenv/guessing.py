"""Guess by its looks what a text is: a value in place of a key's name, or a word that only a shell knows.

A module of its own for the resident process, which needs it for errors alone.
"""

from __future__ import annotations

import json

from secretenv.wording import printable, short

# Words that a shell knows by itself: its keywords and built-in commands, of POSIX and of bash.
_SHELL_WORDS = (
    " ! . : [[ alias bg break builtin caller case cd command compgen complete continue declare dirs disown do done "
    "enable eval exec exit export false fc fg fi for function getopts hash history if jobs let local logout "
    "mapfile popd pushd read readarray readonly return select set shift shopt source suspend then time times trap "
    "true type typeset ulimit umask unalias unset until wait while { ( (( "
)

# What tells a value from the name of a key: its length, its characters, and how often letters change to digits or
# small ones to capitals. Names in camel case change less often than base64, long ones much less.
_LONGEST_KEY = 64
_SHORTEST_VALUE = 10
_NOT_IN_NAMES = frozenset("@!#$%^&*+=?~\"'\\<>(){}|,;`")
_CHANGES = ((24, 0.32), (12, 0.38))  # at least so many letters and digits: the share that may change
_HEX = frozenset("0123456789abcdefABCDEF")
_SHORTEST_HEX = 16
_ACCESS_KEY_ID = 20


def shown_key(name: str) -> str:
    """Return the name of a secret's key, or of its variable; where it is probably a value, only 4 characters of it.

    The console of AWS has two fields side by side, and people type a password into the one for the key.
    """
    if not _like_a_value(name):
        return short(name)
    return f"{json.dumps(printable(name[:4]))[1:-1]}… ({len(name)} characters)"


def _like_a_value(name: str) -> bool:
    """Tell whether a name is too long for one, has characters that names do not have, or looks random."""
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
