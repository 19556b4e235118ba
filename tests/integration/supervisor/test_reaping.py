"""Reports of processes that ended or stopped."""

from __future__ import annotations

import os
import subprocess

from secretenv.supervisor.reaping import take_stop


def test_a_child_that_is_killed_after_it_was_seen_stopped() -> None:
    """A child that was stopped a moment ago and is dead by now is no error; its end is found next."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert take_stop(process.pid) is None
