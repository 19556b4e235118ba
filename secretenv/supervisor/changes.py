"""What a new answer changes, in words for the log: secrets and the names of variables, never a value. Pure."""

from __future__ import annotations

from secretenv.settings import MISSING
from secretenv.wording import short, shown_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 10  # names in one line


def of_secret(secret: str, before: str | None, version: str) -> str:
    """Return what changed about a secret.

    Args:
        secret: its name in the log.
        before: the version until now.
        version: the version from now on.
    """
    if version == MISSING:
        return f"secret {secret} no longer exists; it is optional"
    name = shown_version(secret, version)
    if before == MISSING:
        return f"secret {secret} exists now" + (name and f", with version {name}")
    return f"secret {secret} has a new version {name}".rstrip()


def of_variables(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Return the names of the variables that are changed, new and gone, ten at most."""
    kinds = {
        "changed": [name for name in new if name in old and new[name] != old[name]],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    left, parts = _MOST, []
    for kind, names in kinds.items():
        if names:
            parts.append(f"{kind}: {', '.join(short(name) for name in sorted(names)[:left])}".rstrip(": "))
            left = max(left - len(names), 0)
    more = sum(map(len, kinds.values())) - _MOST
    if more > 0:
        parts.append(f"and {more} more")
    return f"variables {'; '.join(parts)}" if parts else "no variable has changed"
