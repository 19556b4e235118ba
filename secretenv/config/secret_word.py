"""The parts of a secret as a user writes it: `[?][NAME=]ID[#KEY]` in --secret, or a [[secret]] of the settings file.

`?` and `#` are in no secret's name, nor in the name of a variable that a shell can set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from secretenv.config import messages, parsers, secret_ids
from secretenv.config.quoting import name as shown_name
from secretenv.config.quoting import shown
from secretenv.errors import SettingsError
from secretenv.settings import FILE_SCHEME, PATH_MARK

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
    if rest.startswith("="):
        raise messages.NO_VARIABLE_NAMED(value=shown(word))
    identifier, key = _id_and_key(word, rest)
    if not name and "." in key:
        raise messages.NO_VARIABLE_FOR_A_PATH(value=shown(word))
    return {
        "id": identifier,
        "name": "" if key else name,
        "keys": ((key, name),) if key else (),
        "files": (),
        "optional": word.startswith(OPTIONAL) or rest.startswith(OPTIONAL),
    }


def read_file(word: str) -> dict[str, Any]:
    """Return the fields of `Secret` that a word of --secret-file gives: `[?]TARGET=ID[#KEY]`; paths are as written.

    Raises:
        SettingsError: the word names no secret or no target, or what cannot be one.
    """
    target, equals, rest = word.removeprefix(OPTIONAL).partition("=")
    if not equals or not target:
        raise messages.NO_TARGET(value=shown(word))
    identifier, key = _id_and_key(word, rest)
    return {
        "id": identifier,
        "name": "",
        "keys": (),
        "files": ((key, _target(target)),),
        "optional": word.startswith(OPTIONAL) or rest.startswith(OPTIONAL),
    }


def _id_and_key(word: str, rest: str) -> tuple[str, str]:
    """Return the parts of `[?]ID[#KEY]`; `word` is all that was given."""
    identifier, separator, key = rest.removeprefix(OPTIONAL).partition(KEY)
    if not identifier or identifier == FILE_SCHEME:
        raise messages.NO_SECRET_NAMED(value=shown(word))
    if separator and not key:
        raise messages.NO_KEY_NAMED(value=shown(word))
    secret_ids.check(identifier)
    return identifier, key


def _target(text: str) -> str:
    """Return the target of a file, which is a path or the name of a variable."""
    if PATH_MARK in text:
        return parsers.path(text)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise messages.NOT_A_TARGET(value=shown(text))
    return text


def of_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Secret` that a [[secret]] gives by itself; the settings file has checked it."""
    return {
        "id": table["id"],
        "name": table.get("name", ""),
        "keys": tuple(table.get("keys", {}).items()),
        "files": (*((("", table["file"]),) if "file" in table else ()), *table.get("files", {}).items()),
        "optional": table.get("optional", False),
    }


def check_table(file: object, name: str, table: Mapping[str, Any]) -> None:
    """Refuse invalid values of `optional` and `keys` of a [[secret]], and what `keys` would leave without effect.

    Args:
        file: the path of the settings file.
        name: the table as an error shows it.
        table: the [[secret]].

    Raises:
        SettingsError: it names the table and the key.
    """
    if not isinstance(table.get("optional", False), bool):
        raise messages.OPTIONAL_IS_NO_BOOLEAN(file=file, table=name)
    for target in _targets(file, name, table):
        try:
            _target(target)
        except SettingsError as error:
            raise messages.told_of(f"{file}: {name}", error) from None
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


def _targets(file: object, name: str, table: Mapping[str, Any]) -> list[str]:
    """Return the targets of a [[secret]]."""
    targets = [table["file"]] if "file" in table else []
    files = table.get("files", {})
    if not isinstance(files, dict) or not all(files):
        raise messages.NOT_FILES(file=file, table=name)
    targets += files.values()
    if not all(isinstance(target, str) and target for target in targets):
        raise messages.NOT_FILES(file=file, table=name)
    return targets


def _is_name(value: object) -> bool:
    """Whether a value of the settings file can be a variable's name."""
    return isinstance(value, str) and value != "" and not {"=", "\0"} & set(value)
