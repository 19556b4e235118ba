"""A key or a table of the settings file that does not belong where it is: where it belongs, or what was meant.

TOML reads `cert = ...` below `[[secret]]` as the secret's, and above `[device]` as nobody's: an easy mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.config import messages
from secretenv.config.options import PREFIX
from secretenv.config.parsers import nearest
from secretenv.config.quoting import name as shown_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from secretenv.errors import SecretenvError

    Keys = Mapping[str, Collection[str]]

_SHOWN = {"device": "[device]", "run": "[run]", "secret": "[[secret]]"}


def at_the_top(file: Path | None, key: str, value: Any, keys: Keys) -> SecretenvError:
    """Return the error for a name at the top of the file that is not a table's.

    Args:
        file: the settings file.
        key: the name.
        value: what it holds there; only its type is looked at, and the names of tables in it.
        keys: those of each table.
    """
    shown = shown_name(key)
    if _tables(value):
        for table in keys:
            if isinstance(value, dict) and _tables(value.get(table)):
                return messages.NESTED_TABLE(file=file, table=f"[{shown}]", word=_bare(table))
        near = nearest(key, keys)
        error = messages.MISSPELT_TABLE if near else messages.UNKNOWN_TABLE
        return error(file=file, table=shown, word=near, tables=", ".join(keys))
    word = _plain(key)
    if word == "config":
        return messages.CONFIG_IS_NO_KEY(file=file)
    if home := _home(word, keys):
        return messages.KEY_IN_NO_TABLE(file=file, key=shown, word=word, other_table=home)
    if near := nearest(word, _all(keys)):
        return messages.MISSPELT_KEY_IN_NO_TABLE(file=file, key=shown, word=near, other_table=_home(near, keys))
    return messages.UNKNOWN_KEY_IN_NO_TABLE(file=file, key=shown, tables=", ".join(keys))


def in_a_table(file: Path | None, where: tuple[str, str], key: str, value: Any, keys: Keys) -> SecretenvError:
    """Return the error for a key that its table does not have.

    Args:
        file: the settings file.
        where: the table as the error shows it, and its name.
        key: the key.
        value: what it holds; only its type is looked at.
        keys: those of each table.
    """
    name, table = where
    shown, word = shown_name(key), _plain(key)
    if key in keys and _tables(value):
        return messages.NESTED_TABLE(file=file, table=name, word=_bare(key))
    if word == "secret":
        return messages.SECRET_IS_NO_KEY(file=file, table=name)
    if word == "secret_file":
        return messages.SECRET_FILE_IS_NO_KEY(file=file, table=name)
    if word == "config":
        return messages.CONFIG_IS_NO_KEY(file=file)
    own = keys[table]
    home = _home(word, keys)
    if word not in own and home:
        return messages.KEY_OF_ANOTHER_TABLE(file=file, table=name, key=shown, word=word, other_table=home)
    near = word if word in own else nearest(word, own) or nearest(word, _all(keys))
    error = messages.MISSPELT_KEY if near else messages.UNKNOWN_KEY
    if near and near not in own:
        error = messages.MISSPELT_KEY_OF_ANOTHER_TABLE
    words = {"word": near, "other_table": _home(near, keys), "keys": ", ".join(sorted(own))}
    return error(file=file, table=name, key=shown, **words)


def _plain(key: str) -> str:
    """Return a key as the table of options writes it, even from the form of a flag or a variable."""
    return key.lower().replace("-", "_").removeprefix(PREFIX.lower()).lstrip("_")


def _home(word: str, keys: Keys) -> str:
    """Return the table that a key belongs in, as a user writes it; an empty string if there is none."""
    return next((_SHOWN[table] for table in keys if word in keys[table]), "")


def _all(keys: Keys) -> set[str]:
    return {key for table in keys for key in keys[table]}


def _tables(value: Any) -> bool:
    """Tell whether a value is a table, or an array of tables."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


def _bare(table: str) -> str:
    """Return a table's name to be put into brackets."""
    return _SHOWN[table][1:-1]
