"""The wheel, built from what the Dockerfile copies, installed with its run-time dependencies and no more."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

import secretenv
from tests.container import PROJECT, read_dockerfile
from tests.running import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretenv.sandbox import Sandbox
    from tests.running import Program

pytestmark = pytest.mark.wheel

# What the tests' own environment has and a device does not: each would hide a forgotten dependency.
FOREIGN = ["click", "flask", "moto", "cryptography", "yaml", "pytest"]


def found_python(version: str) -> str:
    """Return an interpreter of this version, from PATH or from pyenv, that runs; empty if there is none."""
    files = [shutil.which(f"python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")]
    for file in files:
        if file and subprocess.run([file, "-c", ""], check=False, capture_output=True).returncode == 0:
            return str(file)
    return ""


def succeeds(*words: str | Path, cwd: Path) -> str:
    """Run a program that must end with 0, and return its standard output."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from nothing but the files that examples/docker/Dockerfile copies for it."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in read_dockerfile(PROJECT / "examples" / "docker" / "Dockerfile").copied[:-1]:
        source = PROJECT / name.removeprefix("./")
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / source.name)
    succeeds(PYTHON, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", folder / "dist", folder, cwd=folder)
    (made,) = (folder / "dist").glob("*.whl")
    return made


def test_manual_page_and_completions(wheel: Path) -> None:
    """The wheel installs the manual page and the completions of three shells where man and the shells look for them."""
    data = f"{'-'.join(wheel.name.split('-')[:2])}.data/data/share"
    share = PROJECT / "secretenv" / "share"
    for name in (
        "man/man1/secretenv.1",
        "bash-completion/completions/secretenv",
        "zsh/site-functions/_secretenv",
        "fish/vendor_completions.d/secretenv.fish",
    ):
        with ZipFile(wheel) as packed:
            assert packed.read(f"{data}/{name}") == (share / name).read_bytes()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_run_time_dependencies_are_enough(
    start: Callable[..., Program], sandbox: Sandbox, wheel: Path, tmp_path: Path, version: str
) -> None:
    """The wheel installs, and `run`, `export` and each help work, with requests, boto3 and typer alone.

    The sandbox is this environment's; a device and an operator need nothing of it. Only --cache needs its extra.
    """
    python = found_python(version)
    if not python:
        pytest.skip(f"Python {version} is not here")
    home = tmp_path / "venv"
    succeeds(python, "-m", "venv", home, cwd=tmp_path)
    succeeds(home / "bin" / "pip", "install", "-q", "--disable-pip-version-check", wheel, cwd=tmp_path)
    look = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    assert succeeds(home / "bin" / "python", "-c", look, *FOREIGN, cwd=tmp_path) == "[]\n"

    (tmp_path / "secret.json").write_text('{"VALUE": "one"}', "utf-8")
    command = str(home / "bin" / "secretenv")
    given = ["--secret", f"file://{tmp_path}/secret.json"]

    def shows(*words: str, variables: Mapping[str, str] | None = None) -> str:
        program = start(*words, variables=variables)
        assert program.ends() == 0, program.err
        assert program.err == ""
        return program.out

    assert shows(command, "--version") == f"secretenv {secretenv.__version__}\n"
    assert shows(command, "run", *given, "--", "sh", "-c", 'echo "$VALUE"') == "one\n"
    assert shows(command, "export", "--format", "json", *given).strip() == json.dumps({"VALUE": "one"}, indent=2)
    for words in ([], ["run"], ["export"], ["check"], ["credentials"], ["provision"], ["sandbox"], ["demo"]):
        assert "Usage: secretenv" in shows(command, *words, "--help")

    # Only here is the whole way gone: certificate, requests, boto3.
    device = sandbox.environment(secret=sandbox.secret(f"wheel/{version}", {"VALUE": "two"}))
    assert shows(command, "run", "--", "sh", "-c", 'echo "$VALUE"', variables=device) == "two\n"
    assert json.loads(shows(command, "credentials", variables=device))["Version"] == 1
    assert json.loads(shows(command, "check", "--json", variables=device))["ok"] is True
    calls = ["provision", f"wheel-{version[2:]}", "--secret", f"wheel/{version}", "--dry-run"]
    program = start(command, *calls, variables=sandbox.operator.environment())
    assert program.ends() == 0, program.err
    assert "iam:CreateRole {" in program.out
    cached = [command, "run", f"--cache={tmp_path}/cache", "--", "sh", "-c", 'echo "$VALUE"']
    program = start(*cached, variables=device)
    assert program.ends() == 125
    assert "hint: pip install 'secretenv-iot[cache]'" in program.err
    succeeds(home / "bin" / "pip", "install", "-q", "--disable-pip-version-check", f"{wheel}[cache]", cwd=tmp_path)
    assert shows(*cached, variables=device) == "two\n"
    assert (tmp_path / "cache").exists()
    for extra in (["sandbox"], ["demo"]):
        program = start(command, *extra)
        assert program.ends() == 1
        assert "hint: " in program.err
        assert "Traceback" not in program.err
