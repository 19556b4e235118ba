"""The soak: hundreds of checks with faults of all kinds, after which secretenv is as small and as alive as before."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.functional.faulty import RUNNING, WORDS, Run, halve, starved
from tests.functional.test_faults import PASSING
from tests.running import alive, status_of, words_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.sandbox import Device
    from tests.functional.conftest import World
    from tests.running import Program

ROTATIONS = 30
CHECKS = 500
# Of each rotation. A check that reads from AWS costs a quarter of a second of a core, one that ends at the certificate
# a tenth, one that has no memory a thirtieth: all 500 together less than a minute.
WITHOUT_MEMORY = (7, 9)
AT_THE_CERTIFICATE = (4, 6)
AT_AWS = (1, 2)
SEED = 20_210_501
ROOM = 1024  # kB that the memory may differ by


class Looks(NamedTuple):
    """What is to be the same at the end."""

    memory: int  # VmRSS, kB
    descriptors: list[str]
    children: int


class Soak(Run):
    """A run that checks without being asked."""

    @property
    def checks(self) -> int:
        """How many checks have come to an end, by the line that each of them leaves at debug level."""
        said = self.program.err
        return sum(said.count(words) for words in ("no new version", "has a new version", RUNNING))

    def passes(self, checks: int) -> None:
        """Wait for so many checks more."""
        enough = self.checks + checks
        until(lambda: self.checks >= enough, what=f"{enough} checks in {self.program.err[-2000:]}")

    def looks(self) -> Looks:
        """Look at the supervisor while it sleeps: the fetcher is in a black hole."""
        self.faults.met = 0
        self.faults.set("secretsmanager:black-hole")
        until(lambda: self.faults.met, what="a fetcher in the black hole")
        pid = self.program.pid
        children = dict(children_of(pid))
        assert "Z" not in children.values(), children
        assert sorted(self.program.family()) == sorted([pid, *children])
        assert sum(b"secretenv.fetcher.main" in words_of(child) for child in children) == 1
        descriptors = sorted(os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())  # noqa: PTH115
        memory = int(status_of(pid, "VmRSS").removesuffix(" kB"))
        self.faults.clear()
        return Looks(memory, descriptors, len(children))


def children_of(pid: int) -> Iterator[tuple[int, str]]:
    """Yield the children of a process with their states, zombies among them."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid:
            yield int(entry.name), state


@pytest.fixture
def device(world: World) -> Iterator[Device]:
    """Return a device of the test's own; the sandbox is mended after it."""
    yield world.sandbox.device()
    world.sandbox.faults.clear()


def test_soak(device_run: Callable[..., Program], world: World, device: Device) -> None:
    """Through 500 checks with random faults and 30 rotations the last values arrive, and nothing piles up."""
    chance = random.Random(SEED)
    words = ["--interval=10ms" if word.startswith("--interval") else word for word in WORDS]
    soak = Soak(device_run(*words, device=device), world)
    soak.passes(10)
    before = soak.looks()
    for _ in range(ROTATIONS):
        command = soak.command
        file = chance.choice([device.cert, device.key])
        whole = halve(file)
        world.sandbox.expire_credentials()
        shows = soak.rotate()
        soak.passes(chance.randint(*AT_THE_CERTIFICATE))
        with starved(soak.program.pid):
            soak.passes(chance.randint(*WITHOUT_MEMORY))
        soak.faults.set(chance.choice(list(PASSING)))
        file.write_bytes(whole)
        soak.passes(chance.randint(*AT_AWS))
        assert soak.command == command
        assert alive(command)
        soak.faults.clear()
        soak.program.shows(shows)
    soak.passes(max(0, CHECKS - soak.checks))
    after = soak.looks()
    assert after.descriptors == before.descriptors
    assert after.children == before.children == 2
    assert after.memory <= before.memory + ROOM
    assert soak.program.out.count("ready") == ROTATIONS + 1
    soak.is_clean()
    soak.program.send(signal.SIGTERM)
    assert soak.program.ends() == 0
    until(lambda: not soak.program.family(), what="the end of all processes")
