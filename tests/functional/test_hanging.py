"""While a fetch hangs: signals, the end of the command and the start timeout go on as if nothing were wrong."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.protocol import GO
from tests.integration.supervisor.test_terminal import NAMESPACE, as_init, continue_job, press_ctrl_z
from tests.running import CHILD, PYTHON, REAPS_NOTHING, SECRETENV, alive, status_of, words_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.sandbox import Reply, Request
    from tests.functional.conftest import World
    from tests.running import Program
    from tests.screen import Screen


class BlackHole:
    """A service that takes requests and never answers."""

    def __init__(self, world: World, service: str) -> None:
        self.swallowed = 0
        self._service = service
        self._closing = world.sandbox.closing
        self.open = False
        world.sandbox.on_request = self

    def __call__(self, request: Request) -> Reply | None:
        """Take a request, and hold on to its connection."""
        if request.service != self._service or self.open:
            return None
        self.swallowed += 1
        while not (self.open or self._closing.wait(0.05)):
            pass
        raise ConnectionAbortedError


@pytest.fixture(params=["credentials", "aws"])
def black_hole(world: World, request: pytest.FixtureRequest) -> Iterator[BlackHole]:
    """Return a black hole in place of one of the two services; it is opened after the test."""
    hole = BlackHole(world, request.param)
    yield hole
    hole.open = True


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "HUP"])
def test_signals_end_a_hanging_start(device_run: Callable[..., Program], black_hole: BlackHole, name: str) -> None:
    """Before the first start TERM, INT, QUIT and HUP end secretenv by that signal, and its fetcher with it."""
    program = device_run("--", "true")
    until(lambda: black_hole.swallowed)
    program.send(int(getattr(signal, f"SIG{name}")))
    # Meant is a second; what counts is that none of the limits of a fetch, of 5 s and more, is waited for.
    assert program.ends(within=4) == -int(getattr(signal, f"SIG{name}"))
    until(lambda: not program.family())
    assert program.err == ""


def test_no_fetcher_is_left_to_reap(start: Callable[..., Program], world: World, black_hole: BlackHole) -> None:
    """A container's init process may reap nothing: the fetcher that is killed in the end leaves no zombie."""
    program = start(*REAPS_NOTHING, SECRETENV, "run", "--", "true", variables=world.variables())
    until(lambda: black_hole.swallowed)
    (fetcher,) = (pid for pid in program.family() if b"secretenv.fetcher.main" in words_of(pid))
    os.kill(int(status_of(fetcher, "PPid")), signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines == ["-15", "nobody"]


def test_other_signals_are_dropped_before_the_start(device_run: Callable[..., Program], black_hole: BlackHole) -> None:
    """Before the first start other signals are dropped: sent to a command without handlers they would kill it."""
    program = device_run("--", PYTHON, CHILD)
    until(lambda: black_hole.swallowed)
    for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGWINCH, signal.SIGRTMIN):
        program.send(number)
    black_hole.open = True
    program.shows("ready")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines[1:] == ["got TERM", "bye"]


def test_ctrl_z_during_a_hanging_start(screen: Callable[..., Screen], world: World, black_hole: BlackHole) -> None:
    """Ctrl-Z stops a start where a shell can continue it, and else does nothing: Ctrl-C still ends it."""
    shell = screen("bash", "--norc", "--noprofile", "-i", variables=world.variables())
    shell.shows("PROMPT> ")
    shell.type(f"{SECRETENV} run -- true\n")
    until(lambda: black_hole.swallowed)
    shell.type("\x1a")
    shell.shows("Stopped")
    alone = screen(SECRETENV, "run", "--", "true", variables=world.variables())
    until(lambda: black_hole.swallowed > 1)
    press_ctrl_z(alone)
    alone.type("\x03")
    assert alone.program.ends() == -signal.SIGINT
    continue_job(shell)
    shell.type("\x03")
    shell.shows("PROMPT> ", times=3)


@as_init
@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_signals_end_a_hanging_start_as_init(
    start: Callable[..., Program], world: World, black_hole: BlackHole, name: str
) -> None:
    """As PID 1 too, where the kernel drops what is not waited for; the status is 128+N."""
    number = int(getattr(signal, f"SIG{name}"))
    program = start(*NAMESPACE, SECRETENV, "run", "--", "true", variables=world.variables())
    until(lambda: black_hole.swallowed)
    (init,) = (pid for pid in program.family() if status_of(pid, "NSpid").split()[1:] == ["1"])
    os.kill(init, number)
    assert program.ends() == 128 + number


def test_start_timeout_ends_a_hanging_start(device_run: Callable[..., Program], black_hole: BlackHole) -> None:
    """--start-timeout: a hanging fetcher is killed, and the error names the step it hung at."""
    # Long enough to get there on a busy machine, shorter than the 5 s after which a fetcher gives up by itself.
    program = device_run("--start-timeout=4s", "--", "true")
    assert program.ends() == 125
    assert black_hole.swallowed
    assert "at step" in program.err
    assert "it took too long and was killed" in program.err
    assert "Traceback" not in program.err


def test_the_command_does_not_notice(device_run: Callable[..., Program], world: World) -> None:
    """While a fetch is still hanging signals arrive, and the end of the command ends secretenv and the fetcher."""
    program = device_run("--interval=1h", "--refresh-signal=HUP", "--", PYTHON, CHILD, "--exit-on=USR2")
    program.shows("ready")
    hole = BlackHole(world, "aws")
    program.send(signal.SIGHUP)
    until(lambda: hole.swallowed)
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    program.send(signal.SIGUSR2)
    assert program.ends() == 0
    hole.open = True
    until(lambda: not program.family())


def test_a_command_that_has_ended_is_not_started_again(device_run: Callable[..., Program], world: World) -> None:
    """The end of the command counts before an answer that came at the same time, also of an older fetcher."""
    words = ["--interval=1h", "--refresh-signal=HUP", "--kill-timeout=1h", "--", PYTHON, CHILD]
    program = device_run(*words, "--ignore=TERM", "--exit-on=USR2")
    program.shows("ready")
    world.rotate("two")
    program.send(signal.SIGHUP)
    program.shows("got CONT")  # it is being stopped
    world.rotate("three")
    hole = BlackHole(world, "aws")
    program.send(signal.SIGHUP)
    until(lambda: hole.swallowed)
    (fetcher,) = (pid for pid in program.family() if b"secretenv.fetcher.main" in words_of(pid))
    program.send(signal.SIGUSR2)
    program.shows("ready", times=2)
    program.send(signal.SIGSTOP)
    until(lambda: status_of(program.pid, "State").startswith("T"))
    hole.open = True
    (command,) = (pid for pid in program.family() if pid not in {program.pid, fetcher})
    os.kill(command, signal.SIGUSR2)
    until(lambda: not alive(fetcher) and not alive(command))
    # As long as another of its threads is ending, a zombie is not shown to its parent.
    until(lambda: len(list(Path(f"/proc/{fetcher}/task").iterdir())) == 1)
    program.send(signal.SIGCONT)
    assert program.ends() == 0
    assert program.out.count("ready") == 2


def test_sigkill_leaves_no_fetcher(device_run: Callable[..., Program], black_hole: BlackHole) -> None:
    """If secretenv is killed with SIGKILL, a fetcher dies with it."""
    program = device_run("--", "true")
    until(lambda: black_hole.swallowed)
    assert len(program.family()) == 2
    program.send(signal.SIGKILL)
    program.ends()
    until(lambda: not program.family())


def test_what_a_fetcher_is_given(device_run: Callable[..., Program], black_hole: BlackHole) -> None:
    """Nothing of the device or its secrets is in the arguments or the environment of a fetcher, apart from names."""
    program = device_run("--", "true")
    until(lambda: black_hole.swallowed)
    (pid,) = (pid for pid in program.family() if pid != program.pid)
    with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
        assert b"SECRETENV_" not in file.read()
    with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
        assert file.read().split(b"\0")[1] == b"-I"
    assert os.getsid(pid) == pid
    assert int(status_of(pid, "SigBlk"), 16) == 1 << (GO - 1)  # and no other
    program.send(signal.SIGTERM)
    program.ends()
