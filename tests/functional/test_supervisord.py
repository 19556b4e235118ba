"""`examples/supervisord/` as it stands, with a real supervisord and the sandbox."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.container import PROJECT
from tests.running import BASE, CHILD, PYTHON, SECRETENV
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.conftest import World
    from tests.running import Program

BIN = Path(SECRETENV).parent


class Supervisord:
    """A supervisord with the example, and the shell command that talks to it."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def ctl(self, *words: str) -> str:
        """Run supervisorctl and return what it prints."""
        call = [str(BIN / "supervisorctl"), "-c", "supervisord.conf", *words]
        return subprocess.run(call, cwd=self.folder, check=False, capture_output=True, text=True).stdout.strip()

    def log(self, name: str) -> str:
        """Return a log file's text."""
        file = self.folder / name
        return file.read_text("utf-8") if file.exists() else ""

    def shows(self, text: str, times: int = 1, name: str = "myapp.log") -> None:
        """Wait until a log file has the text so often."""
        until(lambda: self.log(name).count(text) >= times, what=f"{text!r} {times} times in {name}: {self.log(name)}")

    @property
    def commands(self) -> list[int]:
        """The pids of the commands so far, from their own words."""
        return [int(pid) for pid in re.findall(r"^ready (\d+)", self.log("myapp.log"), re.MULTILINE)]


def use_the_cache(file: Path) -> None:
    """Put the commented line with the cache in place of the one above it."""
    text = file.read_text("utf-8")
    (line,) = re.findall(r"^;(environment=.*SECRETENV_CACHE=.*\n)", text, re.MULTILINE)
    file.write_text(re.sub(r"^environment=.*\n", lambda _: line, text, count=1, flags=re.MULTILINE), "utf-8")


@pytest.fixture
def supervisord(start: Callable[..., Program], world: World, tmp_path: Path) -> Iterator[Callable[..., Supervisord]]:
    """Return a function that starts supervisord with the example, on a device of the sandbox; it is shut down after."""
    started: list[Supervisord] = []

    def begin(*, cached: bool = False, **variables: str) -> Supervisord:
        folder = tmp_path / "s"
        shutil.copytree(PROJECT / "examples" / "supervisord", folder)
        if cached:
            use_the_cache(folder / "supervisord.conf")
        app = folder / "myapp"
        app.write_text(f'#!/bin/sh\nexec "{PYTHON}" "{CHILD}" --show VALUE\n', "utf-8")
        app.chmod(0o755)
        everything = {**world.variables(), "PATH": f"{folder}:{BASE['PATH']}", **variables}
        words = [str(BIN / "supervisord"), "-n", "-c", "supervisord.conf"]
        made = Supervisord(start(*words, cwd=folder, variables=everything), folder)
        started.append(made)
        made.shows("VALUE=one")
        return made

    yield begin
    for each in started:
        each.program.send(signal.SIGTERM)
        assert each.program.ends() == 0
        assert not each.program.family()


def test_the_life_of_a_program(
    supervisord: Callable[..., Supervisord], world: World, start: Callable[..., Program]
) -> None:
    """A rotation restarts the command alone; crash, `restart` and `stop` behave; the logs are supervisord's."""
    running = supervisord(SECRETENV_TRIAL="0")  # a crash soon after a rotation would get the old values back
    pid = running.ctl("pid", "myapp")
    world.rotate("two")
    assert running.ctl("signal", "USR2", "myapp") == "myapp: signalled"
    running.shows("VALUE=two")
    first, second = running.commands
    assert first != second
    assert running.ctl("pid", "myapp") == pid
    assert "secretenv: " in running.log("myapp.err.log")
    running.shows("entered RUNNING state", name="supervisord.log")
    assert "exited" not in running.log("supervisord.log")

    os.kill(second, signal.SIGKILL)
    running.shows("exited: myapp (terminated by SIGKILL; not expected)", name="supervisord.log")
    running.shows("VALUE=two", times=2)
    assert running.ctl("pid", "myapp") != pid

    # Not waited for: it would wait for `startsecs`.
    start(str(BIN / "supervisorctl"), "-c", "supervisord.conf", "restart", "myapp", cwd=running.folder)
    running.shows("VALUE=two", times=3)
    assert running.ctl("stop", "myapp") == "myapp: stopped"
    assert re.search(r"^myapp\s+STOPPED", running.ctl("status", "myapp"))
    # One TERM each for the rotation, the restart and the stop; the crash left no time for words.
    assert re.sub(r"\d+", "PID", running.log("myapp.log")) == (
        "ready PID VALUE=one\ngot TERM\nbye\nready PID VALUE=two\n"
        "ready PID VALUE=two\ngot TERM\nbye\nready PID VALUE=two\ngot TERM\nbye\n"
    )


def test_supervisord_restarts_for_a_new_version(supervisord: Callable[..., Supervisord], world: World) -> None:
    """With SECRETENV_ON_CHANGE=exit the program ends with 75, and supervisord starts it again with the new values."""
    running = supervisord(SECRETENV_ON_CHANGE="exit")
    world.rotate("two")
    running.ctl("signal", "USR2", "myapp")
    running.shows("exited: myapp (exit status 75; not expected)", name="supervisord.log")
    running.shows("VALUE=two")


def test_the_cache(supervisord: Callable[..., Supervisord], world: World) -> None:
    """With the commented line the program starts from its cache where AWS is away."""
    running = supervisord(cached=True, SECRETENV_TRIAL="0", SECRETENV_CACHE_AFTER="500ms")
    until((running.folder / "myapp.cache").exists, what=running.log("myapp.err.log"))
    assert running.ctl("stop", "myapp") == "myapp: stopped"
    world.sandbox.faults.set("credentials:close")
    assert running.ctl("start", "myapp") == "myapp: started"
    running.shows("VALUE=one", times=2)
    running.shows("starting with the values of the cache, ", name="myapp.err.log")
