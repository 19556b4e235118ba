"""How secretenv ends where the command was killed by a signal."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.running import PYTHON, SECRETENV, Program, status_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile


def test_a_signal_that_cannot_be_died_of(run: Callable[..., Program], secret: SecretFile) -> None:
    """Of two signals glibc does not let a process die in its own name: 128+N."""
    # glibc's posix_spawn leaves one of the two ignored, and Python 3.13 starts the tests' processes with that.
    ignored = int(status_of(os.getpid(), "SigIgn"), 16)
    number = next((each for each in (32, 33) if not ignored >> (each - 1) & 1), None)
    if number is None:
        pytest.skip("whoever started the tests ignores both")
    program = run(secret.option, "--", PYTHON, "-c", f"import os; os.kill(os.getpid(), {number})")
    assert program.ends() == 128 + number
    assert program.err == ""


def test_no_core_of_ours(start: Callable[..., Program], secret: SecretFile, tmp_path: Path) -> None:
    """Core dumps are off where secretenv passes a death on, whatever the limit is: it would hold the values."""
    script = f"ulimit -c unlimited; exec {SECRETENV} run {secret.option} -- sh -c 'kill -SEGV $$'"
    program = start("sh", "-c", script)
    ended = os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    assert (ended.si_code, ended.si_status) == (os.CLD_KILLED, signal.SIGSEGV)
