"""The secret's value, from a file or from standard input: read, checked as a device checks it, and never shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from secretenv.errors import ContentError
from secretenv.fetcher import variables
from secretenv.provision import messages
from secretenv.settings import Secret

LARGEST = 65536  # bytes that Secrets Manager takes


class Value(NamedTuple):
    """A text that no message may hold, and the words that stand for it."""

    text: str
    words: str

    def __repr__(self) -> str:
        return f"Value({self.words})"


def read(source: str, secret: str) -> tuple[Value, list[str]]:
    """Return the value and the warnings that a device would log.

    Args:
        source: a path, or `-` for standard input.
        secret: its name, for messages.

    Raises:
        SettingsError: it cannot be read, is not UTF-8 or is too large.
        ContentError: a device could not make variables from it.
    """
    where = "standard input" if source == "-" else source
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).expanduser().read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise messages.VALUE_UNREADABLE(file=where, reason=error.strerror) from None
    except UnicodeDecodeError:
        raise messages.VALUE_NOT_UTF8(file=where) from None
    if len(data) > LARGEST:
        raise messages.VALUE_TOO_LARGE(file=where, size=len(data), limit=LARGEST)
    plain = Secret(id=secret, name="", version_stage="", prefix="", upcase=False, sanitize=False, only=(), except_=())
    try:
        _, _, warnings = variables.variables([variables.Reading(secret=plain, content=text, version="", created=None)])
    except ContentError as error:
        # The hint for a device may need an option that provision does not have.
        raise messages.VALUE_UNUSABLE(problem=error.message, file=where) from None
    return Value(text, f"(from {where}, {len(data)} bytes)"), warnings
