"""Temporary AWS credentials as a value, kept out of `identity/provider` so that passing them on loads no requests."""

from __future__ import annotations

from secretenv.values import Values

MARGIN = 300  # seconds before the end at which AWS's own clients fetch new ones
SHARE = 3  # of a short life: a third of it is the margin, so that 900 s credentials are used for ten minutes


class Credentials(Values):
    """What the credentials provider gave. Times are epoch seconds by this machine's clock."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float
    obtained: float

    def __repr__(self) -> str:
        return f"Credentials(expiration={self.expiration!r})"

    def left(self, now: float) -> float:
        """Return for how many seconds they are still valid."""
        # A clock that was set back since is no reason to trust them longer than they were given for.
        return min(self.expiration - now, self.expiration - self.obtained)

    def still_good(self, now: float) -> bool:
        """Tell whether there is no need for new ones yet."""
        return self.left(now) > min(MARGIN, (self.expiration - self.obtained) / SHARE)
