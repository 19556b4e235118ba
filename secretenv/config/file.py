"""The settings file: where it is found, what it says, and what in it nobody knows.

TOML with `[device]`, `[run]` and one `[[secret]]` for each secret; the keys are those of `options`. Merging it with
flags and variables is the business of `config`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretenv.config.options import OPTIONS, Option
from secretenv.config.parsers import nearest
from secretenv.errors import SettingsError
from secretenv.settings import FILE_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SYSTEM = Path("/etc/secretenv/config.toml")

# Besides the options that a single secret can override.
_SECRET_ONLY = {"id", "name"}

_KEYS = {
    "device": {option.key for option in OPTIONS if option.table == "device"},
    "run": {option.key for option in OPTIONS if option.table == "run"},
    "secret": {option.key for option in OPTIONS if option.section == "secret"} | _SECRET_ONLY,
}


class ConfigFile:
    """What a settings file says; an empty one if there is none.

    Attributes:
        path: of the file, or None.
        secrets: the `[[secret]]` tables, checked: each has an `id`.
    """

    def __init__(self, path: Path | None, tables: Mapping[str, Any]) -> None:
        self.path = path
        self._tables = tables
        for name in tables:
            if name not in _KEYS:
                raise self._error(f"there is no table [{name}]", _nearest(name, _KEYS, "the tables are"))
        for name in ("device", "run"):
            if not isinstance(tables.get(name, {}), dict):
                raise self._error(f"{name} is not a table", f"write [{name}] on a line of its own")
            self._check(f"[{name}]", name, tables.get(name, {}))
        self.secrets = self._secrets(tables.get("secret", []))

    def get(self, option: Option, secret: Mapping[str, Any] | None = None) -> tuple[str, Any]:
        """Return where the file sets an option and what it says, or two empty strings; that of the secret counts first.

        What it says is text, a bool or a list of text, as the command line would give it.
        """
        if secret is not None and option.key in secret:
            return self._given(f"[[secret]] {secret['id']}: {option.key}", option, secret[option.key])
        table = self._tables.get(option.table, {})
        if option.key in table and option.key != "secret":
            return self._given(f"[{option.table}] {option.key}", option, table[option.key])
        return "", ""

    def resolve(self, path: str) -> str:
        """Return a path of the file as an absolute one: `~` is the home, a relative one starts at the file's folder."""
        folder = self.path.parent.absolute() if self.path else Path.cwd()
        return os.path.normpath(folder / os.path.expanduser(path))  # noqa: PTH111 (an unknown ~user stays as it is)

    def _given(self, where: str, option: Option, value: Any) -> tuple[str, Any]:
        """Return the source and a value of the option's type."""
        source = f"{self.path}: {where}"
        if option.flag:
            if isinstance(value, bool):
                return source, value
            raise self._error(f"{where} is {_kind(value)}", "write true or false, without quotes")
        if option.repeatable:
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return source, value
            raise self._error(f"{where} is {_kind(value)}", 'write a list of texts, as ["A*", "B*"]')
        if isinstance(value, int | float) and not isinstance(value, bool) and option.number:
            return source, str(value)
        if not isinstance(value, str):
            raise self._error(f"{where} is {_kind(value)}", "write it in quotes")
        return source, self.resolve(value) if option.path and value else value

    def _secrets(self, tables: Any) -> tuple[dict[str, Any], ...]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._error("secret is not a list of tables", "write [[secret]], with two brackets, for each secret")
        for number, table in enumerate(tables, 1):
            where = f"[[secret]] {table.get('id') or f'number {number}'}"
            self._check(where, "secret", table)
            for key in _SECRET_ONLY & table.keys():
                if not isinstance(table[key], str) or not table[key]:
                    raise self._error(f"{where}: {key} is {_kind(table[key])}", "write a text in quotes")
            if "id" not in table:
                raise self._error(f"{where} has no id", 'write id = "NAME_OR_ARN"')
            # A name of AWS may have a `=`, but what stands behind one is neither a file nor an ARN then.
            if found := re.match(r"([^=:/]+)=((?:file|arn):.+)", table["id"], re.DOTALL):
                hint = f'write name = "{found[1]}" and id = "{found[2]}"'
                raise self._error(f"{where}: id holds a variable's name as well, as --secret does", hint)
            if table["id"] == FILE_SCHEME:
                raise self._error(f"{where} names no file", 'write id = "file://PATH"')
        return tuple(tables)

    def _check(self, where: str, table: str, given: Mapping[str, Any]) -> None:
        for key in given:
            if key in _KEYS[table] and key != "secret":
                continue
            if key == "secret":
                raise self._error(f"{where} has no key secret", "write a table [[secret]] with an id for each")
            home = next((f"[{other}]" for other in ("device", "run") if key in _KEYS[other]), "")
            hint = f"{key} belongs in {home}" if home else _nearest(key, _KEYS[table], "the keys here are")
            raise self._error(f"{where} has no key {key}", hint)

    def _error(self, message: str, hint: str) -> SettingsError:
        return SettingsError(f"{self.path}: {message}", hint=hint)


def load(chosen: str, environ: Mapping[str, str], *, system: Path = SYSTEM) -> ConfigFile:
    """Return the settings file: the chosen one, else the user's, else the system's, else an empty one.

    Never one of the working directory: who can write there would decide which secrets are read for whom.

    Raises:
        SettingsError: the chosen one is missing, or one cannot be read or understood.
    """
    if chosen:
        return _read(Path(absolute(os.path.expanduser(chosen))))  # noqa: PTH111
    # XDG base directory specification: a relative XDG_CONFIG_HOME is to be ignored, an empty one is the default.
    home = environ.get("XDG_CONFIG_HOME", "")
    user = Path(home) if Path(home).is_absolute() else Path(os.path.expanduser("~")) / ".config"  # noqa: PTH111
    for path in (user / "secretenv" / "config.toml", system):
        try:
            if path.exists():
                return _read(path)
        except PermissionError:
            continue  # not ours to read, so not meant for us
    return ConfigFile(None, {})


def absolute(path: str) -> str:
    """Return a path as an absolute one, from the working directory.

    Raises:
        SettingsError: it is relative, and somebody has removed the working directory.
    """
    try:
        return os.path.abspath(path)  # noqa: PTH100
    except FileNotFoundError:
        hint = "write the whole path, or cd to a folder that is there"
        raise SettingsError(f"{path} starts at the working directory, which is gone", hint=hint) from None


def _read(path: Path) -> ConfigFile:
    import tomllib  # where there is a file: 5 ms of each start

    try:
        text = path.read_bytes().decode("utf-8-sig")  # editors of Windows put a byte order mark in front
        return ConfigFile(path, tomllib.loads(text))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not text in UTF-8", hint="TOML is UTF-8: iconv converts it") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}", hint="mend that line; see https://toml.io") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets in thousands of brackets
        raise SettingsError(f"{path} holds what no setting is", hint="is it the right file?") from None


def _nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    near = nearest(word, known)
    return f"did you mean {near}?" if near else f"{otherwise} {', '.join(sorted(known))}"


def _kind(value: object) -> str:
    """Return what a value is, in the words of TOML; never the value."""
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time") if value != "" else "empty"
