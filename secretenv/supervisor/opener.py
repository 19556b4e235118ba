"""Fork the process that opens the cache, while the command line is read; see `early`.

A fork saves the start of an interpreter, which takes a fifth of the time of a start from the cache.
"""

from __future__ import annotations

import os

from secretenv.protocol import GO
from secretenv.supervisor.helper_process import Helper, detached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Opener(Helper):
    """The process; until it has a task it only gets ready.

    Args:
        main: what it does, in a copy of this process.
        base: the caller's environment.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, main: Callable[[], object], base: Mapping[bytes, bytes]) -> None:
        self._main = main
        super().__init__("", base, blocked={GO})

    def _start(self, environment: Mapping[bytes, bytes], blocked: Iterable[int]) -> int:
        return detached(lambda: self._become(environment), self._memories, blocked)

    def _become(self, environment: Mapping[bytes, bytes]) -> None:
        os.environb.clear()
        os.environb.update(environment)
        self._main()
