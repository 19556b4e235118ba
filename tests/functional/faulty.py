"""A `secretenv run` in the sandbox while faults come and go: what is done to it, and what is seen of it."""

from __future__ import annotations

import re
import resource
import signal
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.functional.conftest import MARKER, World
from tests.running import CHILD, PYTHON, Program, alive, status_of, words_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# One check at the start, and then one whenever a test asks for it: nothing depends on time.
WORDS = ("--log-level=debug", "--refresh-signal=USR2", "--interval=1h", "--", PYTHON, CHILD, "--show=VALUE")
RUNNING = "the command keeps its values"
AGAIN = "trying again in"


class Run:
    """A `secretenv run`, and what is switched around it."""

    def __init__(self, program: Program, world: World) -> None:
        self.program = program
        self.world = world
        self.faults = world.sandbox.faults
        self.broken = False
        self._seen = 0
        self.look_from_here()

    def look_from_here(self) -> None:
        """Regard nothing that was said so far."""
        self._seen = len(self.program.err)
        self.faults.met = 0

    @property
    def said(self) -> str:
        """What it has said since the last look."""
        return self.program.err[self._seen :]

    @property
    def command(self) -> int:
        """The pid of the newest command."""
        return int(re.findall(r"ready (\d+)", self.program.out)[-1])

    @property
    def fetcher(self) -> int:
        """The pid of the fetcher, once it has met a fault."""
        until(lambda: self.faults.met, what="a fault that was met")
        return next(pid for pid in self.program.family() if b"secretenv.fetcher.main" in words_of(pid))

    def rotate(self) -> str:
        """Give the secret a value that it never had, and return what the command shows of it."""
        value = uuid.uuid4().hex
        self.world.rotate(value)
        return f"VALUE={value}"

    def check(self) -> None:
        """Ask for a check now."""
        self.program.send(signal.SIGUSR2)

    def says(self, words: str, link: str = "") -> None:
        """Wait for a line with these words, and see that it blames this link."""
        self.program.logs(words, times=self.program.err[: self._seen].count(words) + 1)
        line = next(line for line in self.said.splitlines() if words in line)
        assert re.match(rf"secretenv: (warning|error): {re.escape(link) or '[^:]+'}: ", line), line

    def mend(self, shows: str) -> None:
        """Switch all faults off and wait for what the command shows then."""
        self.faults.clear()
        self.check()
        self.program.shows(shows)

    def is_clean(self) -> None:
        """Look at all that can be seen of it: no traceback, no credentials, and no value but in the command."""
        assert "Traceback" not in self.program.err
        assert "ASIA" not in self.program.err + self.program.out
        assert MARKER not in self.program.err + self.program.out
        assert not [pid for pid in self.program.family() if MARKER.encode() in words_of(pid)]
        assert not [file for file in files_of(self.program) if MARKER.encode() in file.read_bytes()]

    def breaks(self, link: str, broken: Callable[[], object]) -> None:
        """Break something, and see that the command keeps its values and its pid until it is mended."""
        command, unseen = self.command, self.rotate()
        self.broken = True
        broken()
        self.world.sandbox.expire_credentials()
        self.check()
        self.says(RUNNING, link)
        assert self.command == command
        assert alive(command)
        assert unseen not in self.program.out

    def recovers(self, *, by_itself: bool = False) -> None:
        """See that the newest values come in a new command, now that all is mended, and that it says so.

        Args:
            by_itself: wait for the next retry instead of asking for a check.
        """
        command, shows = self.command, self.rotate()
        if by_itself:
            self.program.shows(shows)
        self.mend(shows)
        self.broken = False
        assert not alive(command)
        assert "secrets can be read again" in self.said
        self.is_clean()


def halve(file: Path) -> bytes:
    """Leave half of a file, and return what it was."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return content


@contextmanager
def starved(pid: int) -> Iterator[None]:
    """Leave the supervisor a little memory more than it has: too little for a fetcher, which inherits the limit."""
    size = int(status_of(pid, "VmSize").removesuffix(" kB")) * 1024 + (8 << 20)
    resource.prlimit(pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    yield
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def files_of(program: Program) -> Iterator[Path]:
    """Yield every file that it may have written: in its folders, in shared memory, and what it has open."""
    for folder in (program.folder, Path("/dev/shm")):
        yield from (file for file in folder.rglob("*") if file.is_file())
    for link in Path(f"/proc/{program.pid}/fd").glob("*"):
        target = link.resolve()
        if target.is_file():
            yield target
