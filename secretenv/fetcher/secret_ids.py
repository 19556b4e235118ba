"""What can be learned from a secret's id, a name or an ARN: its region, and how a message names several. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretenv.settings import Device, Secret

_NAMED = 3  # of many secrets, in one message


def region_of(secret: Secret, device: Device) -> str:
    """Return the region of a secret: its ARN's, or the device's."""
    parts = secret.id.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 6 and parts[3] else device.region  # noqa: PLR2004


def several(ids: Sequence[str]) -> str:
    """Return the ids of one or more secrets, to begin a message with: `secret a`, `secrets a, b, c and 2 more`."""
    names = ", ".join(ids[:_NAMED])
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"secret {names}" if len(ids) == 1 else f"secrets {names}{more}"
