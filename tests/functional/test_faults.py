"""The matrix of faults: each of them at the start and while the command runs, through the installed command."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import World
from tests.functional.faulty import AGAIN, WORDS, Run, halve, starved
from tests.running import SECRETENV, Program, alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretenv.sandbox import Device, Sandbox

# Fault -> the link that is blamed. What passes by itself is tried again.
PASSING = {
    "credentials:throttling": "throttling",
    "credentials:status=503": "endpoint",
    "credentials:status=511": "endpoint",
    "credentials:reset": "certificate",
    "credentials:close": "certificate",
    "credentials:truncated": "endpoint",
    "credentials:rubbish=http": "endpoint",
    "credentials:rubbish=json": "endpoint",
    "credentials:portal=page": "endpoint",
    "credentials:portal=redirect": "endpoint",
    "credentials:expired-token": "clock",
    "secretsmanager:throttling": "throttling",
    "secretsmanager:status=500": "secret",
    "secretsmanager:status=511": "connection",
    "secretsmanager:reset": "connection",
    "secretsmanager:close": "connection",
    "secretsmanager:truncated": "connection",
    "secretsmanager:rubbish=http": "connection",
    "secretsmanager:rubbish=json": "connection",
    "secretsmanager:portal=page": "connection",
    "secretsmanager:portal=redirect": "connection",
    "clock=+10m": "clock",
    "clock=-2h": "clock",
}
# What needs somebody is the end at the start, and asked for once a minute while the command runs.
LASTING = {
    "credentials:status=400": "role",
    "credentials:status=403": "policy",
    "secretsmanager:status=400": "policy",
    "secretsmanager:expired-token": "credentials",
}
HANGING = ("credentials:black-hole", "secretsmanager:black-hole")
SLOW = ("credentials:latency=600ms", "secretsmanager:latency=600ms")


@pytest.fixture
def begin(device_run: Callable[..., Program], world: World) -> Iterator[Callable[..., Run]]:
    """Return a function that starts a run with these faults on."""

    def start(*faults: str, **given: object) -> Run:
        world.sandbox.faults.set(*faults)
        return Run(device_run(*WORDS, **given), world)

    yield start
    world.sandbox.faults.clear()


@pytest.fixture(scope="module")
def lasting(one_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Device]]:
    """Return one run that lives through all the faults that come while a command runs, and its device."""
    world, device = World(one_sandbox), one_sandbox.device()
    program = Program((SECRETENV, "run", *WORDS), tmp_path_factory.mktemp("run"), world.variables(device=device))
    try:
        program.shows("VALUE=one")
        yield Run(program, world), device
        program.send(signal.SIGTERM)
        assert program.ends() == 0
    finally:
        assert program.clean() == []


@pytest.fixture
def running(lasting: tuple[Run, Device]) -> Iterator[Run]:
    """Return the run that lasts, and leave no fault to the next test."""
    run, _ = lasting
    if run.broken:  # by a test that failed
        run.mend(run.rotate())
        run.broken = False
    run.look_from_here()
    yield run
    run.faults.clear()


@pytest.mark.parametrize("fault", PASSING)
def test_passing_at_the_start(begin: Callable[..., Run], fault: str) -> None:
    """At the start what may pass is tried again, and the command starts when it has passed."""
    run = begin(fault)
    run.says(AGAIN, PASSING[fault])
    assert run.program.out == ""
    run.mend("VALUE=one")
    run.is_clean()


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_at_the_start(begin: Callable[..., Run], fault: str) -> None:
    """At the start what needs somebody is the end: status 125 at once, the link and a hint."""
    run = begin(fault)
    ended(run, LASTING[fault])
    run.is_clean()


def ended(run: Run, link: str) -> None:
    """See that it ended by itself, and said why."""
    assert run.program.ends() == 125
    error, hint = run.said.splitlines()[-2:]
    assert error.startswith(f"secretenv: error: {link}: ")
    assert hint.startswith("secretenv: hint: ")
    assert run.program.out == ""
    assert AGAIN not in run.said


@pytest.mark.parametrize("fault", HANGING)
def test_hanging_at_the_start(begin: Callable[..., Run], fault: str) -> None:
    """At the start a service that says nothing is waited for, and the command starts when it is back."""
    run = begin(fault)
    until(lambda: run.faults.met, what="a fault that was met")
    assert run.program.out == ""
    run.mend("VALUE=one")
    run.is_clean()


@pytest.mark.parametrize("fault", SLOW)
def test_slow_at_the_start(begin: Callable[..., Run], fault: str) -> None:
    """A slow service is no failure: the command starts, and no line of the log is a warning or tells of a retry."""
    run = begin(fault)
    run.program.shows("VALUE=one")
    assert run.faults.met
    assert not [words for words in ("warning", "error", "trying again", "failed") if words in run.said]


@pytest.mark.parametrize("fault", PASSING | LASTING)
def test_failing_while_running(running: Run, fault: str) -> None:
    """While a fault lasts the command keeps its values and its pid; then come the newest values."""
    running.breaks((PASSING | LASTING)[fault], lambda: running.faults.set(fault))
    running.recovers()


@pytest.mark.parametrize("fault", [*HANGING, *SLOW])
def test_waiting_while_running(running: Run, fault: str) -> None:
    """While a service hangs or is slow the command goes on as before; the newest values come with the answer."""
    command, shows = running.command, running.rotate()
    running.faults.set(fault)
    running.world.sandbox.expire_credentials()
    running.check()
    until(lambda: running.faults.met, what="a fault that was met")
    assert running.command == command
    signals = running.program.out.count("got USR1")
    running.program.send(signal.SIGUSR1)
    running.program.shows("got USR1", times=signals + 1)
    if fault in HANGING:
        running.mend(shows)
    running.program.shows(shows)
    assert not alive(command)
    running.is_clean()


# What happens to the fetcher and to the files.


@pytest.mark.parametrize("fault", HANGING)
def test_a_killed_fetcher_at_the_start(begin: Callable[..., Run], fault: str) -> None:
    """A fetcher that is killed is an error that may pass, and blamed on the link that it had come to."""
    run = begin(fault)
    os.kill(run.fetcher, signal.SIGKILL)
    run.says(AGAIN, {"credentials:black-hole": "endpoint"}.get(fault, "connection"))
    assert "killed by signal 9" in run.said
    run.mend("VALUE=one")
    run.is_clean()


def test_a_killed_fetcher_while_running(running: Run) -> None:
    """A fetcher that is killed does not touch the command."""

    def kill() -> None:
        running.faults.set("secretsmanager:black-hole")
        running.check()
        os.kill(running.fetcher, signal.SIGKILL)

    running.breaks("", kill)
    running.recovers()


@pytest.mark.parametrize("when", ["at the start", "while running"])
def test_a_fetcher_without_memory(begin: Callable[..., Run], when: str) -> None:
    """A fetcher that dies of memory is an error that may pass: the supervisor, which lives on less, tries again."""
    run = begin(*["credentials:close"] * (when == "at the start"))
    if when == "at the start":
        run.says(AGAIN)
    else:
        run.program.shows("VALUE=one")
    shows = run.rotate()
    with starved(run.program.pid):
        if when == "at the start":
            # A fetch that began before still has memory: it must meet the fault, not start the command.
            until(lambda: run.program.family() == [run.program.pid], what="the end of the fetch that began before")
        run.faults.clear()
        run.look_from_here()
        run.check()
        run.says("the fetcher", "fetcher")
        assert run.program.out.count("ready") == (when == "while running")
    run.mend(shows)
    run.is_clean()


BROKEN = {"cert": "certificate file", "key": "key file"}


@pytest.mark.parametrize("name", BROKEN)
def test_half_written_files_at_the_start(begin: Callable[..., Run], world: World, name: str) -> None:
    """A certificate or key of which only half is there is the end at the start."""
    device = world.sandbox.device()
    halve(getattr(device, name))
    ended(begin(device=device), BROKEN[name])


@pytest.mark.parametrize("name", BROKEN)
def test_half_written_files_while_running(running: Run, lasting: tuple[Run, Device], name: str) -> None:
    """The same while the command runs is waited for: somebody is writing it."""
    file: Path = getattr(lasting[1], name)
    before = file.read_bytes()
    try:
        running.breaks(BROKEN[name], lambda: halve(file))
    finally:
        file.write_bytes(before)
    running.recovers()


def test_a_renewed_pair_is_used(running: Run, lasting: tuple[Run, Device]) -> None:
    """A renewed pair is used without a restart, and soon; between certificate and key the command keeps its values."""
    device, new = lasting[1], running.world.sandbox.device()
    running.breaks("key of another certificate", lambda: device.cert.write_bytes(new.cert.read_bytes()))
    device.key.write_bytes(new.key.read_bytes())
    running.recovers(by_itself=True)
    assert running.world.sandbox.exchanges[-1].certificate_id == new.certificate_id
