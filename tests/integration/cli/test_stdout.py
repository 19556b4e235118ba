"""Standard output is written as a whole or there is an error; so for everything else that the system refuses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.running import Program

MARKER = "MARKER-value-that-must-not-be-shown"
PRINTING = ["export", "check", "check --json", "--version", "export --help"]
LIMIT = 100_000  # more than the answer of the fetcher, which is a file for the kernel
BUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])


@BUFFERED
@pytest.mark.parametrize("words", [*PRINTING, "run --dry-run true", "run --help"])
def test_a_full_disk_is_an_error(
    start: Callable[..., Program], secret: SecretFile, words: str, unbuffered: str
) -> None:
    """A full disk below standard output is an error in one sentence, with no traceback."""
    secret.put({"VALUE": MARKER})
    variables = {"SECRETENV_SECRET": f"file://{secret.path}", "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        program = start(SECRETENV, *words.split(), variables=variables, stdout=full)
        assert program.ends() == (125 if words.startswith("run") else 1)
    assert program.err.splitlines() == [
        "secretenv: error: standard output: cannot be written: No space left on device",
        "secretenv: hint: is the disk full? df -h; the output is incomplete",
    ]


@BUFFERED
def test_a_disk_that_fills_up_is_an_error(start: Callable[..., Program], secret: SecretFile, unbuffered: str) -> None:
    """Partly written output is an error; Python's own unbuffered stream would end with status 0."""
    secret.put({"VALUE": MARKER * 10})
    # A limit on file size ends a write in the middle, as a full disk does. Python ignores SIGXFSZ.
    limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))"
    words = [PYTHON, "-c", f"{limit}; os.execv(sys.argv[1], sys.argv[1:])", SECRETENV, "export", secret.option]
    output = secret.path.with_name("output")
    output.write_bytes(b"-" * (LIMIT - 100))
    with output.open("ab") as appended:
        program = start(*words, variables={"PYTHONUNBUFFERED": unbuffered}, stdout=appended)
        assert program.ends() == 1
    assert output.stat().st_size == LIMIT
    assert program.err.startswith("secretenv: error: standard output: cannot be written: File too large\n")
    assert MARKER not in program.err


@pytest.mark.parametrize("words", PRINTING)
def test_a_closed_output_is_an_error(start: Callable[..., Program], secret: SecretFile, words: str) -> None:
    """A closed standard output is an error in one sentence, not a traceback; a run does not need it."""
    secret.put({"VALUE": MARKER})
    closed = f"exec {SECRETENV} {words} >&-"
    program = start("sh", "-c", closed, variables={"SECRETENV_SECRET": f"file://{secret.path}"})
    assert program.ends() == 1
    lines = ["secretenv: error: standard output: it is closed", "secretenv: hint: to discard the output: > /dev/null"]
    assert program.err.splitlines() == lines
    run = start(
        "sh",
        "-c",
        f"exec {SECRETENV} run -- sh -c 'exit 7' >&-",
        variables={"SECRETENV_SECRET": f"file://{secret.path}"},
    )
    assert (run.ends(), run.err) == (7, "")


@pytest.mark.parametrize("words", PRINTING)
def test_a_reader_that_goes_away_is_no_error(start: Callable[..., Program], secret: SecretFile, words: str) -> None:
    """`| head -1` may end first: nothing is written to standard error, and the status is 1."""
    secret.put({"VALUE": MARKER})
    reader, writer = os.pipe()
    os.close(reader)
    program = start(SECRETENV, *words.split(), variables={"SECRETENV_SECRET": f"file://{secret.path}"}, stdout=writer)
    os.close(writer)
    assert (program.ends(), program.err) == (1, "")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("run -- true", 125, "secretenv: a process could not hand over what it read: File too large"),
        ("export", 1, "fetcher: could not start a fetcher: File too large"),
        ("sandbox -- true", 1, "secretenv: the sandbox cannot start: No usable temporary directory"),
        ("demo", 1, "secretenv: the sandbox cannot start: No usable temporary directory"),
    ],
)
def test_what_the_system_refuses_is_said(
    start: Callable[..., Program], secret: SecretFile, words: str, status: int, message: str
) -> None:
    """Every command names a full disk or a limit, with the next step; no traceback, and nothing left behind."""
    # Through pipes: the limit applies to the files of the test too.
    script = f"(ulimit -f 0; {SECRETENV} {words}; echo status $?) 2>&1 | cat >&2"
    program = start("sh", "-c", script, variables={"SECRETENV_SECRET": f"file://{secret.path}"})
    assert program.ends() == 0
    assert f"secretenv: error: {message}" in program.err
    assert "\nsecretenv: hint: " in program.err
    assert program.err.endswith(f"status {status}\n")
    assert "Traceback" not in program.err
    assert not list(program.folder.glob("secretenv-sandbox-*"))
