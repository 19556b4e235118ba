"""What is sealed: the last known good answer, with times in place of ages. Pure.

Ages count from the wall clock, which may be wrong: a board without a battery starts in 1970. A clock that is behind
what was known when the file was sealed is not trusted; one that is ahead cannot be told from a right one.
"""

from __future__ import annotations

import json

from secretenv.cache_protocol import Known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DAY = 86400.0  # seconds by which a clock may be behind: it was set, or drifted


def pack(known: Known, now: float, looked_at: float | None) -> bytes:
    """Return the bytes to seal.

    Args:
        known: what the bytes say.
        now: seconds since the epoch.
        looked_at: when AWS last confirmed it, where `known` does not say how long ago that was; None: nobody knows.
    """
    fields = known.to_json()
    age, denied = fields.pop("age"), fields.pop("denied")
    fields["looked_at"] = looked_at if age is None else now - age
    fields["denied_at"] = None if denied is None else now - denied
    return json.dumps(fields).encode()


def unpack(content: bytes, now: float, earliest: float) -> tuple[Known, float | None]:
    """Return what bytes say, and when AWS last confirmed it, if that is known.

    Args:
        content: what `pack` returned.
        now: seconds since the epoch.
        earliest: no right clock shows less; if `now` is less, ages are not known.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: they are something else.
    """
    fields: dict[str, Any] = json.loads(content)
    looked_at, denied_at = fields.pop("looked_at"), fields.pop("denied_at")
    age = None
    if looked_at is not None and now >= max(earliest, looked_at - DAY):
        age = max(now - looked_at, 0.0)
    denied = None if denied_at is None else max(now - denied_at, 0.0)
    return Known.from_json({**fields, "age": age, "denied": denied}), looked_at
