"""The settings file: find it, read it, and refuse tables and keys that do not exist.

TOML with `[device]`, `[run]` and one `[[secret]]` for each secret; the keys are those of `options`. Merging it with
flags and variables is the business of `merge`.
"""

from __future__ import annotations

import _thread
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretenv import files
from secretenv.config import messages, misplaced, parsers, secret_ids, secret_word
from secretenv.config.options import OPTIONS, Option
from secretenv.config.quoting import name as shown_name
from secretenv.errors import SettingsError
from secretenv.protocol import BUDGET
from secretenv.settings import FILE_SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SYSTEM = Path("/etc/secretenv/config.toml")

# Keys of a [[secret]] besides the options that a single secret can override.
_TEXTS = {"id", "name"}
_SECRET_ONLY = _TEXTS | {"keys", "file", "files", "optional"}

_KEYS = {
    "device": {option.key for option in OPTIONS if option.table == "device"},
    "run": {option.key for option in OPTIONS if option.table == "run"},
    "secret": {option.key for option in OPTIONS if option.section == "secret"} | _SECRET_ONLY,
}


class ConfigFile:
    """A settings file; an empty one if there is none.

    Attributes:
        path: of the file, or None.
        looked: where one was looked for in vain, each with the reason in words.
        warnings: who else can change it, in words.
        secrets: the `[[secret]]` tables, checked: each has an `id`.
    """

    def __init__(
        self,
        path: Path | None,
        tables: Mapping[str, Any],
        *,
        looked: Sequence[str] = (),
        warnings: Sequence[str] = (),
    ) -> None:
        self.path = path
        self.looked = looked
        self.warnings = warnings
        self._tables = tables
        for name in tables:
            if name not in _KEYS:
                raise misplaced.at_the_top(path, name, tables[name], _KEYS)
        for name in ("device", "run"):
            if not isinstance(tables.get(name, {}), dict):
                raise messages.NOT_A_TABLE(file=path, table=name)
            self._check(f"[{name}]", name, tables.get(name, {}))
        self.secrets = self._secrets(tables.get("secret", []))

    @property
    def described(self) -> str:
        """Which settings file was read, or where one was looked for, in words."""
        if self.path:
            return f"the settings file {self.path} was read"
        return f"no settings file was read: {', '.join(self.looked)}"

    def get(self, option: Option, secret: Mapping[str, Any] | None = None) -> tuple[str, Any]:
        """Return where the file sets an option and its value there, or two empty strings; the secret's own comes first.

        The value is text, a bool or a list of text, as the command line would give it.
        """
        if secret is not None and option.key in secret:
            return self._given(f"[[secret]] {shown_name(secret['id'])}: {option.key}", option, secret[option.key])
        table = self._tables.get(option.table, {})
        if option.key in table:
            return self._given(f"[{option.table}] {option.key}", option, table[option.key])
        return "", ""

    def resolve(self, path: str) -> str:
        """Return a path of the file as an absolute one: `~` is the home, a relative one starts at the file's folder."""
        folder = self.path.parent.absolute() if self.path else Path.cwd()
        return os.path.normpath(folder / os.path.expanduser(path))  # noqa: PTH111 (an unknown ~user stays as it is)

    def _given(self, key: str, option: Option, value: Any) -> tuple[str, Any]:
        """Return the source and a value of the option's type."""
        source = f"{self.path}: {key}"
        if option.flag:
            if isinstance(value, bool):
                return source, value
            raise messages.NOT_TRUE_OR_FALSE(file=self.path, key=key, type=_type(value))
        if option.repeatable:
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return source, value
            raise messages.NOT_AN_ARRAY(file=self.path, key=key, type=_type(value))
        if isinstance(value, int | float) and not isinstance(value, bool) and option.number:
            return source, str(value)
        if not isinstance(value, str):
            raise messages.NOT_A_STRING(file=self.path, key=key, type=_type(value))
        try:
            return source, path_of(option, value, self.resolve) if option.path and value else value
        except SettingsError as error:
            raise messages.told_of(source, error) from None

    def _secrets(self, tables: Any) -> tuple[dict[str, Any], ...]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise messages.NOT_TABLES(file=self.path)
        for number, table in enumerate(tables, 1):
            given = table.get("id")
            name = f"[[secret]] {shown_name(given) if isinstance(given, str) and given else f'number {number}'}"
            self._check(name, "secret", table)
            for key in _TEXTS & table.keys():
                if not isinstance(table[key], str) or not table[key]:
                    raise messages.NOT_A_STRING(file=self.path, key=f"{name}: {key}", type=_type(table[key]))
            secret_word.check_table(self.path, name, table)
            if "id" not in table:
                raise messages.NO_ID(file=self.path, table=name)
            # A name of AWS may contain a `=`, but then what follows is neither a file nor an ARN.
            if found := re.match(r"([^=:/]+)=((?:file|arn):.+)", table["id"], re.DOTALL):
                parts = {"variable": shown_name(found[1]), "id": shown_name(found[2])}
                raise messages.ID_WITH_A_NAME(file=self.path, table=name, **parts)
            if table["id"] == FILE_SCHEME:
                raise messages.NO_FILE_NAMED(file=self.path, table=name)
            try:
                secret_ids.check(table["id"])
            except SettingsError as error:
                raise messages.told_of(f"{self.path}: [[secret]] number {number}: id", error) from None
        return tuple(tables)

    def _check(self, name: str, table: str, given: Mapping[str, Any]) -> None:
        """Refuse a key that the table does not have. `name` is the table as the error shows it."""
        for key in given:
            if key in {"secret", "secret_file"} or key not in _KEYS[table]:
                raise misplaced.in_a_table(self.path, (name, table), key, given[key], _KEYS)


def load(chosen: str, environ: Mapping[str, str], *, system: Path = SYSTEM, seconds: float = BUDGET) -> ConfigFile:
    """Return the settings file: the chosen one, else the user's, else the system's, else an empty one.

    Never one in the working directory: whoever can write there would decide which secrets are read.

    Args:
        chosen: the path that a user gave; empty: look for one.
        environ: the caller's environment.
        system: the settings file of the system.
        seconds: how long the disk may take.

    Raises:
        SettingsError: the chosen one is missing, or one cannot be read or parsed, or not in this time.
    """
    # Not `threading`, which would cost each start a millisecond. A thread that hangs in the kernel dies with the
    # process.
    ended = _thread.allocate_lock()
    outcome: list[ConfigFile | BaseException] = []

    def work() -> None:
        try:
            outcome.append(_found(chosen, environ, system))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.append(error)
        finally:
            ended.release()

    ended.acquire()
    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:  # no thread can be started
        work()
    if not ended.acquire(timeout=seconds):
        raise messages.NOT_IN_TIME(file=chosen or system, time=f"{seconds:g} s")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _found(chosen: str, environ: Mapping[str, str], system: Path) -> ConfigFile:
    """Find the settings file, and read it."""
    if chosen:
        return _read(Path(absolute(os.path.expanduser(chosen))))  # noqa: PTH111
    # XDG base directory specification: ignore a relative XDG_CONFIG_HOME; an empty one means the default.
    home = environ.get("XDG_CONFIG_HOME", "")
    user = Path(home) if Path(home).is_absolute() else Path(os.path.expanduser("~")) / ".config"  # noqa: PTH111
    looked = []
    for path in (user / "secretenv" / "config.toml", system):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            looked.append(f"there is no {path}")
        except PermissionError:
            if os.path.lexists(path.parent):
                raise messages.CLOSED_FOLDER(file=path) from None
            # A home of another user, as under supervisord, which sets no HOME: its settings are not meant for this one.
            looked.append(f"{path} cannot be seen by this user")
        else:
            return _read(path)
    return ConfigFile(None, {}, looked=looked)


def path_of(option: Option, text: str, resolve: Callable[[str], str]) -> str:
    """Return the absolute path that the text of an option means.

    Args:
        option: one that takes a path.
        text: as a user wrote it.
        resolve: makes a path absolute.

    Raises:
        SettingsError: it cannot be a path; what is probably a secret is not quoted.
    """
    path = resolve(parsers.path(text))
    if option.key == "key_password_file" and "/" not in text and not os.path.lexists(path):
        raise messages.NO_PASSWORD_FILE()
    return path


def absolute(path: str) -> str:
    """Return a path as an absolute one, from the working directory.

    Raises:
        SettingsError: it is relative, and the working directory has been removed.
    """
    try:
        return os.path.abspath(path)  # noqa: PTH100
    except FileNotFoundError:
        raise messages.WORKING_DIRECTORY_GONE(path=path) from None


def _read(path: Path) -> ConfigFile:
    import tomllib  # only where there is a file: it costs 5 ms of each start

    try:
        content, status = files.read(str(path))
        if owner := files.stranger(status):
            raise messages.FOREIGN(file=path, owner=owner)
        text = content.decode("utf-8-sig")  # editors on Windows put a byte order mark in front
        who = files.exposed(str(path), status)
        return ConfigFile(path, tomllib.loads(text), warnings=[f"the settings file {who}"] if who else ())
    except PermissionError as error:
        closed = not os.path.lexists(path)
        raise (messages.CLOSED_FOLDER if closed else messages.UNREADABLE)(file=path, reason=error.strerror) from None
    except OSError as error:
        raise messages.UNREADABLE(file=path, reason=error.strerror) from None
    except UnicodeDecodeError:
        raise messages.NOT_UTF8(file=path) from None
    except tomllib.TOMLDecodeError as error:
        raise messages.NOT_TOML(file=path, reason=error) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of nested brackets
        raise messages.NO_SETTING(file=path) from None


def _type(value: object) -> str:
    """Return the type of a value in TOML's words; never the value."""
    types = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array", dict: "a table"}
    return types.get(type(value), "a date or time") if value != "" else "empty"
