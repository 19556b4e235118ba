"""What every measurement needs: the services, a device's variables, and processes whose time and CPU are known."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.running import BASE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
TOOLS = ("curl", "jq", "aws")  # of plain.sh

# What is measured against what: the words in front of the command. The first is looked up in the device's PATH.
RUN = ("secretenv", "run", "--")
ONCE = ("secretenv", "run", "--once", "--")
PLAIN = ("python", str(HERE / "plain.py"))
SHELL = ("sh", str(HERE / "plain.sh"))
BARE = ("python", "-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])")


class Cost(NamedTuple):
    """What a process took, with all its children that it waited for."""

    seconds: float
    cpu: float  # seconds, user and system


@contextmanager
def installed() -> Iterator[Path]:
    """Yield the folder with the programs of an installation as users have it, of this checkout.

    Not the one that runs the benchmark: an editable installation is found in another way, and extras may be noticed.
    """
    with tempfile.TemporaryDirectory(prefix="secretenv-benchmark-") as folder:
        subprocess.run([PYTHON, "-m", "venv", folder], check=True)
        programs = Path(folder) / "bin"
        subprocess.run([programs / "pip", "install", "-q", f"{HERE.parents[1]}[cache]"], check=True)
        yield programs


class Stage:
    """The services, for as long as the benchmark runs. A context manager.

    Args:
        programs: the folder with the programs to measure.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs

    def __enter__(self) -> Self:
        words = [PYTHON, "-m", "tests.benchmarks.services"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1], start_new_session=True
        )
        told = self._read()
        self._secrets: list[str] = told["secrets"]
        self._variables: dict[str, dict[str, str]] = told["variables"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(30)

    def variables(self, *, milliseconds: int = 0, secrets: int = 1) -> dict[str, str]:
        """Return the whole environment of a device's process.

        Args:
            milliseconds: the round-trip time to both services.
            secrets: how many it reads.
        """
        own = [str(self._programs), *BASE["PATH"].split(os.pathsep)[1:]]
        path = os.pathsep.join([*own, *dict.fromkeys(str(Path(tool).parent) for tool in _tools() if tool)])
        named = {"SECRETENV_SECRET": " ".join(self._secrets[:secrets])}
        return {**BASE, "PATH": path, "HOME": "/nonexistent", **self._variables[str(milliseconds)], **named}

    def tell(self, **order: Any) -> None:
        """Have the services do something; see `services`."""
        self._process.stdin.write(json.dumps(order) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            sys.exit("the services did not start; what they said is above")
        return dict(json.loads(line))


def _tools() -> list[str | None]:
    return [shutil.which(tool) for tool in TOOLS]


def missing_tools() -> str:
    """Return why the shell script cannot be measured, or an empty string."""
    missing = [tool for tool, found in zip(TOOLS, _tools(), strict=True) if not found]
    return f"{' and '.join(missing)} not in PATH" if missing else ""


def start(words: Sequence[str], variables: Mapping[str, str], *, out: int | None = None, err: int | None = None) -> int:
    """Start a process apart from the terminal and return its pid; descriptors that are not given are /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return os.posix_spawn(
            shutil.which(words[0], path=variables["PATH"]) or words[0],
            list(words),
            dict(variables),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, target)
                for target, source in enumerate((null, null if out is None else out, null if err is None else err))
            ],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # CPython ignores them
        )
    finally:
        os.close(null)


def timed(words: Sequence[str], variables: Mapping[str, str]) -> Cost:
    """Run a process to its end.

    Raises:
        SystemExit: it failed, and a benchmark of failures is none.
    """
    with tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        pid = start(words, variables, err=err.fileno())
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - began
        if status:
            err.seek(0)
            sys.exit(f"{' '.join(words)}: status {status}\n{err.read().decode('utf-8', 'replace')}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


@contextmanager
def cores(number: int) -> Iterator[None]:
    """Let what is started meanwhile use so many cores at most."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-number:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
