"""What belongs to a NAME: things with its tag, and IoT things, which take no tags, with an attribute of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.provision.wanted import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def has_tag(tags: Sequence[Mapping[str, str]] | None, name: str) -> bool:
    """Tell whether `provision NAME` made what has these tags; they are in the form of every AWS service."""
    return {"Key": TAG, "Value": name} in [dict(tag) for tag in tags or ()]


def has_attribute(thing: Mapping[str, Any], name: str) -> bool:
    """Tell whether `provision NAME` made a thing."""
    return bool(thing.get("attributes", {}).get(TAG) == name)
