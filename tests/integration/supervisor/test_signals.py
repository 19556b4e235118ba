"""Signals with real processes: what reaches the command, and what begins the shutdown."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable  # noqa: TC003 (POINTS is annotated at run time)
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import number, ready
from tests.running import CHILD, PYTHON, SECRETENV, Program, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from tests.conftest import SecretFile


FORWARDED = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT", "WINCH", "URG", "IO", "PWR", "PIPE", "ABRT", "SEGV"]


@pytest.mark.parametrize("name", FORWARDED)
def test_each_sent_signal_arrives_once(run: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """Each signal that another process sends to secretenv is forwarded once."""
    program = run(secret.option, "--", PYTHON, CHILD)
    ready(program)
    program.send(number(name))
    program.shows(f"got {name}\n")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines[1:] == [f"got {name}", "got TERM", "bye"]


def test_a_burst_of_real_time_signals_is_complete(run: Callable[..., Program], secret: SecretFile) -> None:
    """Nothing is lost in a burst: real-time signals queue, here and in the command."""
    program = run(secret.option, "--", PYTHON, CHILD)
    ready(program)
    for _ in range(50):
        for each in (signal.SIGRTMIN, signal.SIGRTMIN + 7, signal.SIGRTMAX):
            program.send(each)
    program.shows("got RTMAX\n", times=50)
    program.shows("got 41\n", times=50)
    program.shows("got RTMIN\n", times=50)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert len(program.lines) == 1 + 150 + 2


def test_a_signal_during_the_stop_reaches_the_old_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """During a restart other signals go to the old command."""
    program = run(secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--ignore=TERM", "--exit-on=USR2")
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got TERM")
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    program.send(signal.SIGUSR2)
    program.shows("ready", times=2)
    assert [line for line in program.lines if not line.startswith("ready")][:4] == [
        "got TERM",
        "got CONT",
        "got USR1",
        "got USR2",
    ]


# How far a start has come, and how to see it from outside.
POINTS: dict[str, Callable[[Program], bool]] = {
    # While it waits for signals the kernel shows none of them as blocked.
    "masked": lambda program: int(status_of(program.pid, "SigBlk") or "0", 16) > 1 << 60 or len(program.family()) > 1,
    "command line": lambda program: len(program.family()) > 1,
    # On a busy machine its whole life may pass between two looks.
    "fetcher": lambda program: (
        "ready" in program.out or any(os.getsid(pid) == pid != program.pid for pid in program.family())
    ),
    "running": lambda program: "ready" in program.out,
}


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "HUP"])
@pytest.mark.parametrize("point", POINTS)
def test_signals_during_the_start(run: Callable[..., Program], secret: SecretFile, name: str, point: str) -> None:
    """From the mask on a signal ends secretenv or reaches the command; it is never lost."""
    for _ in range(2):
        program = run(secret.option, "--", PYTHON, CHILD, "--exit-on", name)
        until(lambda program=program: _safely(POINTS[point], program))  # type: ignore[misc]
        program.send(number(name))
        assert program.ends() == (0 if "ready" in program.out else -number(name))


def _safely(look: Callable[[Program], bool], program: Program) -> bool:
    try:
        return look(program)
    except ProcessLookupError:
        return False


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_shutdown_while_running(run: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """TERM or a sent INT begins shutdown: it is forwarded, and there is no later restart; a second is forwarded too."""
    words = ["--ignore=TERM", "--ignore=INT", "--exit-on=USR1"]
    program = run(secret.option, "--interval=50ms", "--kill-timeout=100ms", "--", PYTHON, CHILD, *words)
    pid = ready(program)
    program.send(number(name))
    program.shows(f"got {name}")
    secret.put({"VALUE": "two"})
    program.send(number(name))
    program.shows(f"got {name}", times=2)
    program.send(signal.SIGUSR1)
    assert program.ends() == 0
    assert program.lines == [f"ready {pid}", f"got {name}", f"got {name}", "got USR1", "bye"]


def test_shutdown_during_a_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """During a restart TERM is forwarded and begins shutdown, never a respawn; the status is the command's."""
    program = run(secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--ignore=TERM", "--exit-on=USR1")
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got TERM")
    program.send(signal.SIGTERM)
    program.shows("got TERM", times=2)
    program.send(signal.SIGUSR1)
    assert program.ends() == 0
    assert program.lines == [f"ready {pid}", "got TERM", "got CONT", "got TERM", "got USR1", "bye"]


def test_terminal_signals_that_are_sent_begin_no_shutdown(run: Callable[..., Program], secret: SecretFile) -> None:
    """HUP and QUIT are the command's own business."""
    program = run(secret.option, "--interval=50ms", "--kill-timeout=1s", "--", PYTHON, CHILD)
    ready(program)
    for name in ("HUP", "QUIT"):
        program.send(number(name))
        program.shows(f"got {name}")
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)


ALARM = ["perl", "-e", "use Time::HiRes qw(ualarm); ualarm shift; exec @ARGV"]


@pytest.mark.parametrize("microseconds", [60_000, 900_000], ids=["while it starts", "later"])
def test_an_alarm_of_the_caller(start: Callable[..., Program], secret: SecretFile, microseconds: int) -> None:
    """An alarm that the caller set ends the command, or secretenv where there is none yet, as it ends any program."""
    program = start(*ALARM, str(microseconds), SECRETENV, "run", secret.option, "--", "sleep", "1000")
    assert program.ends() == -signal.SIGALRM


def test_an_alarm_that_the_command_handles(start: Callable[..., Program], secret: SecretFile) -> None:
    """A command with a handler gets the alarm and goes on."""
    program = start(*ALARM, "900000", SECRETENV, "run", secret.option, "--", PYTHON, CHILD)
    program.shows("got ALRM")
    program.send(signal.SIGTERM)
    assert program.ends() == 0


def test_quit_in_the_middle_of_a_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """A stop by QUIT (STOPSIGNAL of many images) during a restart is no restart: nothing is started any more."""
    program = run(secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--ignore=TERM", "--exit-on=USR1")
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got TERM")
    program.send(signal.SIGQUIT)
    program.shows("got QUIT")
    program.send(signal.SIGUSR1)
    assert program.ends() == 0
    assert program.lines == [f"ready {pid}", "got TERM", "got CONT", "got QUIT", "got USR1", "bye"]


def test_signal_group_reaches_the_whole_group(run: Callable[..., Program], secret: SecretFile) -> None:
    """--signal-group: forwarded signals go to the command's process group."""
    script = f"{PYTHON} {CHILD} & {PYTHON} {CHILD} & trap : TERM; wait; wait"
    program = run(secret.option, "--signal-group", "--", "sh", "-c", script)
    program.shows("ready", times=2)
    program.send(signal.SIGTERM)
    program.ends()
    assert program.out.count("got TERM") == 2
