"""What a new answer changes, in words for the log: secrets and the names of variables, never a value. Pure."""

from __future__ import annotations

from secretenv.guessing import shown_key
from secretenv.settings import MISSING
from secretenv.wording import short, shown_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretenv.protocol import Answer

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


def of_answer(old: Answer, new: Answer) -> str:
    """Return the names of the variables and files that are changed, new and gone, ten of each at most."""
    variables = of_names("variables", old.variables, new.variables)
    parts = [variables, of_names("files", old.files, new.files, short)]  # paths are the user's own words
    return "; ".join(part for part in parts if part) or "no variable has changed"


def of_names(
    what: str, old: Mapping[str, object], new: Mapping[str, object], shown: Callable[[str], str] = shown_key
) -> str:
    """Return the names that are changed, new and gone, ten at most; empty if there is none."""
    kinds = {
        "changed": [name for name in new if name in old and new[name] != old[name]],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    left, parts = _MOST, []
    for kind, names in kinds.items():
        if names:
            parts.append(f"{kind}: {', '.join(shown(name) for name in sorted(names)[:left])}".rstrip(": "))
            left = max(left - len(names), 0)
    more = sum(map(len, kinds.values())) - _MOST
    if more > 0:
        parts.append(f"and {more} more")
    return f"{what} {'; '.join(parts)}" if parts else ""
