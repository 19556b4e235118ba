"""Work in a thread of its own, whose result is waited for no longer than a limit.

The limits of a socket count for each piece, so an answer that drips never meets them, and a lookup can hang in libc.
What hangs is left to itself: the thread is a daemon and does not keep the process.
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Generic, TypeVar

    Found = TypeVar("Found")
else:
    # `typing` would cost a fetcher 3 ms at its start.
    Generic, Found = {0: object}, 0


class Background(Generic[Found]):
    """One piece of work, begun at once; what it raises is raised where its result is asked for.

    Args:
        work: what to do.

    Raises:
        RuntimeError: no thread can be started.
    """

    def __init__(self, work: Callable[[], Found]) -> None:
        self._work = work
        self._found: Found
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self, seconds: float | None = None, late: Callable[[str], BaseException] = TimeoutError) -> Found:
        """Return what the work returned, or raise what it raised.

        Args:
            seconds: how long to wait; None: for ever.
            late: makes the exception to raise if that was not long enough, of the time that was waited, `25 s`.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise late(f"{seconds:g} s")
        if self._raised is not None:
            raise self._raised
        return self._found

    def _run(self) -> None:
        try:
            self._found = self._work()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._raised = error
