"""The settings in words, each with its source: what `check`, `--dry-run` and the debug log show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.config.file import SYSTEM
from secretenv.config.options import BY_KEY, OPTIONS
from secretenv.config.quoting import name, no_path, shown
from secretenv.config.sources import DEFAULT, Sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def lines(flags: Mapping[str, Any], environ: Mapping[str, str], *, system: Path = SYSTEM) -> list[str]:
    """Return a line for the settings file, and one for each setting that is given somewhere: `NAME = VALUE (SOURCE)`.

    Args:
        flags: the options given on the command line, as `merge.read` takes them.
        environ: the caller's environment.
        system: the settings file of the system.

    Raises:
        SettingsError: the settings file cannot be used.
    """
    sources = Sources(flags, environ, system)
    found = [sources.file.described]
    for option in OPTIONS:
        source, value = sources.given(option)
        if option.key != "config" and source != DEFAULT:
            found.append(f"{option.name} = {_words(value)} ({source})")
    if all(sources.given(BY_KEY[key])[0] == DEFAULT for key in ("secret", "secret_file")):
        found += [f"secret = {_table(table)} ({sources.file.path})" for table in sources.file.secrets]
    return found


def _table(table: Mapping[str, Any]) -> str:
    """Return a `[[secret]]` in words."""
    return "; ".join([name(table["id"]), *(f"{key} = {_words(table[key])}" for key in table if key != "id")])


def _words(value: Any) -> str:
    """Return a value as a user would write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return ", ".join(f"{name(key)} as {name(variable)}" for key, variable in value.items())
    if not isinstance(value, list | tuple):
        return name(str(value))
    words = [str(each) for each in value]
    if not any(no_path(word) for word in words):
        return " ".join(name(word) for word in words)
    return shown("\n".join(words))  # the lines of a key's text in place of a list
