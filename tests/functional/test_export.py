"""`secretenv export` and `run --dry-run`: their output, and what is not in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import MARKER
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program
    from tests.screen import Screen


def test_json(start: Callable[..., Program], world: World) -> None:
    """The variables only, on standard output."""
    program = start(SECRETENV, "export", "--format", "json", variables=world.variables())
    assert program.ends() == 0, program.err
    assert json.loads(program.out) == {"VALUE": "one", "PASSWORD": MARKER}
    assert program.err == ""


def test_shell_with_eval(start: Callable[..., Program], world: World) -> None:
    """`eval "$(secretenv export --format shell)"`, also in a locale that is not UTF-8."""
    world.sandbox.rotate(world.name, world.text("it's $HOME ☃\n\n"))
    script = f'eval "$({SECRETENV} export --format shell)"; printf %s "$VALUE" | od -An -tx1'
    program = start("sh", "-c", script, variables={**world.variables(), "LC_ALL": "C"})
    assert program.ends() == 0, program.err
    assert bytes.fromhex(program.out.replace("\n", " ")) == "it's $HOME ☃\n\n".encode()


def test_the_options_of_reading_count(start: Callable[..., Program], world: World) -> None:
    """The options that shape the variables count, those of running a command do not exist here."""
    words = ["--format=json", "--prefix=app_", "--upcase", "--only=VAL*", f"--secret={world.name}"]
    program = start(SECRETENV, "export", *words, variables=world.variables())
    assert program.ends() == 0, program.err
    assert json.loads(program.out) == {"APP_VALUE": "one"}
    assert start(SECRETENV, "export", "--interval=5m", variables=world.variables()).ends() == 2


def test_on_a_terminal_no_value_is_shown(screen: Callable[..., Screen], world: World) -> None:
    """On a terminal names and lengths; --reveal shows the values."""
    listed = screen(SECRETENV, "export", variables=world.variables())
    listed.shows("--reveal shows them")
    assert listed.program.ends() == 0
    assert "PASSWORD" in listed.text
    assert str(len(MARKER)) in listed.text
    assert MARKER not in listed.text
    screen(SECRETENV, "export", "--reveal", variables=world.variables()).shows(MARKER)


@pytest.mark.parametrize(
    ("form", "value", "says"),
    [("docker", "two\nlines", "VALUE"), ("systemd", "bell\a", "VALUE"), ("xml", "x", "xml")],
    ids=["docker", "systemd", "unknown"],
)
def test_what_a_format_cannot_carry(
    start: Callable[..., Program], world: World, form: str, value: str, says: str
) -> None:
    """A value that a format cannot carry is an error that names the variable; so is a format that does not exist."""
    world.sandbox.rotate(world.name, world.text(value))
    program = start(SECRETENV, "export", f"--format={form}", variables=world.variables())
    assert program.ends() == (2 if form == "xml" else 1)
    assert says in program.err
    assert "hint:" in program.err
    assert program.out == ""
    assert MARKER not in program.err


def test_an_error_of_aws_has_status_1(start: Callable[..., Program], world: World) -> None:
    """Other subcommands than run fail with 1; the error is the same sentence with a hint."""
    program = start(SECRETENV, "export", variables=world.variables(secret="test/nowhere"))
    assert program.ends() == 1
    assert program.err.startswith("secretenv: error: policy: ")
    assert program.out == ""


def test_dry_run(device_run: Callable[..., Program], world: World, tmp_path: Path) -> None:
    """--dry-run shows names, their secrets, versions and replaced variables; no values, and nothing is started."""
    version = world.rotate("two")
    world.sandbox.secret(f"{world.name}-whole", MARKER)
    words = [f"--secret={world.name}", f"--secret=HOME={world.name}-whole", "--dry-run", "--", "touch", "made"]
    program = device_run(*words)
    assert program.ends() == 0, program.err
    rows = [line.split() for line in program.lines]
    assert ["VALUE", world.name] in rows
    assert ["HOME", f"{world.name}-whole", *["replaces", "an", "inherited", "variable"]] in rows
    assert f"{world.name}: version {version}" in program.lines
    assert program.lines[-1].endswith("touch (not started)")
    assert MARKER not in program.out + program.err
    assert not (tmp_path / "made").exists()


def test_dry_run_fails_as_a_run_would(device_run: Callable[..., Program], world: World) -> None:
    """--dry-run fails with the status and the error of the run."""
    assert device_run("--dry-run", "--", "nowhere-at-all").ends() == 127
    assert device_run("--dry-run", "--", "/tmp").ends() == 126
    assert device_run("--dry-run", "--", "true", secret="test/nowhere").ends() == 125
