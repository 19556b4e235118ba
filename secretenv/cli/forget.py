"""`secretenv cache forget`: remove the cache, and say what was removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretenv.cache.main import perform, sealed_at
from secretenv.cache_protocol import CacheTask
from secretenv.wording import moment

if TYPE_CHECKING:
    from secretenv.settings import Device


def forget(file: str, device: Device) -> str:
    """Remove the cache if there is one, and return what was done, in a sentence.

    Args:
        file: its path.
        device: whose files are not to be removed.

    Raises:
        CacheError: it cannot be removed, or is something else.
    """
    there, when = os.path.lexists(file), sealed_at(file)
    # Removing needs neither a key nor the settings that the cache belongs to.
    outcome = perform(CacheTask(wish="forget", file=file, device=device, belongs={}, max_age=0.0, known=None))
    if outcome.error:
        raise outcome.error
    if not there:
        return f"there was no cache {file}"
    return f"removed the cache {file}{f', sealed {moment(when)}' if when else ''}"
