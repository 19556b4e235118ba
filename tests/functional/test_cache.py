"""Last known good: a device starts without AWS, and at once; with the sandbox and real processes."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.cache.main import perform
from secretenv.cache_protocol import CacheTask, Known
from secretenv.config import merge
from secretenv.protocol import Answer
from tests.functional.conftest import MARKER
from tests.running import SECRETENV
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program

COMMAND = ("--", "sh", "-c", 'echo "start $VALUE"; trap "exit 0" TERM; while :; do sleep 0.1; done')
# The first start proves the values at once; later starts look whenever a test asks.
WORDS = ("--trial=0", "--interval=1h", "--refresh-signal=USR2", "--log-level=debug")


class Cached:
    """A device with a cache in a folder of its own.

    Args:
        begin: starts `secretenv run` on the device.
        file: of the cache.
    """

    def __init__(self, begin: Callable[..., Program], file: Path) -> None:
        self.begin = begin
        self.file = file

    def run(self, *words: str, command: tuple[str, ...] = COMMAND) -> Program:
        """Start `secretenv run` with the cache."""
        return self.begin(f"--cache={self.file}", *WORDS, *words, *command)

    def fill(self) -> bytes:
        """Have a run seal its values, and return the file."""
        program = self.run()
        program.shows("start one")
        program.logs("the cache holds the values")
        program.send(signal.SIGTERM)
        assert program.ends() == 0
        return self.file.read_bytes()


@pytest.fixture
def cached(device_run: Callable[..., Program], tmp_path: Path) -> Cached:
    """Return a device with a cache that is not there yet."""
    return Cached(device_run, tmp_path / "app.cache")


FAULTS = ["credentials:close", "credentials:reset", "credentials:black-hole", "credentials:portal=page",
          "credentials:portal=redirect", "credentials:status=503", "credentials:throttling", "secretsmanager:close",
          "secretsmanager:black-hole", "secretsmanager:portal=page"]  # fmt: skip


@pytest.mark.parametrize("after", ["0", "500ms"])
@pytest.mark.parametrize("fault", FAULTS)
def test_without_aws(cached: Cached, world: World, fault: str, after: str) -> None:
    """Whatever is in the way of AWS, the command starts; it gets new values when AWS can be reached."""
    cached.fill()
    world.sandbox.faults.set(fault)
    program = cached.run(f"--cache-after={after}")
    program.shows("start one")
    assert "starting with the values of the cache, " in program.err
    until(lambda: world.sandbox.faults.met, what="a look")
    world.rotate("two")
    world.sandbox.faults.clear()
    program.send(signal.SIGUSR2)
    program.shows("start two")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert MARKER not in program.raw_err


@pytest.mark.parametrize("after", ["0", "2s"])
@pytest.mark.parametrize("endpoint", ["nowhere.invalid", "localhost:1"], ids=["no DNS", "refused"])
def test_no_endpoint(cached: Cached, world: World, endpoint: str, after: str) -> None:
    """Without a name server, and where nobody listens."""
    given = {"SECRETENV_ENDPOINT": endpoint}
    settings = merge.read({"cache": str(cached.file)}, {**world.variables(), **given}, COMMAND[1:])
    answer = Answer()
    answer.variables, answer.versions = {"VALUE": "kept"}, {world.name: "1"}
    known = Known(answer=answer, refused={}, why="", age=0.0, denied=None, denials=0)
    assert perform(CacheTask.of("seal", settings, known)).error is None
    program = cached.begin(f"--cache={cached.file}", f"--cache-after={after}", *COMMAND, more=given)
    program.shows("start kept")
    program.send(signal.SIGTERM)
    assert program.ends() == 0


STRACE = ("strace", "-f", "-qq", "-e", "trace=openat,execve", "-o")
FILE = """
[run]
cache = "{file}"
cache_after = 0
"""


def can_trace() -> bool:
    """Return whether strace is here and may trace."""
    words = [*STRACE, "/dev/null", "true"]
    return shutil.which("strace") is not None and subprocess.run(words, check=False).returncode == 0


@pytest.mark.parametrize("where", ["flags", "variables", "settings file"])
@pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")
def test_nothing_of_aws_before_the_command(
    cached: Cached, start: Callable[..., Program], world: World, tmp_path: Path, where: str
) -> None:
    """With --cache-after 0 no AWS library is loaded before the command runs."""
    cached.fill()
    words: list[str] = []
    variables = world.variables()
    if where == "flags":
        words = [f"--cache={cached.file}", "--cache-after=0"]
    elif where == "variables":
        variables |= {"SECRETENV_CACHE": str(cached.file), "SECRETENV_CACHE_AFTER": "0"}
    else:
        settings = tmp_path / "config.toml"
        settings.write_text(FILE.format(file=cached.file), "utf-8")
        words = [f"--config={settings}"]
    trace = tmp_path / "trace"
    start(*STRACE, str(trace), SECRETENV, "run", *words, "--", "sleep", "1000", variables=variables)
    until(lambda: trace.exists() and "/botocore/" in trace.read_text("utf-8", "replace"), what="the look behind")
    lines = trace.read_text("utf-8", "replace").splitlines()
    began = next(place for place, line in enumerate(lines) if "execve" in line and '["sleep", "1000"]' in line)
    of_aws = ("/botocore/", "/boto3/", "/requests/", "/urllib3/")
    assert not [line for line in lines[:began] if any(name in line for name in of_aws)]
