"""When a restart for a new version begins: after the splay, not while the command may be exiting on a signal. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Restart:
    """The restart that waits for its time.

    Args:
        splay: the longest random wait in seconds.
        patience: seconds for which the command may be exiting on a signal.
        uniform: a source of numbers in [0, 1).

    Attributes:
        due: when it begins, or None.
    """

    def __init__(self, splay: float, patience: float, uniform: Callable[[], float]) -> None:
        self.due: float | None = None
        self._splay = splay
        self._patience = patience
        self._uniform = uniform
        self._exiting: dict[int, float] = {}  # per signal: until when the command may still be exiting because of it

    def plan(self, now: float, *, splay: bool = True) -> float:
        """Plan it, with a splay or without, and return the seconds until it begins, 0 for at once."""
        self._exiting = {signum: until for signum, until in self._exiting.items() if until > now}
        wait = max(
            [self._splay * self._uniform() if splay else 0.0, *(until - now for until in self._exiting.values())]
        )
        self.due = now + wait
        return wait

    def begins(self, now: float) -> bool:
        """Return whether it is due; then it is no longer planned."""
        if self.due is None or now < self.due:
            return False
        self.due = None
        return True

    def hold(self, signum: int, now: float) -> None:
        """Delay a restart: the command may be exiting on this signal.

        Repeats do not extend the delay; otherwise frequent HUPs would postpone restarts for ever.
        """
        if signum in self._exiting and (self.due is not None or now < self._exiting[signum]):
            return
        self._exiting[signum] = until = now + self._patience
        if self.due is not None:
            self.due = max(self.due, until)

    def cancel(self) -> None:
        """Plan no restart."""
        self.due = None

    def done(self) -> None:
        """Begin again with a new command, which has received no signal yet."""
        self.due = None
        self._exiting.clear()
