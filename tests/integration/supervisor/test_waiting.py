"""Where the supervisor sleeps: it wakes for nothing else, and nothing holds up what is due."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import WITHOUT_SIGNALFD, ready
from tests.running import CHILD, PYTHON, SECRETENV, Program, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


@pytest.mark.parametrize("kernel", [[], WITHOUT_SIGNALFD], ids=["this kernel", "without signalfd"])
def test_a_pause_beyond_what_is_due_is_no_signal(
    start: Callable[..., Program], secret: SecretFile, kernel: list[str]
) -> None:
    """Stopped (or frozen, as by `docker pause`) while it waits for its next check, and continued after that was due."""
    program = start(*kernel, SECRETENV, "run", secret.option, "--interval=100ms", "--", PYTHON, CHILD)
    ready(program)
    for times in range(1, 11):
        program.send(signal.SIGSTOP)
        until(lambda: status_of(program.pid, "State").startswith("T"))
        due = time.monotonic() + 0.11  # with the 10 % that the interval varies by
        until(lambda due=due: time.monotonic() > due)  # type: ignore[misc]
        program.send(signal.SIGCONT)
        program.shows("got CONT", times)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines[1:] == ["got CONT"] * 10 + ["got TERM", "bye"]
    assert program.err == ""


def test_no_context_switch_while_idle(run: Callable[..., Program], secret: SecretFile) -> None:
    """No busy waiting: the supervisor sleeps until something happens."""
    program = run(secret.option, "--", PYTHON, CHILD)
    ready(program)
    until(lambda: len(program.family()) == 2 and status_of(program.pid, "State").startswith("S"))
    before = _switches(program.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(5)
    assert _switches(program.pid) == before


def _switches(pid: int) -> tuple[str, str]:
    return status_of(pid, "voluntary_ctxt_switches"), status_of(pid, "nonvoluntary_ctxt_switches")


def test_a_flood_of_signals_holds_up_nothing_that_is_due(
    run: Callable[..., Program], start: Callable[..., Program], secret: SecretFile
) -> None:
    """Checks, retries and limits keep their times while signals come without end."""

    def deaf() -> None:
        signal.signal(34, signal.SIG_IGN)  # so the command is; secretenv itself waits for it all the same

    script = "echo ready; exec sleep 1000"
    program = run(secret.option, "--interval=200ms", "--", "sh", "-c", script, preexec_fn=deaf)
    program.shows("ready")
    flood = start(PYTHON, "-c", f"import os\nprint('on',flush=True)\nwhile True: os.kill({program.pid}, 34)")
    flood.shows("on")
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert flood.process.poll() is None
