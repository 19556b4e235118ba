"""The secret's value, from a file or from standard input: read, checked as a device checks it, and never shown."""

from __future__ import annotations

from typing import NamedTuple

from secretenv.errors import ContentError
from secretenv.fetcher import variables
from secretenv.provision import messages, reading

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
        source: a path, or `-` for standard input; a descriptor, as `/dev/fd/63` of a shell's `<(command)`, is read to
            its end.
        secret: its name, for messages.

    Raises:
        SettingsError: it cannot be read, is not UTF-8 or is too large.
        ContentError: a device could not make variables from it.
    """
    if reading.is_content(source):
        raise messages.NOT_A_PATH(option="--from-file")
    where = "standard input" if source == "-" else source
    try:
        data = _bytes(source)
    except OSError as error:
        raise messages.VALUE_UNREADABLE(file=where, reason=error.strerror) from None
    if len(data) > LARGEST:
        raise messages.VALUE_TOO_LARGE(file=where, limit=LARGEST)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise messages.VALUE_NOT_UTF8(file=where) from None
    plain = variables.plain(secret)
    try:
        _, _, warnings = variables.variables(
            [variables.Reading(secret=plain, content=text, version="", created=None, note="")]
        )
    except ContentError as error:
        # The hint for a device may need an option that provision does not have.
        raise messages.VALUE_UNUSABLE(problem=error.message, file=where) from None
    return Value(text, f"(from {where}, {len(data)} bytes)"), warnings


def _bytes(source: str) -> bytes:
    """Return the content, or a byte more than the largest value."""
    if reading.is_stream(source):
        return reading.stream(source, LARGEST + 1)
    return reading.file(reading.absolute(source), LARGEST + 1)
