"""The secret's value, from a file or from standard input: read, checked as a device would, and never shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from secretenv.errors import ContentError, SettingsError
from secretenv.fetcher import variables
from secretenv.settings import Secret

LARGEST = 65536  # bytes that Secrets Manager takes


class Value(NamedTuple):
    """A text that no message may hold, and the words that stand for it."""

    text: str
    words: str

    def __repr__(self) -> str:
        return f"Value({self.words})"


def read(source: str, secret: str) -> tuple[Value, list[str]]:
    """Return the value and what a device would warn of.

    Args:
        source: a path, or `-` for standard input.
        secret: its name, for messages.

    Raises:
        SettingsError: it cannot be read, is no UTF-8 or too large.
        ContentError: a device could not make variables of it.
    """
    where = "standard input" if source == "-" else source
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).expanduser().read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise SettingsError(f"--from-file: {where} cannot be read: {error.strerror}", hint=f"ls -l {where}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--from-file: {where} is not text in UTF-8", hint="write JSON in UTF-8") from None
    if len(data) > LARGEST:
        raise SettingsError(
            f"--from-file: {where} has {len(data)} bytes; Secrets Manager takes {LARGEST}",
            hint="divide it into several secrets",
        )
    plain = Secret(id=secret, name="", version_stage="", prefix="", upcase=False, sanitize=False, only=(), except_=())
    try:
        _, _, warnings = variables.variables([variables.Reading(secret=plain, content=text, version="", created=None)])
    except ContentError as error:
        # What a device is advised to do may need an option that provision has not.
        hint = f"mend {where}: a JSON object, whose keys become variables of these names"
        raise ContentError(f"--from-file: {error.message}", hint=hint) from None
    return Value(text, f"(from {where}, {len(data)} bytes)"), warnings
