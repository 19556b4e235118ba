"""The trial of new versions in odd homes: job control, service managers, options that change how the command ends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.test_sd_notify import as_unit, manager
from tests.running import SECRETENV, alive, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.integration.supervisor.test_sd_notify import Manager
    from tests.running import Program

__all__ = ["manager"]  # a fixture

MARKER = "MARKER-7b1e-value-that-must-not-be-shown"
QUICK = ("--interval=50ms", "--kill-timeout=1s")
# The command says its value and does what the value's second word is; a marker is in its environment.
COMMAND = 'echo "start $VALUE $$"; set -- $VALUE; eval "$DO"; exec sleep 1000'


def put(secret: SecretFile, value: str, do: str = ":") -> None:
    """Write a version with which the command runs these words of shell."""
    secret.put({"VALUE": value, "DO": do, "PASSWORD": MARKER + value})


@pytest.fixture
def trying(run: Callable[..., Program], secret: SecretFile) -> Callable[..., Program]:
    """Return a function that runs the command with a good value."""

    def begin(*options: str, do: str = ":") -> Program:
        put(secret, "good", do)
        program = run(secret.option, *QUICK, *options, "--", "sh", "-c", COMMAND)
        program.shows("start good")
        return program

    return begin


def starts(program: Program) -> list[str]:
    """Return the values that the command was started with, in order."""
    return [line.split()[1] for line in program.lines if line.startswith("start ")]


def pid_of(program: Program, value: str) -> int:
    """Return the process of the last start with this value."""
    program.shows(f"start {value} ")
    return int([line for line in program.lines if line.startswith(f"start {value} ")][-1].split()[2])


@pytest.mark.parametrize(
    "options",
    [
        ("--kill-timeout=0",),
        ("--signal-group",),
        ("--splay=100ms",),
        ("--restart-on=values",),
        ("--kill-signal=INT",),
        ("--trial=1h",),
    ],
    ids=" ".join,
)
def test_any_option(trying: Callable[..., Program], secret: SecretFile, options: tuple[str, ...]) -> None:
    """The bad version is taken back with each option; the next one is tried; no value is in secretenv's own output."""
    program = trying(*options)
    put(secret, "bad", "exit 3")
    program.shows("start good", times=2)
    program.logs("did not survive the new version")
    put(secret, "better")
    program.shows("start better")
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
    assert starts(program) == ["good", "bad", "good", "better"]
    assert MARKER not in program.raw_err


def test_killed_by_somebody(trying: Callable[..., Program], secret: SecretFile) -> None:
    """A SIGKILL from outside, as by the kernel when memory runs out, is a failure of the new version."""
    program = trying()
    put(secret, "bad")
    os.kill(pid_of(program, "bad"), signal.SIGKILL)
    program.shows("start good", times=2)
    program.logs("(killed by KILL): it gets the old values back")


def test_a_newer_version_during_the_trial(trying: Callable[..., Program], secret: SecretFile) -> None:
    """A version that comes during a trial is started next; if it fails, the command gets what it had before both."""
    program = trying("--trial=1m")
    put(secret, "second")
    program.shows("start second")
    put(secret, "third", "exit 3")
    program.shows("start good", times=2)
    assert starts(program) == ["good", "second", "third", "good"]


def test_a_stopped_command_on_trial(trying: Callable[..., Program], secret: SecretFile) -> None:
    """A command that somebody stopped lives: it outlasts its trial, and its death afterwards ends secretenv."""
    program = trying("--trial=300ms")
    put(secret, "slow")
    pid = pid_of(program, "slow")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: status_of(pid, "State").startswith("T"))
    program.logs("the command survived the new version")
    os.kill(pid, signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL
    assert starts(program) == ["good", "slow"]


def test_hundreds_of_leftovers(trying: Callable[..., Program], secret: SecretFile) -> None:
    """All that the dead command left is gone before the old one starts, in sessions of their own too."""
    program = trying()
    count = 300
    left = f"i=0; while [ $i -lt {count} ]; do setsid sleep 1000 & i=$((i + 1)); done; exit 3"
    put(secret, "bad", left)
    program.shows("start good", times=2)
    until(lambda: len(program.family()) <= 4)  # secretenv, the command, perhaps a fetcher and its successor
    assert starts(program) == ["good", "bad", "good"]


def test_a_child_from_before(start: Callable[..., Program], secret: SecretFile) -> None:
    """A child that secretenv has from its caller, by exec, is not the command's, and stays."""
    put(secret, "good")
    script = 'sleep 1000 & echo "before $!"; exec "$@"'
    words = (SECRETENV, "run", secret.option, *QUICK, "--", "sh", "-c", COMMAND)
    program = start("sh", "-c", script, "sh", *words)
    program.shows("start good")
    orphan = int(program.out.partition("before ")[2].split()[0])
    put(secret, "bad", "exit 3")
    program.shows("start good", times=2)
    assert alive(orphan)
    os.kill(orphan, signal.SIGKILL)


def test_term_while_the_rest_is_cleared(trying: Callable[..., Program], secret: SecretFile) -> None:
    """TERM at any moment of the detour ends secretenv, and nothing is started after it."""
    program = trying()
    put(secret, "bad", "i=0; while [ $i -lt 300 ]; do setsid sleep 1000 & i=$((i + 1)); done; exit 3")
    program.logs("did not survive the new version")
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
    assert starts(program)[:2] == ["good", "bad"]
    until(lambda: not program.family())


@pytest.mark.parametrize("what", ["ignore", "USR1"])
def test_no_trial_without_a_restart(trying: Callable[..., Program], secret: SecretFile, what: str) -> None:
    """--on-change ignore or a SIGNAL: the command was not restarted, so its failure is its own."""
    program = trying(f"--on-change={what}", do="trap 'echo got it' USR1; while :; do sleep 0.05; done")
    put(secret, "bad")
    program.logs("new version")
    os.kill(pid_of(program, "good"), signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL
    assert starts(program) == ["good"]


def test_a_program_that_is_gone(run: Callable[..., Program], secret: SecretFile, tmp_path: Path) -> None:
    """If the kernel cannot start the command again, secretenv ends with its reason: it is not the value's fault."""
    put(secret, "good")
    file = tmp_path / "program"
    file.write_text(f"#!/bin/sh\n{COMMAND}\n")
    file.chmod(0o755)
    program = run(secret.option, *QUICK, "--", str(file))
    program.shows("start good")
    put(secret, "bad", f"rm {file}; exit 3")
    assert program.ends() == 127
    assert starts(program) == ["good", "bad"]


def test_status_of_the_service(
    start: Callable[..., Program],
    secret: SecretFile,
    manager: Callable[..., Manager],
) -> None:
    """`systemctl status` shows the refused version and why, until the version after it runs."""
    systemd = manager()
    put(secret, "good")
    words = as_unit(secret.option, *QUICK, "--", "sh", "-c", COMMAND)
    program = start(*words, variables={"NOTIFY_SOCKET": systemd.address})
    systemd.hears("READY")
    put(secret, "bad", "exit 3")
    systemd.hears("READY")  # the start with the new version
    assert "did not survive the new version" in systemd.hears("RELOADING")["STATUS"]
    shown = systemd.hears("READY")["STATUS"]
    assert "refused: the new version" in shown
    assert "(exit status 3)" in shown
    put(secret, "better")
    systemd.hears("RELOADING")
    assert systemd.hears("READY")["STATUS"] == f"running with file://{secret.path}"
    assert MARKER not in str(systemd.told) + program.raw_err
