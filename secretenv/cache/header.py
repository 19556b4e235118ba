"""The two lines that a cache begins with: its format, when it was sealed, and which settings it belongs to. Pure.

Anyone who can write the file can write them: before the rest is opened, they are used only in messages.
"""

from __future__ import annotations

import json
import re

FORMAT = b"secretenv cache 1"
LONGEST = 512  # bytes, far more than they have

_OF_ANY_VERSION = b"secretenv cache "
_LONGEST_CHARACTER = 4  # bytes, in UTF-8
_LATEST = 253402300800  # seconds since the epoch: the year 10000, which no date shows
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class Header:
    """What the two lines say.

    Args:
        sealed_at: seconds since the epoch.
        belongs: the fingerprint of the settings, in hex.
        size: how many bytes the lines have, where they were read.
    """

    def __init__(self, sealed_at: float, belongs: str, size: int = 0) -> None:
        self.sealed_at = sealed_at
        self.belongs = belongs
        self.size = size

    def lines(self) -> bytes:
        """Return them as they are written."""
        return FORMAT + b"\n" + json.dumps({"belongs": self.belongs, "sealed_at": self.sealed_at}).encode() + b"\n"

    @classmethod
    def of(cls, raw: bytes) -> Header | None:
        """Return what a file begins with, or None if it is something else."""
        first, _, rest = raw[:LONGEST].partition(b"\n")
        second, end, _ = rest.partition(b"\n")
        if first != FORMAT or not end:
            return None
        try:
            fields = json.loads(second)
            sealed_at, belongs = float(fields["sealed_at"]), str(fields["belongs"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        # NaN is within no limits.
        if not (0 <= sealed_at < _LATEST and _FINGERPRINT.fullmatch(belongs)):
            return None
        return cls(sealed_at, belongs, len(first) + len(second) + 2)


def is_text(raw: bytes) -> bool:
    """Return whether a person or another program has written this: no cache, not even one that is damaged, is text.

    Args:
        raw: the first `LONGEST` bytes of a file.
    """
    if raw.startswith(_OF_ANY_VERSION) or _OF_ANY_VERSION.startswith(raw) or b"\0" in raw:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return len(raw) - error.start < _LONGEST_CHARACTER  # the last character is cut off
    return True
