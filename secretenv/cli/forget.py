"""`secretenv cache forget`: remove the cache, and say what was removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretenv.cache import cache_file
from secretenv.cache.main import perform, sealed_at
from secretenv.cache_protocol import CacheTask
from secretenv.cli import messages
from secretenv.wording import moment

if TYPE_CHECKING:
    from secretenv.settings import Device

_BEGINNING = b"secretenv cache "  # of a cache of any version


def forget(file: str, device: Device) -> str:
    """Remove the cache if there is one, and return what was done, in a sentence.

    Args:
        file: its path.
        device: whose files are not to be removed.

    Raises:
        CacheError: it cannot be removed, or is something else.
    """
    there, when = os.path.lexists(file), sealed_at(file)
    _refuse_others(file)
    # Removing needs neither a key nor the settings that the cache belongs to.
    outcome = perform(CacheTask(wish="forget", file=file, device=device, belongs={}, max_age=0.0, known=None))
    if outcome.error:
        raise outcome.error
    if not there:
        return f"there was no cache {file}"
    return f"removed the cache {file}{f', sealed {moment(when)}' if when else ''}"


def _refuse_others(file: str) -> None:
    """Refuse to remove a file that secretenv has not written: --cache may have been mistyped.

    Raises:
        CacheError: it is one.
    """
    try:
        found = cache_file.beginning(file, len(_BEGINNING))
    except OSError:  # there is none, or removing says more
        return
    if found and found != _BEGINNING:
        raise messages.NOT_A_CACHE(file=file)
