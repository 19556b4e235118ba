"""A defect of secretenv's own, and a Python that is too old, end in one sentence, whatever the command."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import secretenv
from tests.running import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Program

MARKER = "MARKER-value-that-must-not-be-shown"
PROJECT = Path(__file__).parents[3]

# A secretenv in which a function fails that the command needs.
BROKEN = """
import sys
from {room} import {name} as room
def broken(*_, **__): raise {error}
room.{function} = broken
from secretenv.__main__ import main
main()
"""
MERGE = {"room": "secretenv.config", "name": "merge", "function": "read"}
COMMANDS = {
    "run": ("run -- true", MERGE, 125),
    "run by typer": ("run --dry-run -- true", MERGE, 125),
    "export": ("export", MERGE, 1),
    "credentials": ("credentials", MERGE, 1),
    "check": ("check", MERGE, 1),
    "provision": ("provision myapp", {"room": "secretenv.provision", "name": "command", "function": "wanted"}, 1),
    "sandbox": ("sandbox -- true", {"room": "secretenv.sandbox", "name": "command", "function": "started"}, 1),
    "demo": ("demo", {"room": "secretenv.sandbox", "name": "demo", "function": "started"}, 1),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_defect_is_one_sentence(start: Callable[..., Program], command: str) -> None:
    """It names the exception's kind and its place, and what to do; nothing of its text, which may hold a value."""
    words, where, status = COMMANDS[command]
    program = start(PYTHON, "-c", BROKEN.format(**where, error=f"KeyError({MARKER!r})"), *words.split())
    assert program.ends() == status
    assert MARKER not in program.out
    error, hint = program.err.splitlines()
    assert re.fullmatch(r"secretenv: error: secretenv: an unexpected KeyError at [a-z_/]+\.py:\d+", error), error
    assert hint == "secretenv: hint: this is a bug in secretenv; please report this line"


@pytest.mark.parametrize(("words", "status"), [("export", 1), ("run -- true", 125)])
def test_an_incomplete_installation(start: Callable[..., Program], words: str, status: int) -> None:
    """A module that is missing is no defect: the hint asks for the installation."""
    error = "ModuleNotFoundError('No module named typer')"
    program = start(PYTHON, "-c", BROKEN.format(**MERGE, error=error), *words.split())
    assert program.ends() == status
    assert "ModuleNotFoundError" in program.err
    assert "is the installation complete? pip check" in program.err
    assert "Traceback" not in program.err


@pytest.mark.parametrize("words", ["export", "check", "provision x", "run -- true"])
def test_an_interrupt_before_the_command_line(start: Callable[..., Program], words: str) -> None:
    """Ctrl-C while modules load ends secretenv of INT, without Python's traceback."""
    where = {"room": "os", "name": "path", "function": "abspath"}
    program = start(PYTHON, "-c", BROKEN.format(**where, error="KeyboardInterrupt"), *words.split())
    assert program.ends() == -2
    assert program.err == ""


OLD = """
import runpy, sys
sys.version_info = (3, 10, 13)
sys.argv = ["secretenv", *sys.argv[1:]]
runpy.run_module("secretenv", run_name="__main__")
"""


@pytest.mark.parametrize(("words", "status"), [("check", 1), ("--version", 1), ("run -- true", 125)])
def test_a_python_that_is_too_old(start: Callable[..., Program], words: str, status: int) -> None:
    """`python3.10 -m secretenv` says which one it needs, and ends as a failure of the command does."""
    program = start(PYTHON, "-c", OLD, *words.split())
    assert program.ends() == status
    assert program.out == ""
    assert program.err.splitlines()[0] == (
        "secretenv: error: secretenv: needs Python 3.11 or newer, and this is Python 3.10.13"
    )
    assert len(program.err.splitlines()) == 2


def test_what_an_old_python_loads() -> None:
    """The files that are read before this can be said have no syntax that is newer than Python 3.6."""
    for name in ("__init__.py", "__main__.py"):
        tree = ast.parse(Path(secretenv.__file__).with_name(name).read_text("utf-8"), feature_version=(3, 6))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.10"])
def test_an_old_python(version: str) -> None:
    """The same in a real one, where it is here."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    if not found:
        pytest.skip(f"Python {version} is not here")
    done = subprocess.run(
        [found[0], "-m", "secretenv", "check"], cwd=PROJECT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("secretenv: error: secretenv: needs Python 3.11 or newer, and this is Python")
