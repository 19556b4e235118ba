"""Where the supervisor sleeps: it wakes for nothing else, and nothing holds up what is due."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.kernels import WITHOUT_SIGNALFD, WITHOUT_TIMERFD
from tests.running import CHILD, PYTHON, SECRETENV, Program, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


@pytest.mark.parametrize(
    "kernel", [[], WITHOUT_SIGNALFD, WITHOUT_TIMERFD], ids=["this kernel", "without signalfd", "without timerfd"]
)
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


def test_it_wakes_in_time_after_a_suspend(run: Callable[..., Program], secret: SecretFile) -> None:
    """The next check is due on the clock that goes on in a suspend: a timer of CLOCK_BOOTTIME is set to it."""
    program = run(secret.option, "--interval=1h", "--", PYTHON, CHILD)
    ready(program)
    folder = Path(f"/proc/{program.pid}/fdinfo")
    timers = until(lambda: [text for file in folder.iterdir() if "clockid:" in (text := file.read_text("utf-8"))])
    (timer,) = (dict(line.split(":", 1) for line in text.splitlines()) for text in timers)
    assert timer["clockid"].strip() == str(time.CLOCK_BOOTTIME)
    seconds = int(timer["it_value"].strip(" ()").split(",")[0])
    assert 3100 < seconds < 4000


@pytest.mark.parametrize("seconds", [0.05, 1.02])
def test_a_wait_is_as_long_as_asked(start: Callable[..., Program], seconds: float) -> None:
    """A wait without a signal ends when its time is over, and a signal ends it at once; again and again."""
    program = start(PYTHON, "-c", WAITS, str(seconds))
    assert program.ends() == 0, program.err
    assert program.lines == ["in time", "in time", "signal"]


WAITS = """
import os, signal, sys, time
from secretenv.supervisor.waiting import Signals
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signals, seconds = Signals(), float(sys.argv[1])
for _ in range(2):
    before = time.monotonic()
    assert signals.next(seconds) is None
    print("in time" if seconds <= time.monotonic() - before < seconds + 20 else "late")
os.kill(os.getpid(), signal.SIGUSR1)
print("signal" if signals.next(3600).si_signo == signal.SIGUSR1 else "none")
"""


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
