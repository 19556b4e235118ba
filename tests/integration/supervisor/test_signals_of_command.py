"""A command that signals its wrapper, or its group: as PID 1, in a group of its own, under a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.integration.supervisor.test_terminal import NAMESPACE, as_init, init_of
from tests.running import CHILD, PYTHON, SECRETENV, Program, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.screen import Screen

LOOP = "while :; do sleep 0.05; done"
EXITS = "trap 'echo term; exit 5' TERM; trap 'echo int; exit 6' INT"

# Where secretenv runs, and what leads to it there.
HOMES = {
    "group": ([], False),
    "init": (NAMESPACE, False),
    "terminal": ([], True),
    "init-terminal": (NAMESPACE, True),
}


DELAY = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=waitid", "-e", "inject=waitid:delay_enter=30000"]


def can_delay() -> bool:
    """Whether a system call of a process can be delayed here."""
    return shutil.which("strace") is not None and subprocess.run([*DELAY, "true"], check=False).returncode == 0


class Home:
    """A run of secretenv in one of the homes; its command writes to a file."""

    def __init__(self, program: Program, out: Path, *, init: bool) -> None:
        self.program = program
        self._out = out
        self._init = init

    def lines(self) -> list[str]:
        """Return what the command wrote so far."""
        return self._out.read_text("utf-8").splitlines() if self._out.exists() else []

    def says(self, line: str, times: int = 1) -> None:
        """Wait until the command wrote this line so often."""
        until(lambda: self.lines().count(line) >= times, what=f"{line} {times} times in {self.lines()}")

    def send(self, signum: int) -> None:
        """Send secretenv a signal."""
        os.kill(self._pid(), signum)

    def hears(self) -> None:
        """Wait until secretenv has taken what the command sent: the kernel makes one of two equal ones that wait."""
        until(lambda: int(status_of(self._pid(), "ShdPnd"), 16) == 0)

    def _pid(self) -> int:
        return init_of(self.program) if self._init else self.program.pid


@pytest.fixture
def at_home(
    start: Callable[..., Program], screen: Callable[..., Screen], secret: SecretFile, tmp_path: Path
) -> Callable[..., Home]:
    """Return a function that runs a script of the shell under secretenv in one of the homes."""

    def begin(home: str, script: str, *options: str) -> Home:
        before, terminal = HOMES[home]
        out = tmp_path / "said"
        words = [*before, SECRETENV, "run", secret.option, *options, "--", "sh", "-c", f"exec >{out} 2>&1; {script}"]
        return Home(screen(*words).program if terminal else start(*words), out, init=bool(before))

    return begin


def status(home: str, name: int) -> int:
    """Return how secretenv ends in this home where a signal killed its command."""
    return 128 + name if "init" in home else -name


@as_init
@pytest.mark.parametrize(("name", "code"), [("TERM", 5), ("INT", 6)])
@pytest.mark.parametrize("home", HOMES)
def test_it_ends_its_wrapper(at_home: Callable[..., Home], home: str, name: str, code: int) -> None:
    """TERM and INT of the command begin the shutdown and come back once, as with tini or without a wrapper."""
    run = at_home(home, f"{EXITS}; kill -{name} $PPID; {LOOP}")
    assert run.program.ends() == code
    assert run.lines() == [name.lower()]


@as_init
@pytest.mark.parametrize("home", HOMES)
def test_it_dies_of_its_own_term(at_home: Callable[..., Home], home: str) -> None:
    """Without a handler it dies of the TERM that it sent, and secretenv ends so."""
    assert at_home(home, f"kill -TERM $PPID; {LOOP}").program.ends() == status(home, signal.SIGTERM)


@as_init
@pytest.mark.parametrize("home", HOMES)
def test_only_its_first_comes_back(at_home: Callable[..., Home], home: str) -> None:
    """Of several TERM and INT of the command one comes back; another's do all."""
    traps = "trap 'echo term' TERM; trap 'echo int' INT; trap 'exit 7' USR2"
    run = at_home(home, f"{traps}; kill -TERM $PPID; sleep 0.3; kill -TERM $PPID; kill -INT $PPID; echo sent; {LOOP}")
    run.says("sent")
    run.hears()
    run.send(signal.SIGTERM)
    run.says("term", times=2)
    run.send(signal.SIGUSR2)
    assert run.program.ends() == 7
    assert sorted(run.lines()) == ["sent", "term", "term"]


@as_init
@pytest.mark.parametrize("name", ["USR1", "HUP", "QUIT", "TERM", "INT"])
@pytest.mark.parametrize("home", HOMES)
def test_a_handler_that_answers_its_parent(at_home: Callable[..., Home], home: str, name: str) -> None:
    """An answer with the same signal is not sent back, so that it does not go on for ever."""
    traps = f"trap 'echo got; kill -{name} $PPID; echo answered' {name}; trap 'exit 7' USR2"
    run = at_home(home, f"{traps}; echo ready; {LOOP}")
    run.says("ready")
    for times in (1, 2):
        run.send(getattr(signal, f"SIG{name}"))
        run.says("answered", times)
        run.hears()
    run.send(signal.SIGUSR2)
    assert run.program.ends() == 7
    assert run.lines() == ["ready", *["got", "answered"] * 2]


@as_init
@pytest.mark.parametrize("name", ["USR1", "HUP"])
@pytest.mark.parametrize("home", HOMES)
def test_other_signals_of_its_own(at_home: Callable[..., Home], home: str, name: str) -> None:
    """In a group of its own it gets them back, once a second; in a shared group it may have them already."""
    traps = f"trap 'echo got' {name}; trap 'exit 7' USR2"
    run = at_home(home, f"{traps}; kill -{name} $PPID; kill -{name} $PPID; echo sent; {LOOP}")
    run.says("sent")
    run.send(signal.SIGUSR2)
    assert run.program.ends() == 7
    assert run.lines().count("got") == (0 if "terminal" in home else 1)


def test_what_is_for_the_wrapper_alone(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """In a shared group a signal that cannot have been for the whole group is forwarded."""
    code = (
        "import ctypes, os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [10])\n"
        "ctypes.CDLL(None).sigqueue(os.getppid(), 10, 0)\nsignal.sigwait([10])\nprint('came back')"
    )
    shown = screen(SECRETENV, "run", secret.option, "--", PYTHON, "-c", code)
    shown.shows("came back")
    assert shown.program.ends() == 0


# What shells do about the processes that they started, when they get a TERM.
IDIOMS = {
    "then the default": "trap 'echo got; trap - TERM; kill 0' TERM",
    "ignoring its own": "trap 'echo got; trap \"\" TERM; kill 0; exit 3' TERM",
    "at the exit": "trap 'exit 3' TERM; trap 'echo got; kill 0' EXIT",
    "at the exit, once": "trap 'exit 3' TERM; trap 'echo got; trap \"\" TERM; kill 0' EXIT",
    "from a subshell": "trap 'echo got; trap - TERM; (kill 0)' TERM",
    "its jobs first": "sleep 1000 & job=$!; trap 'echo got; trap - TERM; kill $job; kill 0' TERM",
}


@as_init
@pytest.mark.parametrize("idiom", IDIOMS)
@pytest.mark.parametrize("home", HOMES)
def test_it_signals_its_group_in_a_shutdown(at_home: Callable[..., Home], home: str, idiom: str) -> None:
    """A handler with `kill 0` runs once, and secretenv ends: there is no loop between the two."""
    run = at_home(home, f"{IDIOMS[idiom]}; echo ready; {LOOP}")
    run.says("ready")
    run.send(signal.SIGTERM)
    assert run.program.ends() in {3, status(home, signal.SIGTERM)}
    assert run.lines() == ["ready", "got"]


@as_init
@pytest.mark.parametrize("idiom", [idiom for idiom in IDIOMS if idiom != "from a subshell"])
@pytest.mark.parametrize("home", HOMES)
def test_it_signals_its_group_in_a_restart(
    at_home: Callable[..., Home], secret: SecretFile, home: str, idiom: str
) -> None:
    """A handler with `kill 0` that the kill signal calls ends no restart: the command is started again."""
    run = at_home(home, f"{IDIOMS[idiom]}; echo $VALUE; {LOOP}", "--interval=50ms")
    run.says("one")
    secret.put({"VALUE": "two"})
    until(lambda: run.lines() == ["two"])


@pytest.mark.skipif(not can_delay(), reason="strace is not here, or may not trace")
def test_its_last_words_are_its_own(screen: Callable[..., Screen], secret: SecretFile, tmp_path: Path) -> None:
    """A signal that it sent before it died is the command's, even if its end is seen first: no wish to end secretenv.

    The supervisor is slow to look at the processes that ended, so that the command dies between two looks.
    """
    out = tmp_path / "said"
    script = f"exec >>{out} 2>&1; trap 'echo got; trap \"\" TERM; kill 0; exit 3' TERM; echo $VALUE; {LOOP}"
    shown = screen(*DELAY, SECRETENV, "run", secret.option, "--interval=50ms", "--", "sh", "-c", script)
    said: list[str] = []
    for value in ["one", *map(str, range(4))]:
        secret.put({"VALUE": value})
        said += [value] if value == "one" else ["got", value]
        until(lambda: out.exists() and out.read_text("utf-8").split() == said)  # noqa: B023
    assert shown.program.process.poll() is None


@as_init
@pytest.mark.parametrize("home", HOMES)
def test_it_signals_its_group_by_itself(at_home: Callable[..., Home], home: str) -> None:
    """`kill 0` without a cause: the command dies of it, and so does secretenv."""
    assert at_home(home, f"kill 0; {LOOP}").program.ends() == status(home, signal.SIGTERM)


def test_another_signal_of_its_own_in_a_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """During a restart its answer to the kill signal is no wish to end, and another TERM or INT is."""
    script = "trap 'echo term; kill -TERM $PPID; sleep 0.2; kill -INT $PPID' TERM; trap 'echo int; exit 6' INT"
    program = run(secret.option, "--interval=50ms", "--", "sh", "-c", f"{script}; echo ready; {LOOP}")
    program.shows("ready")
    secret.put({"VALUE": "two"})
    assert program.ends() == 6
    assert program.lines == ["ready", "term", "int"]


def test_a_shutdown_of_its_own_is_no_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """After its own TERM nothing is started any more."""
    script = f"trap '' TERM; kill -TERM $PPID; exec {PYTHON} {CHILD} --exit-on=USR1 --ignore=TERM"
    program = run(secret.option, "--interval=50ms", "--", "sh", "-c", script)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR1)
    assert program.ends() == 0
    assert [line for line in program.lines if line.startswith("ready")] == [f"ready {pid}"]
