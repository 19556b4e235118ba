"""The first fetcher, which is started before the command line has been read: here a settings file that is a FIFO."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.protocol import GO
from tests.held import HELD, Held, open_files
from tests.running import PYTHON, REAPS_NOTHING, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.running import Program

SHOW = ["--", "sh", "-c", 'echo "got $VALUE"']


def _has_loaded(pid: int, module: str) -> bool:
    return module in Path(f"/proc/{pid}/maps").read_text("utf-8")


def test_it_loads_its_libraries_meanwhile(hold: Callable[..., Held], secret: SecretFile) -> None:
    """What a fetch needs is loaded while the command line is read; the fetcher that did so makes the first fetch."""
    held = hold(secret.option, *SHOW)
    only = held.fetcher()
    until(lambda: _has_loaded(only, "/_ssl."))
    os.kill(only, signal.SIGSTOP)
    until(lambda: status_of(only, "State").startswith("T"))
    held.goes_on()
    until(lambda: int(status_of(only, "ShdPnd"), 16) & 1 << (GO - 1))
    os.kill(only, signal.SIGCONT)
    assert held.program.ends() == 0
    assert held.program.lines == ["got one"]


def test_it_is_apart_from_what_the_caller_left_for_the_command(
    hold: Callable[..., Held], secret: SecretFile, tmp_path: Path
) -> None:
    """No key of the terminal reaches it, it holds none of the command's files open, and it ignores nothing."""

    def as_nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with (tmp_path / "inherited").open("w") as file:
        held = hold(secret.option, *SHOW, pass_fds=[file.fileno()], preexec_fn=as_nohup)
    fetcher = held.fetcher()
    assert os.getsid(fetcher) == fetcher
    assert not int(status_of(fetcher, "SigIgn"), 16) & 1 << (signal.SIGHUP - 1)
    assert file.name in open_files(held.program.pid)
    assert file.name not in open_files(fetcher)
    held.goes_on()
    assert held.program.ends() == 0


def test_a_task_that_comes_before_it_is_one(start: Callable[..., Program]) -> None:
    """GO waits for it, whenever it comes: here, as if by chance, before it has blocked anything."""
    program = start(PYTHON, "-c", EARLY_GO)
    assert (program.ends(), program.lines) == (0, ["0"])


EARLY_GO = """
import os
from secretenv.protocol import GO
from secretenv.supervisor.helper_process import spawn_helper
os.setsid = lambda: os.kill(os.getpid(), GO)
pid = spawn_helper(["/bin/true"], {}, [0, 1, 2], blocked={GO})
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_one_that_was_killed_is_replaced(hold: Callable[..., Held], secret: SecretFile) -> None:
    """Its end is seen, although nobody waited for it when it came; the fetch is tried again."""
    held = hold(secret.option, *SHOW)
    first = held.fetcher()
    os.kill(first, signal.SIGKILL)
    until(lambda: status_of(first, "State").startswith("Z"))
    held.goes_on()
    assert held.program.ends() == 0
    assert held.program.lines == ["got one"]
    assert "the fetcher ended without an answer: it was killed by signal 9; trying again" in held.program.err


def test_a_signal_that_goes_to_all_of_a_service_is_no_task(hold: Callable[..., Held], secret: SecretFile) -> None:
    """`systemctl kill --signal=USR1` reaches the waiting fetcher too: it goes on waiting for what it is to fetch."""
    held = hold(secret.option, *SHOW)
    first = held.fetcher()
    until(lambda: _has_loaded(first, "/_ssl."))
    os.kill(first, GO)
    until(lambda: not int(status_of(first, "ShdPnd"), 16) & 1 << (GO - 1))
    held.goes_on()
    assert held.program.ends() == 0
    assert (held.program.lines, held.program.err) == (["got one"], "")


@pytest.mark.parametrize("settings", ["nonsense", "[run]\ninterval = 'never'"])
def test_it_ends_with_a_command_line_that_is_wrong(
    hold: Callable[..., Held], secret: SecretFile, settings: str
) -> None:
    """There is nothing to fetch then: it is killed with the process that started it."""
    held = hold(secret.option, *SHOW)
    first = held.fetcher()
    held.goes_on(settings)
    assert held.program.ends() == 125
    until(lambda: status_of(first, "State")[:1] in {"", "Z"})


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "HUP"])
def test_a_signal_that_ends_the_start_leaves_nothing_to_reap(
    start: Callable[..., Program], tmp_path: Path, secret: SecretFile, name: str
) -> None:
    """Neither it nor the reader of the command line is left to an init process that may reap nothing."""
    number = int(getattr(signal, f"SIG{name}"))
    held = Held(lambda *words: start(*REAPS_NOTHING, *HELD, "run", *words), tmp_path, secret.option, *SHOW)
    with contextlib.closing(held):
        os.kill(int(status_of(held.fetcher(), "PPid")), number)
        assert held.program.ends() == 0
    assert held.program.lines == [str(-number), "nobody"]


def test_none_for_what_only_shows(hold: Callable[..., Held], secret: SecretFile) -> None:
    """A dry run fetches in its own process: no fetcher is started for nothing."""
    held = hold("--dry-run", secret.option, *SHOW)
    assert held.fetchers() == []
    held.goes_on()
    assert held.program.ends() == 0
