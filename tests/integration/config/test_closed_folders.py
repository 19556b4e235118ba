"""A settings file that this user cannot read says so, wherever it is looked for; it does not count as absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running import PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.running import Program

# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: root without them is asked for the mode like anybody.
AS_ANYBODY = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
# Looks in place of the system's file, which a test cannot write to.
SYSTEM = """
import sys, pathlib
from secretenv.config import file
print(file.load("", {}, system=pathlib.Path(sys.argv[1])).described)
"""
COMMANDS = {"run": 125, "export": 2, "credentials": 2, "check": 2}
CONTENT = '[[secret]]\nid = "file:///x"\n'


def settings(path: Path) -> Path:
    """Write a settings file, and return its path."""
    path.parent.mkdir(parents=True)
    path.write_text(CONTENT, "utf-8")
    return path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("chosen", [True, False], ids=["--config", "XDG_CONFIG_HOME"])
def test_a_closed_folder(start: Callable[..., Program], tmp_path: Path, command: str, chosen: bool) -> None:  # noqa: FBT001
    """Every command names the file, the permission and how to look for the folder that is closed."""
    path = settings(tmp_path / "home" / "secretenv" / "config.toml")
    path.parent.chmod(0o600)
    words = [*(["--config", str(path)] if chosen else []), *(["--", "true"] if command == "run" else [])]
    program = start(
        PYTHON, "-c", AS_ANYBODY, SECRETENV, command, *words, variables={"XDG_CONFIG_HOME": str(tmp_path / "home")}
    )
    assert program.ends() == COMMANDS[command]
    assert program.err.splitlines() == [
        f"secretenv: error: settings: {path} cannot be read: permission denied for a folder above it",
        f"secretenv: hint: namei -l {path}; open the folder to this user, or name another file with --config",
    ]


def test_the_closed_folder_of_the_system(start: Callable[..., Program], tmp_path: Path) -> None:
    """/etc/secretenv that root alone may enter is no missing settings file."""
    path = settings(tmp_path / "etc" / "config.toml")
    path.parent.chmod(0)
    program = start(PYTHON, "-c", AS_ANYBODY, PYTHON, "-c", SYSTEM, str(path))
    assert program.ends() == 1
    assert f"{path} cannot be read: permission denied for a folder above it" in program.err


def test_the_home_of_another_user(start: Callable[..., Program], tmp_path: Path) -> None:
    """A HOME that this user cannot enter, as a supervisor leaves it, is passed over, and the message says so."""
    path = settings(tmp_path / "etc" / "config.toml")
    home = tmp_path / "root"
    settings(home / ".config" / "secretenv" / "config.toml")
    home.chmod(0)
    program = start(PYTHON, "-c", AS_ANYBODY, PYTHON, "-c", SYSTEM, str(path), variables={"HOME": str(home)})
    assert program.ends() == 0, program.err
    assert program.out == f"the settings file {path} was read\n"
    path.unlink()
    program = start(PYTHON, "-c", AS_ANYBODY, PYTHON, "-c", SYSTEM, str(path), variables={"HOME": str(home)})
    assert program.ends() == 0
    seen = f"{home}/.config/secretenv/config.toml cannot be seen by this user, there is no {path}"
    assert program.out == f"no settings file was read: {seen}\n"


def test_a_closed_file(start: Callable[..., Program], tmp_path: Path) -> None:
    """A file in an open folder that this user cannot read says so too."""
    path = settings(tmp_path / "home" / "secretenv" / "config.toml")
    path.chmod(0)
    program = start(
        PYTHON, "-c", AS_ANYBODY, SECRETENV, "export", variables={"XDG_CONFIG_HOME": str(tmp_path / "home")}
    )
    assert program.ends() == 2
    assert program.err.splitlines() == [
        f"secretenv: error: settings: {path} cannot be read: Permission denied",
        f"secretenv: hint: ls -l {path}",
    ]


@pytest.mark.parametrize(("target", "reason"), [("nowhere", "No such file"), ("config.toml", "Too many levels")])
def test_a_link_that_leads_nowhere(start: Callable[..., Program], tmp_path: Path, target: str, reason: str) -> None:
    """A link in place of a settings file is one, and an error where it leads nowhere."""
    path = settings(tmp_path / "home" / "secretenv" / "config.toml")
    path.unlink()
    path.symlink_to(target)
    program = start(SECRETENV, "export", variables={"XDG_CONFIG_HOME": str(tmp_path / "home")})
    assert program.ends() == 2
    assert f"{path} cannot be read: {reason}" in program.err
