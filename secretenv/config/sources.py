"""The sources of settings: a flag beats a variable beats the settings file beats the default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from secretenv.config import messages, parsers
from secretenv.config.file import absolute, load, path_of
from secretenv.config.options import BY_KEY, Option
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

DEFAULT = "default"


class Sources:
    """What was given for each option, and where.

    Args:
        flags: the options given on the command line by `Option.key`: text, a list of text, or a bool; None is absent.
        environ: the caller's environment; an empty variable counts as not set.
        system: the settings file of the system.

    Attributes:
        file: the settings file; an empty one if there is none.

    Raises:
        SettingsError: the settings file cannot be used.
    """

    def __init__(self, flags: Mapping[str, Any], environ: Mapping[str, str], system: Path) -> None:
        self.environ = environ
        self._flags = flags
        source, chosen = self._without_file(BY_KEY["config"])
        self.file = load(naming(source, parsers.path, chosen), environ, system=system)

    def given(self, option: Option, table: Mapping[str, Any] | None = None) -> tuple[str, Any]:
        """Return the strongest source in words and what it gives; the type is that of a flag.

        Args:
            option: the one that is asked for.
            table: the `[[secret]]` of the settings file, whose keys beat those for all secrets.
        """
        source, value = self._without_file(option)
        if source == DEFAULT:
            in_file, found = self.file.get(option, table)
            if in_file:
                return in_file, found
        return source, value

    def value(self, option: Option, table: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed value of the strongest source.

        Raises:
            SettingsError: it cannot be used; the error names the source.
        """
        source, given = self.given(option, table)
        return naming(source, lambda value: _parsed(option, value), given)

    def _without_file(self, option: Option) -> tuple[str, Any]:
        flag = self._flags.get(option.key)
        if flag is not None and flag != []:
            return f"--{option.name}", flag
        for variable in option.variables:
            if words := self.environ.get(variable):
                return variable, words.split() if option.repeatable else words
        return DEFAULT, () if option.repeatable else option.default


def naming(source: str, parse: Callable[[Any], Any], value: Any) -> Any:
    """Return what a parser makes of a value; its error names the source."""
    try:
        return parse(value)
    except SettingsError as error:
        raise messages.told_of(source, error) from None


def _parsed(option: Option, given: Any) -> Any:
    if isinstance(given, bool):
        return given
    if option.repeatable:
        return tuple(option.parse(word) for word in given)
    if not given and not option.default:
        return False if option.flag else ""  # any other empty text is for the parser to refuse
    if option.path:
        return path_of(option, given, lambda path: absolute(os.path.expanduser(path)))  # noqa: PTH111
    return option.parse(given)
