"""The parts of a secret as a user writes it: `[?][NAME=]ID[#KEY]` in --secret, or a [[secret]] of the settings file.

`?` and `#` are in no secret's name, and neither is in a variable's that a shell can set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from secretenv.config import messages, secret_ids
from secretenv.config.quoting import name as shown_name
from secretenv.config.quoting import shown
from secretenv.settings import FILE_SCHEME

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONAL = "?"
KEY = "#"

# Keys of a [[secret]] that say which keys of the JSON are used under which names, as `keys` does.
_WITHOUT_KEYS = ("name", "prefix", "upcase", "sanitize", "only", "except")


def read(word: str) -> dict[str, Any]:
    """Return the fields of `Secret` that a word of --secret gives; a path of a file is as it was written.

    Raises:
        SettingsError: the word names no secret, or what cannot be one.
    """
    # A `=` after a `/`, a `:` or a `#` is part of the id or of the key.
    found = re.match(r"([^=:/#]+)=(.*)", word.removeprefix(OPTIONAL), re.DOTALL)
    name, rest = (found[1], found[2]) if found else ("", word.removeprefix(OPTIONAL))
    identifier, separator, key = rest.removeprefix(OPTIONAL).partition(KEY)
    if not identifier or identifier == FILE_SCHEME:
        raise messages.NO_SECRET_NAMED(value=shown(word))
    if identifier.startswith("="):
        raise messages.NO_VARIABLE_NAMED(value=shown(word))
    if separator and not key:
        raise messages.NO_KEY_NAMED(value=shown(word))
    if not name and "." in key:
        raise messages.NO_VARIABLE_FOR_A_PATH(value=shown(word))
    secret_ids.check(identifier)
    return {
        "id": identifier,
        "name": "" if key else name,
        "keys": ((key, name),) if key else (),
        "optional": word.startswith(OPTIONAL) or rest.startswith(OPTIONAL),
    }


def of_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Secret` that a [[secret]] gives by itself; the settings file has checked it."""
    return {
        "id": table["id"],
        "name": table.get("name", ""),
        "keys": tuple(table.get("keys", {}).items()),
        "optional": table.get("optional", False),
    }


def check_table(file: object, name: str, table: Mapping[str, Any]) -> None:
    """Refuse what `optional` and `keys` of a [[secret]] cannot be, and what keys would leave without a meaning.

    Args:
        file: the path of the settings file.
        name: the table as an error shows it.
        table: the [[secret]].

    Raises:
        SettingsError: it names the table and the key.
    """
    if not isinstance(table.get("optional", False), bool):
        raise messages.OPTIONAL_IS_NO_BOOLEAN(file=file, table=name)
    if "keys" not in table:
        return
    keys = table["keys"]
    if not isinstance(keys, dict) or not keys or not all(key and _is_name(keys[key]) for key in keys):
        raise messages.NOT_KEYS(file=file, table=name)
    if other := next((each for each in _WITHOUT_KEYS if each in table), ""):
        raise messages.KEYS_AND_MORE(file=file, table=name, key=other)
    variables = [*keys.values()]
    if twice := next((each for each in variables if variables.count(each) > 1), ""):
        raise messages.VARIABLE_TWICE(file=file, table=name, variable=shown_name(twice))


def _is_name(value: object) -> bool:
    """Whether a value of the settings file can be a variable's name."""
    return isinstance(value, str) and value != "" and not {"=", "\0"} & set(value)
