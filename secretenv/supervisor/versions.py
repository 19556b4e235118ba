"""Which versions of the secrets to run: what a new answer changes, and whether to believe it yet. Pure.

Secrets Manager is eventually consistent: after a new version the old one may be read again. So the command returns
to a version that it left a moment ago only if a second look finds it again. Version ids are compared for equality
only, since a rollback makes an old one current again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Design of the project: "left less than 60 s ago is not returned to unless a second look after 10 s finds it again".
FLAP_WINDOW = 60.0
SECOND_LOOK = 10.0


class Versions:
    """The version of each secret to run, and the versions that were left."""

    def __init__(self) -> None:
        self.current: dict[str, str] = {}
        self._left: dict[tuple[str, str], float] = {}  # (secret, version): when it was left
        self._returning: dict[tuple[str, str], float] = {}  # a left version that was seen again: when first

    def changes(self, versions: Mapping[str, str], now: float) -> tuple[list[tuple[str, str]], float | None]:
        """Return what these versions change, as (secret, version), and None; or what needs a second look, and when.

        It accepts nothing: `accept` does that.
        """
        changed = {pair for pair in versions.items() if self.current.get(pair[0]) != pair[1]}
        self._left = {pair: left for pair, left in self._left.items() if now - left < FLAP_WINDOW}
        self._returning = {pair: seen for pair, seen in self._returning.items() if pair in changed}
        for pair in changed & self._left.keys():
            self._returning.setdefault(pair, now)
        last = max(self._returning.values(), default=None)
        if last is not None and now - last < SECOND_LOOK:
            return sorted(self._returning), last + SECOND_LOOK
        return sorted(changed), None

    def accept(self, versions: Mapping[str, str], now: float) -> None:
        """Take these versions as the ones to run."""
        for secret, version in self.current.items():
            if versions.get(secret) != version:
                self._left[secret, version] = now
        self.current = dict(versions)

    def take_back(self, versions: Mapping[str, str]) -> None:
        """Return to these versions and forget the last ones, so that the next look finds them again."""
        self.current = dict(versions)
