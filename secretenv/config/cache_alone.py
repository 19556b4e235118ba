"""The settings that the commands for the cache need: its path, and the device's files, never to be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.config import missing
from secretenv.config.file import SYSTEM
from secretenv.config.options import BY_KEY
from secretenv.config.sources import Sources
from secretenv.errors import SettingsError
from secretenv.settings import Device

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILES = ("cert", "key", "key_password_file", "ca")


def read(flags: Mapping[str, Any], environ: Mapping[str, str], *, system: Path = SYSTEM) -> tuple[str, Device]:
    """Return the path of the cache, and a device of which only the files are known, as far as they are given.

    Args:
        flags: the options given on the command line, as `merge.read` takes them.
        environ: the caller's environment.
        system: the settings file of the system.

    Raises:
        SettingsError: there is no --cache, or it or the settings file cannot be used.
    """
    sources = Sources(flags, environ, system)
    option = BY_KEY["cache"]
    file = sources.value(option)
    if not file:
        raise missing.error([option], sources, [], reads=False)
    files = {name: _file(sources, name) for name in _FILES}
    fields: dict[str, Any] = {**dict.fromkeys(Device.fields(), ""), "batch": False, **files}
    return file, Device(**fields)


def _file(sources: Sources, name: str) -> str:
    """Return the path of a file of the device; one that cannot be used needs no protection from removal."""
    try:
        return str(sources.value(BY_KEY[name]))
    except SettingsError:
        return ""
