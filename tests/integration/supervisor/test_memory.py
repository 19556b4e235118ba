"""Memory of the process that stays: its modules, what its rooms add to an interpreter, and a real idle run."""

from __future__ import annotations

import signal
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import PYTHON, Program
from tests.unit.test_structure import RESIDENT, SHARED
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile

# What an idle run may have, in KiB: README promises 11 MiB where it was measured, on CPython 3.11.
MOST = 11 << 10
MOST_BESIDE = 2560  # on another Python: beside what an interpreter has that has loaded the allowed modules
# What the rooms of secretenv may add to such an interpreter; 49 of it are docstrings. Newer Pythons need more for code.
ROOMS = 736 if sys.version_info[:2] == (3, 11) else 800

ALLOWED = f"import {', '.join(sorted(RESIDENT - {'__future__', '_socket', 'ctypes', 'termios'}))}\n"
LOOP = "import secretenv.supervisor.caller, secretenv.supervisor.loop\n"
SHOW = """
import os
os.write(1, open("/proc/self/smaps_rollup", "rb").read())
"""


def kibibytes(text: str, field: str) -> int:
    """Return a field of smaps_rollup."""
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{field}:"))


def shown(start: Callable[..., Program], code: str) -> str:
    """Return what a fresh, isolated interpreter prints that runs this."""
    program = start(PYTHON, "-I", "-c", code)
    assert program.ends() == 0, program.err
    return program.out


def test_what_the_rooms_add(start: Callable[..., Program]) -> None:
    """Beside the modules of the standard library that it needs, the process that stays has 736 KiB at most."""
    shown(start, LOOP)  # compiles it, where that has not been done yet
    added = [
        kibibytes(shown(start, ALLOWED + LOOP + SHOW), "Private_Dirty")
        - kibibytes(shown(start, ALLOWED + SHOW), "Private_Dirty")
        for _ in range(3)
    ]
    assert 0 < statistics.median(added) <= ROOMS, added


def test_an_idle_run(start: Callable[..., Program], run: Callable[..., Program], secret: SecretFile) -> None:
    """An idle `secretenv run` has 11.0 MiB at most after three checks."""
    found = [_resident(run, secret) for _ in range(3)]
    most = MOST
    if sys.version_info[:2] != (3, 11):
        most = kibibytes(shown(start, ALLOWED + SHOW), "Rss") + MOST_BESIDE
    # How much of a file is mapped beside what is used is chance, and only adds to it.
    assert min(found) <= most, found


@pytest.mark.parametrize("name", ["status.json", "status.prom"])
def test_a_status_file(run: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """A status file costs 100 KiB at most."""
    without = min(_resident(run, secret) for _ in range(3))
    found = [_resident(run, secret, f"--status-file={secret.path.with_name(name)}") for _ in range(3)]
    assert min(found) <= without + 100, (found, without)


def _resident(run: Callable[..., Program], secret: SecretFile, *options: str) -> int:
    words = ("--refresh-signal=USR1", "--log-level=debug", *options, "--", "sh", "-c", "echo ready; exec sleep 1000")
    program = run(secret.option, *words)
    program.shows("ready")
    for times in range(1, 4):
        program.send(signal.SIGUSR1)
        program.logs("no new version", times=times)
    until(lambda: len(program.family()) == 2)
    text = Path(f"/proc/{program.pid}/smaps_rollup").read_text("utf-8")
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
    return kibibytes(text, "Rss")


def test_modules(start: Callable[..., Program]) -> None:
    """The process that stays loads of secretenv its own package and what all share, and no other library."""
    tell = "import sys\nprint(*sys.modules)"
    loaded = {name for name in shown(start, LOOP + tell).split() if name != "secretenv"}
    ours = {name.removeprefix("secretenv.") for name in loaded if name.startswith("secretenv.")}
    assert {name for name in ours if name.split(".")[0] not in SHARED | {"supervisor"}} == set()
    foreign = {name for name in loaded if not name.startswith("secretenv.")}
    assert foreign <= set(shown(start, ALLOWED + tell).split()) | {"__future__"}
