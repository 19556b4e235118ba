"""A standard error that nobody reads, or that cannot be written, holds up and ends nothing."""

from __future__ import annotations

import os
import re
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, SECRETENV, Program
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretenv.sandbox import Sandbox
    from tests.conftest import SecretFile


def test_nobody_reads_standard_error(run: Callable[..., Program], secret: SecretFile) -> None:
    """A full pipe on standard error holds up neither signals nor the end of the command."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        while True:
            os.write(theirs, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(theirs, True)
    words = ["--interval=20ms", "--log-level=debug"]
    program = run(secret.option, *words, "--", PYTHON, CHILD, stderr=theirs)
    ready(program)
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("full", ["pipe", "file"])
def test_a_log_line_that_cannot_be_written_kills_no_command(
    run: Callable[..., Program], secret: SecretFile, tmp_path: Path, full: str
) -> None:
    """What secretenv gets for writing to a closed pipe (PIPE) or a full file (XFSZ) is its own, and not forwarded."""
    log = tmp_path / "log"
    log.write_bytes(bytes(1 << 16))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))

    secret.put({"VALUE": "one", "NODE_OPTIONS": ""})  # a name that it warns of
    for once in (["--once"], ["--interval=20ms", "--log-level=debug"]):
        theirs = _closed_pipe() if full == "pipe" else os.open(log, os.O_WRONLY | os.O_APPEND)
        program = run(*once, secret.option, "--", PYTHON, CHILD, "--exit-on=USR1", stderr=theirs, preexec_fn=limited)
        os.close(theirs)
        ready(program)
        if len(once) > 1:
            secret.put({"VALUE": "two"})
            program.shows("ready", times=2)
        program.send(signal.SIGUSR1)
        assert program.ends() == 0
        assert not [line for line in program.lines if line in {"got PIPE", "got XFSZ"}]


def _closed_pipe() -> int:
    """Return the writing end of a pipe that nobody can read any more."""
    ours, theirs = os.pipe()
    os.close(ours)
    return theirs


def test_debug_tells_the_story(start: Callable[..., Program], aws: Sandbox) -> None:
    """At the level debug: each fetch with its time, the end of the credentials, the next check, each start."""
    words = ["--refresh-signal=USR2", "--log-level=debug", "--", PYTHON, CHILD]
    program = start(SECRETENV, "run", *words, variables=aws.environment())
    ready(program)
    said = [
        r"fetch started, as process \d+",
        r"fetch ended after [\d.]+ s: \d+ variables?",
        r"temporary credentials expire at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        r"next check in (5 min|\d+ s)",
        rf"command started as process \d+: {PYTHON}",
    ]
    for line in said:
        until(lambda line=line: re.search(f"^secretenv: {line}$", program.err, re.MULTILINE), what=line)  # type: ignore[misc]
    aws.rotate("sandbox/app", '{"VALUE": "two"}')
    program.send(signal.SIGUSR2)
    program.shows("ready", times=2)
    program.logs("fetch started with the credentials of an earlier one")
    program.logs("started again with sandbox/app ")
    lines = program.raw_err.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ secretenv: ", line) for line in lines), (
        "to a file, with times"
    )


def test_a_restart_has_an_end_in_the_log(run: Callable[..., Program], secret: SecretFile) -> None:
    """The lines of a restart at the level info: the new version, the stop, the new start."""
    program = run(secret.option, "--interval=50ms", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.logs("started again with ")
    assert [line.split()[1] for line in program.err.splitlines()] == ["secret", "variables", "stopping", "started"]
