"""Fetch once and wait for the answer: for commands that show something and end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretenv.protocol import Task
from secretenv.supervisor import messages
from secretenv.supervisor.caller import inherited
from secretenv.supervisor.fetcher_process import Fetch
from secretenv.supervisor.forking import PR_SET_DUMPABLE, prctl

if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.settings import Settings


def fetch_once(settings: Settings) -> Answer:
    """Return the answer from a fetcher.

    Raises:
        SecretenvError: the fetch failed.
    """
    try:
        fetch = Fetch(inherited())
        # From here on this process holds values: no core dump, no reading by others through /proc. Not earlier: /proc
        # of such a process belongs to root.
        prctl(PR_SET_DUMPABLE, 0)
        fetch.begin(Task.of(settings, None))
    except OSError as error:
        raise messages.NO_FETCHER(reason=error.strerror) from None
    answer, _ = fetch.finish(os.waitstatus_to_exitcode(os.waitpid(fetch.pid, 0)[1]))
    if answer.error is not None:
        raise answer.error
    return answer
