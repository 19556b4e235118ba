"""While the command line is being read: signals, and a helper that is killed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.held import Held


def test_the_reader_of_the_command_line_is_killed(hold: Callable[..., Held], secret: SecretFile) -> None:
    """A killed helper is named, and the status is 125."""
    held = hold(secret.option, "--", "true")
    os.kill(held.reader(), signal.SIGKILL)
    assert held.program.ends() == 125
    words = "secretenv: error: secretenv: the process that reads the command line was killed by signal 9"
    assert words in held.program.err
    assert "secretenv: hint: " in held.program.err


@pytest.mark.parametrize("name", ["USR1", "TSTP"])
def test_what_is_sent_to_the_group_while_the_command_line_is_read(
    hold: Callable[..., Held], secret: SecretFile, name: str
) -> None:
    """What would be dropped before the first start ends nothing and stops nothing, whoever of us gets it."""
    script = "trap '' USR1 TSTP; echo ready; exec sleep 1000"
    # In a session of its own nothing could stop it anyway.
    held = hold(secret.option, "--", "sh", "-c", script, start_new_session=False, process_group=0)
    os.killpg(held.program.pid, getattr(signal, f"SIG{name}"))
    held.goes_on()
    held.program.shows("ready")
    held.program.send(signal.SIGTERM)
    assert held.program.ends() == -signal.SIGTERM


def test_the_refresh_signal_while_the_command_line_is_read(hold: Callable[..., Held], secret: SecretFile) -> None:
    """The refresh signal never ends anything, although it may be HUP and nobody has read yet that it is."""
    held = hold(secret.option, "--refresh-signal=HUP", "--", PYTHON, CHILD)
    reader = held.reader()
    # Both at once for secretenv, however busy the machine is: it does not wait for ever.
    held.program.send(signal.SIGSTOP)
    held.program.send(signal.SIGHUP)
    held.goes_on()
    until(lambda: status_of(reader, "State").startswith("Z"))
    held.program.send(signal.SIGCONT)
    ready(held.program)
    held.program.send(signal.SIGTERM)
    assert held.program.ends() == 0


def test_a_signal_does_not_wait_for_a_command_line_that_hangs(hold: Callable[..., Held], secret: SecretFile) -> None:
    """Before the first start TERM ends secretenv, also while its settings are on a disk that hangs."""
    program = hold(secret.option, "--", "true").program
    program.send(signal.SIGHUP)
    program.send(signal.SIGTERM)
    assert program.ends() in {-signal.SIGHUP, -signal.SIGTERM}


def test_signals_that_come_again_put_off_no_end(hold: Callable[..., Held], secret: SecretFile) -> None:
    """Somebody impatient who sends TERM again and again does not have to wait for longer than who sends one."""
    program = hold(secret.option, "--", "true").program

    def over() -> bool:
        program.send(signal.SIGTERM)
        return program.process.poll() is not None

    until(over)
    assert program.ends() == -signal.SIGTERM


def test_an_ignored_hang_up_while_the_command_line_is_read(hold: Callable[..., Held], secret: SecretFile) -> None:
    """An ignored signal stays ignored from the first moment on: a terminal closed early does not end a nohup."""

    def as_nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    held = hold(secret.option, "--", PYTHON, CHILD, preexec_fn=as_nohup)
    held.program.send(signal.SIGHUP)
    held.goes_on()
    ready(held.program)
