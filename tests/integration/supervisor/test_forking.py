"""Processes that secretenv forks: they die with it, and leave nothing to reap."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, REAPS_NOTHING, SECRETENV, Program, alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


# What befalls a child before it is the command is chance, and so feigned: its parent has ended already, ...
ORPHANED = """
os.getppid = lambda: 1
pid = forking.fork(lambda: os._exit(7))
"""


# ... or somebody presses Ctrl-C.
INTERRUPTED = """
origin = caller.Origin(signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
os.setpgid = lambda *_: os.kill(os.getpid(), signal.SIGINT)
become = lambda: os.execve("/bin/true", ["true"], {})
pid = command.spawn("/bin/true", become, origin, group=True).pid
"""


@pytest.mark.parametrize(("story", "end"), [(ORPHANED, signal.SIGKILL), (INTERRUPTED, signal.SIGINT)])
def test_what_befalls_a_child_before_it_is_the_command(start: Callable[..., Program], story: str, end: int) -> None:
    """No command is left without a supervisor, where PR_SET_PDEATHSIG comes too late; no interrupt is swallowed."""
    tell = "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    program = start(
        PYTHON, "-c", f"import os, signal\nfrom secretenv.supervisor import caller, command, forking\n{story}{tell}"
    )
    assert (program.ends(), program.lines, program.err) == (0, [str(-end)], "")


def test_sigkill_of_secretenv_leaves_no_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """If secretenv is killed with SIGKILL, the command dies with it."""
    program = run(secret.option, "--", PYTHON, CHILD)
    pid = ready(program)
    program.send(signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL
    until(lambda: not alive(pid))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--", "sh", "-c", "exit 3"], 3),
        (["--", "sh", "-c", "kill $$"], -15),
        (["--", "no-such-program"], 127),
        (["--interval=never", "--", "true"], 125),
    ],
)
def test_nothing_is_left_to_reap(
    start: Callable[..., Program], secret: SecretFile, words: list[str], status: int
) -> None:
    """In a container whose init process reaps nothing, each `docker exec` of secretenv would leave zombies for good."""
    program = start(*REAPS_NOTHING, SECRETENV, "run", secret.option, *words)
    assert program.ends() == 0
    assert program.lines == [str(status), "nobody"]
