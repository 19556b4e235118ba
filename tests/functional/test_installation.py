"""An installation that is not whole, of two versions, shadowed by other modules, or on a file system without exec."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import botocore
import pytest

import secretenv
from tests.running import PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.functional.conftest import World
    from tests.running import Program

COMMANDS = {
    "run": ("run", "--start-timeout=8s", "--", "sh", "-c", "echo $VALUE"),
    "dry run": ("run", "--dry-run", "--", "true"),
    "check": ("check",),
    "export": ("export",),
    "credentials": ("credentials",),
}
HINT = "hint: is the installation complete? pip check"
# As an installed script starts it, from a folder beside that of the libraries.
START = """
import sys
behind = [place for place, entry in enumerate(sys.path, 1) if entry.endswith("/lib-dynload")][0]
sys.path.insert(behind, sys.argv.pop(1))
from secretenv.__main__ import main
sys.exit(main())
"""
# Backports of Python 2's time, which are still in old lists of requirements.
BACKPORTS = ("enum", "typing", "dataclasses", "asyncio", "ssl", "pathlib", "json", "selectors", "email", "copyreg")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with a copy of secretenv; its libraries are those of the tests, unless it holds others."""
    folder = tmp_path / "site-packages"
    shutil.copytree(Path(secretenv.__file__).parent, folder / "secretenv", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def installed(start: Callable[..., Program], world: World, site: Path) -> Callable[..., Program]:
    """Return a function that runs a command of the copy, with a device of the sandbox, until it ends."""

    def begin(command: str) -> Program:
        program = start(PYTHON, "-c", START, str(site), *COMMANDS[command], variables=world.variables())
        program.ends()
        return program

    return begin


@pytest.mark.parametrize("command", COMMANDS)
def test_an_old_backport_beside_it(installed: Callable[..., Program], site: Path, command: str) -> None:
    """`pip install enum34` in the same environment: each process takes the standard library's own modules."""
    for name in BACKPORTS:
        (site / f"{name}.py").write_text("raise RuntimeError('taken')")
    program = installed(command)
    assert program.ends() == 0, program.out + program.err


@pytest.mark.parametrize("place", ["-m", "script", "PYTHONPATH"])
@pytest.mark.parametrize("command", COMMANDS)
def test_modules_in_the_working_directory(
    start: Callable[..., Program], world: World, tmp_path: Path, command: str, place: str
) -> None:
    """Scripts of the user that are named like modules are not taken: they are the command's business."""
    for name in ("ssl", "json", "asyncio", "requests", "boto3", "urllib3", "botocore"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('taken')")
    words = [PYTHON, "-m", "secretenv"] if place == "-m" else [SECRETENV]
    variables = world.variables() | ({"PYTHONPATH": str(tmp_path)} if place == "PYTHONPATH" else {})
    program = start(*words, *COMMANDS[command], variables=variables)
    assert program.ends() == 0, program.out + program.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        pytest.param("urllib3/__init__.py", "import gone", "cannot load gone: ModuleNotFoundError", id="missing"),
        pytest.param("requests/__init__.py", "x = = 1", "cannot load a module: SyntaxError", id="syntax"),
        pytest.param("requests/__init__.py", "from os import gone", "cannot load os: ImportError", id="version"),
    ],
)
def test_a_library_that_is_not_whole(
    installed: Callable[..., Program], site: Path, command: str, file: str, text: str, said: str
) -> None:
    """Each command names the exception's kind and its place, and asks for the installation, not for the network."""
    (site / file).parent.mkdir()
    (site / file).write_text(text)
    program = installed(command)
    assert program.ends() == (125 if "run" in COMMANDS[command] else 1)
    shown = program.out + program.err
    assert said in shown
    assert "identity/provider.py:" in shown
    assert f"({file}:1)" in shown
    assert HINT in shown
    assert "network" not in "".join(program.err.splitlines()[:2])  # a later fetch may be cut short by the start's limit
    assert "Traceback" not in shown


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("file", ["protocol.py", "fetcher/main.py", "fetcher/fetch.py", "defects.py"])
def test_a_file_of_its_own_that_is_missing(
    installed: Callable[..., Program], site: Path, command: str, file: str
) -> None:
    """The supervisor, the reader of the command line, a fetcher and the other commands all say so in a line."""
    (site / "secretenv" / file).unlink()
    program = installed(command)
    shown = program.out + program.err
    if command == "credentials" and file.startswith("fetcher/"):  # it has no use for it
        assert program.ends() == 0
        return
    assert program.ends() == (125 if "run" in COMMANDS[command] else 1)
    assert "ModuleNotFoundError" in shown or "ImportError" in shown
    assert HINT in shown
    assert "network" not in "".join(program.err.splitlines()[:2])
    assert "Traceback" not in shown


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "credentials"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_data_of_botocore(installed: Callable[..., Program], site: Path, command: str, damage: str) -> None:
    """Its description of Secrets Manager is a file of the installation too, and not the endpoint."""
    shutil.copytree(Path(botocore.__file__).parent, site / "botocore", ignore=_other_services)
    if damage == "gone":
        shutil.rmtree(site / "botocore/data/secretsmanager")
    else:
        (site / "botocore/data/endpoints.json").write_text("{")
    program = installed(command)
    shown = program.out + program.err
    assert program.ends() == (125 if "run" in COMMANDS[command] else 1)
    assert "fetcher" in shown
    assert "botocore's description of Secrets Manager cannot be loaded (" in shown
    assert HINT in shown


def _other_services(folder: str, names: list[str]) -> set[str]:
    """Return what of botocore need not be copied: 100 MB."""
    if Path(folder).name != "data":
        return {"__pycache__"}
    return {name for name in names if (Path(folder) / name).is_dir() and name != "secretsmanager"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("whose", ["library", "Python"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_noexec_file_system(
    start: Callable[..., Program], world: World, site: Path, command: str, whose: str
) -> None:
    """Each command says that it is the mount: the loader's own words could mean a lack of memory."""
    compiled = Path(str(sysconfig.get_config_var("DESTSHARED")))
    if whose == "library":
        folder = site
        (site / "requests.py").write_text("import compiled")
        shutil.copy(next(compiled.glob("*.so")), site / f"compiled{sysconfig.get_config_var('EXT_SUFFIX')}")
    else:
        folder = compiled
    script = f'mount --bind {folder} {folder} && mount -o remount,bind,noexec {folder} && exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", script, "sh", PYTHON, "-c", START, str(site)]
    program = start(*words, *COMMANDS[command], variables=world.variables())
    program.ends()
    shown = program.out + program.err
    if "unshare" in shown:
        pytest.skip("needs mount namespaces")
    assert program.ends() == (125 if "run" in COMMANDS[command] else 1)
    assert f" {folder}/" in shown
    assert ".so is on a file system that is mounted noexec, so Python cannot load it" in shown
    assert f"hint: findmnt -T {folder}/" in shown
    assert "memory" not in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("file", ["changes.py", "trial.py", "descendants.py", "adopted.py"])
def test_an_upgrade_under_a_run(start: Callable[..., Program], secret: SecretFile, site: Path, file: str) -> None:
    """Files that an upgrade breaks cost a running command a rotation, not its life; the next check tries again."""
    words = ("run", "--interval=100ms", secret.option, "--", "sh", "-c", "echo $VALUE; exec sleep 1000")
    program = start(PYTHON, "-c", START, str(site), *words)
    program.shows("one")
    broken = site / "secretenv" / "supervisor" / file
    whole = broken.read_text("utf-8")
    broken.write_text("x = = 1", "utf-8")
    secret.put({"VALUE": "two"})
    program.logs("cannot load a module: SyntaxError at supervisor/")
    assert "the command keeps its values" in program.err
    assert program.out == "one\n"
    broken.write_text(whole, "utf-8")
    program.shows("two")
