"""Make a process that asks AWS by itself, without a fetcher, as isolated as a fetcher is."""

from __future__ import annotations

import logging
import os
import warnings

from secretenv.child import PR_SET_DUMPABLE, prctl
from secretenv.fetching import for_helper


def isolate() -> None:
    """Keep what this process will hold in it: no AWS profile, no other roots, no key log, no chatting libraries."""
    prctl(PR_SET_DUMPABLE, 0)  # no core dump, and no reading by others through /proc
    for name in os.environb.keys() - for_helper(os.environb).keys():
        del os.environb[name]
    logging.disable()
    warnings.simplefilter("ignore")
