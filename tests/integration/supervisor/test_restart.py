"""Restarts with real processes: the stop, the splay, --on-change, and what is not stopped for."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, Program, alive, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile


def test_a_command_that_has_just_ended_is_not_started_again(run: Callable[..., Program], secret: SecretFile) -> None:
    """It ended by itself a moment before its restart was due; that it did is only told after another signal."""
    program = run(secret.option, "--refresh-signal=USR2", "--kill-timeout=4s", "--", PYTHON, CHILD)
    command = ready(program)
    program.send(signal.SIGHUP)  # from here on the restart waits for the kill timeout
    program.shows("got HUP")
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR2)
    program.logs("restarting in")
    told = time.monotonic()
    program.send(signal.SIGSTOP)
    until(lambda: status_of(program.pid, "State").startswith("T"))
    os.kill(command, signal.SIGKILL)
    until(lambda: not alive(command))
    program.send(signal.SIGUSR1)
    until(lambda: time.monotonic() > told + 4)
    program.send(signal.SIGCONT)
    assert program.ends() == -signal.SIGKILL, program.err
    assert "stopping the command" not in program.err


def test_a_stopped_command_is_continued_to_die(run: Callable[..., Program], secret: SecretFile) -> None:
    """The kill signal is followed by CONT: a stopped process would keep it pending until the kill timeout."""
    program = run(secret.option, "--interval=50ms", "--kill-timeout=1h", "--", PYTHON, CHILD)
    pid = ready(program)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: status_of(pid, "State").startswith("T"))
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)


def test_kill_signal_is_what_the_command_gets(run: Callable[..., Program], secret: SecretFile) -> None:
    """--kill-signal."""
    program = run(secret.option, "--interval=50ms", "--kill-signal=usr1", "--", PYTHON, CHILD, "--exit-on=USR1")
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert program.lines[1:3] == ["got USR1", "bye"]


def test_on_change_exit(run: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change exit: the command is stopped and secretenv ends with 75."""
    program = run(secret.option, "--interval=50ms", "--on-change=exit", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    assert program.ends() == 75
    assert program.lines[-1] == "bye"


def test_on_change_signal(run: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change SIGNAL: a change sends the signal instead of restarting."""
    program = run(secret.option, "--interval=50ms", "--on-change=HUP", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got HUP")
    assert program.out.count("ready") == 1


def test_on_change_ignore(run: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change ignore: the change is logged, nothing else."""
    program = run(secret.option, "--interval=50ms", "--on-change=ignore", "--log-level=debug", "--", PYTHON, CHILD)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("has a new version")
    program.logs("no new version", times=program.err.count("no new version") + 2)
    assert program.lines == [f"ready {pid}"]


def test_refresh_signal(run: Callable[..., Program], secret: SecretFile) -> None:
    """--refresh-signal: check now; it is not forwarded."""
    program = run(secret.option, "--interval=1h", "--refresh-signal=HUP", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    program.shows("ready", times=2)
    assert "got HUP" not in program.out


def test_splay_is_interrupted_by_shutdown(run: Callable[..., Program], secret: SecretFile) -> None:
    """No splay in the way of a stop."""
    program = run(secret.option, "--interval=50ms", "--splay=1000h", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.logs("restarting in")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.out.count("ready") == 1


def test_splay_is_ended_by_the_end_of_the_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """A command that ends by itself while a restart waits ends secretenv at once, and is not started again."""
    words = ["--interval=50ms", "--splay=1000h", "--", PYTHON, CHILD, "--exit-on=USR1"]
    program = run(secret.option, *words)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("restarting in")
    os.kill(pid, signal.SIGUSR1)
    assert program.ends() == 0
    assert program.out.count("ready") == 1


def test_a_new_version_that_cannot_be_used_changes_nothing(run: Callable[..., Program], secret: SecretFile) -> None:
    """An error in a new version never touches the running command; the next good one restarts it."""
    program = run(secret.option, "--interval=1h", "--refresh-signal=HUP", "--", PYTHON, CHILD, "--show=VALUE")
    ready(program)
    secret.put("[1]")
    program.send(signal.SIGHUP)
    program.logs("the command keeps its values")
    assert program.out.count("ready") == 1
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    program.shows("VALUE=two")


def test_a_command_that_vanished_is_not_stopped(
    run: Callable[..., Program], secret: SecretFile, tmp_path: Path
) -> None:
    """COMMAND is looked up again before a running command is stopped."""
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\nexec {PYTHON} {CHILD}\n")
    command.chmod(0o755)
    program = run(secret.option, "--interval=1h", "--refresh-signal=HUP", "--", str(command))
    pid = ready(program)
    command.unlink()
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    program.logs("not found")
    assert alive(pid)
    assert program.out.count("ready") == 1
