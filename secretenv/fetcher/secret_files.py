"""From secrets to files: which content goes where. Pure.

Writing them is the supervisor's business, before the command starts. No message of this module holds a value.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from secretenv.fetcher import messages
from secretenv.fetcher.variables import object_of, text_of, value_of
from secretenv.guessing import shown_key
from secretenv.settings import PATH_MARK
from secretenv.wording import short

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from secretenv.fetcher.variables import Reading


def files(readings: Sequence[Reading], variables: Collection[str]) -> tuple[dict[str, tuple[str, int]], dict[str, str]]:
    """Return the content of each file in base64 with its mode, and the id of the secret that it came from, by target.

    A key whose value is null makes no file, and neither does an optional secret that is missing.

    Args:
        readings: of the secrets.
        variables: the names of those that the secrets give: none of them may be that of a file's path.

    Raises:
        ContentError: a file cannot be made of a secret; it names the secret and the key.
    """
    found: dict[str, tuple[str, int]] = {}
    origins: dict[str, str] = {}
    for reading in readings:
        for key, target in reading.secret.files:
            content = _content(reading, key)
            if content is None:
                continue
            if PATH_MARK not in target and target in variables:
                raise messages.FILE_IS_A_VARIABLE(secret=short(reading.secret.id), variable=short(target))
            encoded = binascii.b2a_base64(content, newline=False).decode()
            found[target] = encoded, reading.secret.file_mode
            origins[target] = reading.secret.id
    return found, origins


def _content(reading: Reading, key: str) -> bytes | None:
    """Return the bytes of a file, or None if there is nothing to write: the whole secret, or the value of a key."""
    secret, held = reading.secret, reading.content
    if held is None:
        return None
    source = f"secret {short(secret.id)}"
    if key:
        source = f"key {shown_key(key)} of {source}"
        value = value_of(secret, object_of(secret, held), key)
        if value is None:
            return None
        held = text_of(secret, key, value)
    if isinstance(held, bytes):
        return held
    try:
        return held.encode()
    except UnicodeEncodeError:
        raise messages.SURROGATE_IN_VALUE(source=source) from None
