"""A terminal that the user went on with, or came back to, while the command is started again."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.integration.supervisor.test_terminal import CATCH, command, supervisor_of
from tests.running import status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.screen import Screen


def test_a_restart_in_the_background_leaves_the_foreground_alone(
    screen: Callable[..., Screen], secret: SecretFile
) -> None:
    """A living job that the user went on with keeps the terminal when the command is started again behind it."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    shell.type(f"{command(secret, '--interval=50ms')} {CATCH} &\n")
    shell.shows("ready ")
    shell.type("cat\n")
    until(lambda: any(status_of(pid, "Name") == "cat" for pid in shell.program.family()))
    secret.put({"VALUE": "two"})
    shell.shows("ready ", times=2)
    for line in ("waited for already", "asked for since"):  # who waits is not told that the foreground was taken
        shell.type(f"{line}\n")
        shell.shows(line, times=2)


def test_a_restart_in_the_background_leaves_the_settings_alone(
    screen: Callable[..., Screen], secret: SecretFile
) -> None:
    """An editor that the user went on with keeps the terminal as it has set it."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    shell.type(f"{command(secret, '--refresh-signal=USR2')} {CATCH}\n")
    shell.shows("ready ")
    supervisor = supervisor_of(shell)
    shell.type("\x1a")
    shell.shows("PROMPT> ", times=2)
    shell.type("bg\n")
    until(lambda: status_of(supervisor, "State").startswith("S"))
    shell.type("sh -c 'stty -echo; echo editing; exec sleep 1000'\n")
    shell.shows("editing\r\n")
    secret.put({"VALUE": "two"})
    os.kill(supervisor, signal.SIGUSR2)
    shell.shows("ready ", times=2)
    assert not shell.echo()


def test_ctrl_z_after_the_end_has_begun(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """Ctrl-Z gives the prompt back also while a command takes its time to end."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.type(f"{command(secret)} {CATCH} --ignore TERM --exit-on USR1\n")
    shell.shows("ready ")
    supervisor = supervisor_of(shell)
    os.kill(supervisor, signal.SIGTERM)
    shell.shows("got TERM")
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.type("fg\n")
    until(lambda: status_of(supervisor, "State").startswith("S"))
    os.kill(supervisor, signal.SIGUSR1)
    shell.shows("bye")


def test_a_job_of_the_background_finds_its_terminal_again(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """What was begun with & and came to the foreground by fg finds echo after a killed program too."""
    go, once = secret.path.with_name("go"), secret.path.with_name("once")
    first = f"touch {once}; until [ -e {go} ]; do sleep 0.05; done; stty -echo -icanon; echo deaf; exec sleep 1000"
    script = f"if [ -e {once} ]; then read x; echo next got $x; else {first}; fi"
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    options = ("--interval=50ms", "--kill-timeout=100ms", "--kill-signal=KILL")
    shell.type(f"{command(secret, *options)} bash -c '{script}' &\n")
    until(once.exists)
    shell.type("fg\n")
    supervisor = supervisor_of(shell)
    until(lambda: _foreground(supervisor) == os.getpgid(supervisor))
    go.touch()
    shell.shows("deaf\r\n")
    assert not shell.echo()
    secret.put({"VALUE": "two"})
    until(shell.echo)
    shell.type("some keys\n")
    shell.shows("next got some keys")


def _foreground(pid: int) -> int:
    """Return the foreground group of a process's terminal."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().rpartition(")")[2].split()[5])
