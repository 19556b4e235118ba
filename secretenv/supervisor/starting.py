"""Begin a run: start the helpers that the first start probably needs, and have another one read the command line.

What is loaded stays, and nothing of this is needed once the settings are here: `loop` unloads it then.
"""

from __future__ import annotations

from secretenv.supervisor.early import guess
from secretenv.supervisor.ending import leave
from secretenv.supervisor.fetcher_process import Fetch
from secretenv.supervisor.reader import Ended, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from secretenv.settings import Settings
    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.helper_process import Helper
    from secretenv.supervisor.waiting import Signals

ROOMS = ("starting", "early", "reader", "opener")  # to be unloaded


def begin(
    read_settings: Callable[[int], int],
    origin: Origin,
    signals: Signals,
    words: Sequence[str],
    open_cache: Callable[[], object],
) -> tuple[Settings, Fetch | None, Helper | None]:
    """Return the settings, the first fetcher and the process that opens the cache; None: it is started when needed.

    This process ends here where there is no run: a help text was shown, the settings are wrong, or a signal came.

    Args:
        read_settings: the command line: takes a descriptor to write the settings to, returns an exit status.
        origin: what the caller gave to this process.
        signals: where this process waits.
        words: of the command line, after `run`.
        open_cache: the process that opens the cache.

    Raises:
        OSError: no process could be started.
        SecretenvError: the process that reads the command line was killed.
    """
    fetches, opens, files = guess(words, origin.environment)
    # The process that opens the cache begins first: a start from the cache is to be quick.
    opener = _early(lambda: _opener(open_cache, origin)) if opens else None
    first = _early(lambda: Fetch(origin.environment, files)) if fetches else None
    try:
        return ask(read_settings, origin, signals), first, opener
    except BaseException as error:
        for helper in (first, opener):
            if helper is not None:
                helper.abandon()
        if isinstance(error, Ended):
            leave(error.status)
        raise


def _early(start: Callable[[], Any]) -> Any:
    """Start a helper, which dies with this process if it is not needed; None: it is started later."""
    try:
        return start()
    except OSError:
        return None


def _opener(open_cache: Callable[[], object], origin: Origin) -> Helper:
    from secretenv.supervisor.opener import Opener  # most runs have no cache

    return Opener(open_cache, origin.environment)
