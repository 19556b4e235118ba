"""What a user reads when a file is not what it should be: every file, through every command that reads it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program

COMMANDS = (("check",), ("credentials",), ("export",), ("run", "--", "true"))
VARIABLES = {
    "certificate file": "SECRETENV_CERT",
    "key file": "SECRETENV_KEY",
    "key password": "SECRETENV_KEY_PASSWORD_FILE",
    "roots file": "SECRETENV_CA",
    "file": "SECRETENV_SECRET",
}


def all_say(start: Callable[..., Program], variables: Mapping[str, str], link: str, *words: str) -> None:
    """Expect that each command that reads files names this link and says this."""
    commands = [words for words in COMMANDS if link != "file" or words != ("credentials",)]
    programs = [(command, start(SECRETENV, *command, variables=variables)) for command in commands]
    for command, program in programs:
        assert program.ends() == (125 if command[0] == "run" else 1), program.out
        if command == ("check",):
            text = next(line for line in program.out.splitlines() if line.startswith("FAIL"))
            assert text.removeprefix("FAIL").strip().startswith(link)
        else:
            text = next(line for line in program.err.splitlines() if line.startswith("secretenv: error: "))
            assert text.startswith(f"secretenv: error: {link}: ")
        for each in words:
            assert each in text, command


def given(world: World, link: str, path: Path) -> dict[str, str]:
    """Return the variables of a device with one of its files at this path."""
    locked = world.sandbox.device(encrypted_with="p") if link == "key password" else None
    variables = world.variables(device=locked) if locked else world.variables()
    return {**variables, VARIABLES[link]: f"file://{path}" if link == "file" else str(path)}


@pytest.mark.parametrize("link", VARIABLES)
@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a device", "a directory"])
def test_no_regular_file(start: Callable[..., Program], tmp_path: Path, world: World, link: str, kind: str) -> None:
    """A FIFO, a socket, a device or a directory: no command waits for it, and each says what it is."""
    path = tmp_path / "f"
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "a FIFO":
            os.mkfifo(path)
        elif kind == "a socket":
            server.bind(str(path))
        elif kind == "a directory":
            path.mkdir()
        else:
            path.symlink_to("/dev/zero")
        all_say(start, given(world, link, path), link, f"not a regular file, but {kind}")
