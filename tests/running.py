"""Run the installed `secretenv` as a user would: in its own process, its output in files, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import DEADLINE, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SECRETENV = str(Path(sys.executable).with_name("secretenv"))
CHILD = str(Path(__file__).with_name("child.py"))
PYTHON = sys.executable

# Runs a program and adopts its orphans, as the init process of a container does, but reaps none; prints its status, and
# whether any are left.
_INIT = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
print(subprocess.run(sys.argv[1:]).returncode)
try:
    print(os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG))
except ChildProcessError:
    print("nobody")
"""
REAPS_NOTHING = [PYTHON, "-c", _INIT]

# The least that a program needs; the rest of the tester's environment must not affect a test.
BASE = {"PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class Program:
    """One started program.

    Args:
        words: its argv.
        folder: where its output goes, its working directory, its home and its place for temporary files.
        variables: its environment beside `BASE`.
        options: what else Popen takes.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None, **options: object
    ) -> None:
        self.mark = f"test-{uuid.uuid4().hex}"
        self.folder = folder
        self._out = folder / f"{self.mark}.out"
        self._err = folder / f"{self.mark}.err"
        environment = {**BASE, "HOME": str(folder), "TMPDIR": str(folder), "TEST_MARK": self.mark, **(variables or {})}
        given: dict[str, object] = {"cwd": folder, "stdin": subprocess.DEVNULL, "start_new_session": True}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            given |= {"stdout": out, "stderr": err, **options}
            self.process = subprocess.Popen(list(words), env=environment, **given)  # type: ignore[call-overload]
        self.pid: int = self.process.pid

    @property
    def out(self) -> str:
        """All that it and its children wrote to standard output so far."""
        return self._out.read_text("utf-8", "surrogateescape")

    @property
    def err(self) -> str:
        """All that it and its children wrote to standard error so far, without times in front of lines."""
        return without_times(self.raw_err)

    @property
    def raw_err(self) -> str:
        """All that it and its children wrote to standard error so far."""
        return self._err.read_text("utf-8", "surrogateescape")

    @property
    def lines(self) -> list[str]:
        """The lines of standard output so far."""
        return self.out.splitlines()

    def shows(self, text: str, times: int = 1) -> None:
        """Wait until standard output has `text` so often."""
        self._until(lambda: self.out.count(text) >= times, f"{text!r} {times} times on standard output")

    def logs(self, text: str, times: int = 1) -> None:
        """Wait until standard error has `text` so often."""
        self._until(lambda: self.err.count(text) >= times, f"{text!r} {times} times on standard error")

    def _until(self, condition: object, what: str) -> None:
        try:
            until(condition, what=what)  # type: ignore[arg-type]
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- out\n{self.out[-3000:]}\n--- err\n{self.err[-3000:]}") from None

    def send(self, signum: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, signum)

    def ends(self, *, within: float = DEADLINE) -> int:
        """Wait for its end and return its status, -N for signal N."""
        try:
            return int(self.process.wait(within))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running\n--- out\n{self.out}\n--- err\n{self.err}") from None

    def family(self) -> list[int]:
        """Return the pids of all living processes that carry the program's mark, its own included."""
        return sorted(_marked(self.mark))

    def group(self, group: int) -> list[int]:
        """Return the pids of the family that are in this process group."""
        return [pid for pid in self.family() if group_of(pid) == group]

    def clean(self) -> list[int]:
        """Kill whatever is left, and return what was left besides the program itself.

        A process that secretenv killed as it ended may take a moment to go.
        """
        if self.process.poll() is not None:
            with contextlib.suppress(AssertionError):
                until(lambda: not self.family(), deadline=2)
        left = [pid for pid in self.family() if pid != self.pid]
        while pids := self.family():
            for pid in pids:
                _kill(pid)
            self.process.poll()
        self.process.wait(DEADLINE)
        return left


def without_times(text: str) -> str:
    """Return lines of a log without the times that secretenv writes where nobody else does."""
    return re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?=secretenv: )", "", text, flags=re.MULTILINE)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _marked(mark: str) -> Iterator[int]:
    sign = f"TEST_MARK={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if sign in (entry / "environ").read_bytes().split(b"\0") and not _is_zombie(entry):
                    yield int(entry.name)
            except OSError:
                continue


def _is_zombie(entry: Path) -> bool:
    return (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] in {"Z", "X"}


def group_of(pid: int) -> int:
    """Return the process group of a process, 0 once it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return not _is_zombie(Path(f"/proc/{pid}"))
    except OSError:
        return False


def words_of(pid: int) -> bytes:
    """Return the arguments of a process, none if it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def status_of(pid: int, field: str) -> str:
    """Return a field of /proc/PID/status, empty once the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:")), "")
