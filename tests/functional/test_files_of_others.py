"""Files that others can change: a warning with the file and its mode, or an error where root would trust them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import FAILED
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

SOMEBODY = 12345
COMMANDS = {"run": ["run", "--", "true"], "check": ["check"], "export": ["export"], "credentials": ["credentials"]}
FILES = {
    "cert": ("SECRETENV_CERT", "certificate file"),
    "key": ("SECRETENV_KEY", "key file"),
    "ca": ("SECRETENV_CA", "roots file"),
    "bundle": ("AWS_CA_BUNDLE", "roots file"),
    "password": ("SECRETENV_KEY_PASSWORD_FILE", "key password"),
}


@pytest.fixture
def variables(world: World, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a device whose files are the test's own."""
    given = world.variables(device=world.sandbox.device(encrypted_with="correct horse"))
    given["AWS_CA_BUNDLE"] = given["SECRETENV_CA"]
    for name, (variable, _) in FILES.items():
        given[variable] = str(shutil.copy(given[variable], str(tmp_path / name)))
        Path(given[variable]).chmod(0o600)
    return given


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("file", FILES)
def test_all_can_write_it(
    start: Callable[..., Program], variables: dict[str, str], file: str, words: list[str]
) -> None:
    """Each command warns and goes on."""
    path = Path(variables[FILES[file][0]])
    path.chmod(0o666)
    program = start(SECRETENV, *words, variables=variables)
    assert program.ends() == 0, program.err
    assert f"{path} can be written by all users (mode 0666)" in program.err + program.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses them")
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("file", FILES)
def test_it_is_somebodys(start: Callable[..., Program], variables: dict[str, str], file: str, words: list[str]) -> None:
    """As root each command refuses a file of another user, with the link of the file."""
    variable, link = FILES[file]
    os.chown(variables[variable], SOMEBODY, SOMEBODY)
    program = start(SECRETENV, *words, variables=variables)
    assert program.ends() == (FAILED if words[0] == "run" else 1)
    said = program.out + program.err
    assert link in said
    assert f"the file {variables[variable]} belongs to user {SOMEBODY}" in said


@pytest.mark.parametrize("words", [["run", "--", "true"], ["check"], ["export"]], ids=["run", "check", "export"])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_secret_in_a_file(start: Callable[..., Program], tmp_path: Path, words: list[str], what: str) -> None:
    """The same warning for a file:// secret, and for its folder."""
    path = tmp_path / "folder" / "s.json"
    path.parent.mkdir()
    path.write_text('{"A": "b"}')
    (path if what == "file" else path.parent).chmod(0o777)
    program = start(SECRETENV, words[0], f"--secret=file://{path}", *words[1:])
    assert program.ends() == 0, program.err
    assert f"the secret file {path} can be " in program.err + program.out
    assert "(mode 0777)" in program.err + program.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses them")
def test_somebodys_secret_in_a_file(start: Callable[..., Program], tmp_path: Path) -> None:
    """As root a file:// secret of another user is refused: it decides what root's command gets."""
    path = tmp_path / "s.json"
    path.write_text('{"A": "b"}')
    os.chown(path, SOMEBODY, SOMEBODY)
    program = start(SECRETENV, "run", f"--secret=file://{path}", "--", "true")
    assert program.ends() == FAILED
    assert f"error: file: secret file://{path} belongs to user {SOMEBODY}" in program.err
