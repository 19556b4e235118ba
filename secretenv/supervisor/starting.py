"""Begin a run: start the helpers that the first start probably needs, and have another one read the command line.

What is loaded stays. So the modules that only this needs are unloaded before `loop` is loaded, which takes their
memory.
"""

from __future__ import annotations

import sys

from secretenv.supervisor.early import guess
from secretenv.supervisor.ending import leave
from secretenv.supervisor.failing import fail
from secretenv.supervisor.fetcher_process import Fetch
from secretenv.supervisor.forking import PR_SET_CHILD_SUBREAPER, occupy_standard_descriptors, prctl
from secretenv.supervisor.log import Log
from secretenv.supervisor.reader import Ended, ask
from secretenv.supervisor.waiting import Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from secretenv.settings import Settings
    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.helper_process import Helper

_ROOMS = ("starting", "early", "reader", "opener")


def begin(
    read_settings: Callable[[int], int], origin: Origin, words: Sequence[str], open_cache: Callable[[], object]
) -> tuple[Settings, Signals, Fetch | None, Helper | None]:
    """Return the settings, where this process waits, the first fetcher and the process that opens the cache.

    A helper that is None is started when it is needed. This process ends here where there is no run: a help text was
    shown, the settings are wrong, or a signal came.

    Args:
        read_settings: the command line: takes a descriptor to write the settings to, returns an exit status.
        origin: what the caller gave to this process.
        words: of the command line, after `run`: they tell what will be needed.
        open_cache: the process that opens the cache.
    """
    occupy_standard_descriptors()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    first = opener = None
    try:
        signals = Signals()
        fetches, opens, files = guess(words, origin.environment)
        # The process that opens the cache begins first: a start from the cache is to be quick.
        opener = _early(lambda: _opener(open_cache, origin)) if opens else None
        first = _early(lambda: Fetch(origin.environment, files)) if fetches else None
        return ask(read_settings, origin, signals), signals, first, opener
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a value, and a traceback may block
        for helper in (first, opener):
            if helper is not None:
                helper.abandon()
        if isinstance(error, Ended):
            leave(error.status)
        fail(error, Log())


def _early(start: Callable[[], Any]) -> Any:
    """Start a helper, which dies with this process if it is not needed; None: it is started later."""
    try:
        return start()
    except OSError:
        return None


def _opener(open_cache: Callable[[], object], origin: Origin) -> Helper:
    from secretenv.supervisor.opener import Opener  # most runs have no cache

    return Opener(open_cache, origin.environment)


def unload() -> None:
    """Forget this module and those that only it needs."""
    package = sys.modules[__name__.rpartition(".")[0]]
    for room in _ROOMS:
        sys.modules.pop(f"{package.__name__}.{room}", None)
        package.__dict__.pop(room, None)
