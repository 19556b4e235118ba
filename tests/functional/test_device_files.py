"""What a user reads when a file is not what it should be: every file, through every command that reads it."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


CONFIGURATIONS = {
    "legacy alone": "openssl_conf = a\n[a]\nproviders = b\n[b]\nlegacy = c\n[c]\nactivate = 1\n",
    "no TLS 1.2": "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1\n",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_of_openssl(start: Callable[..., Program], tmp_path: Path, world: World, name: str) -> None:
    """OPENSSL_CONF that forgets the provider `default` or turns TLS 1.2 off: one link, the same in all commands."""
    file = tmp_path / "openssl.cnf"
    file.write_text(CONFIGURATIONS[name])
    all_say(start, {**world.variables(), "OPENSSL_CONF": str(file)}, "TLS", "this system's OpenSSL cannot speak TLS")


def test_a_weak_certificate(start: Callable[..., Program], tmp_path: Path, world: World) -> None:
    """A certificate that OpenSSL calls too weak: one link, the same in all commands."""
    words = ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=d", "-keyout", "k", "-out", "c"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    weak = {"SECRETENV_CERT": str(tmp_path / "c"), "SECRETENV_KEY": str(tmp_path / "k")}
    all_say(start, {**world.variables(), **weak}, "certificate", "is too weak for this system's OpenSSL")


@pytest.mark.parametrize("link", ["certificate file", "key file", "roots file"])
def test_another_form(start: Callable[..., Program], tmp_path: Path, world: World, link: str) -> None:
    """PEM text that was changed on its way: what the file holds, in all commands."""
    path = tmp_path / "f"
    path.write_text(Path(world.variables()[VARIABLES[link]]).read_text().replace("\n", r"\n"))
    all_say(start, given(world, link, path), link, r"PEM text with \n in place of its line ends")


def test_an_old_cipher(start: Callable[..., Program], tmp_path: Path, world: World) -> None:
    """A key in single DES with its right password: one link, the same in all commands."""
    words = ["openssl", "pkcs8", "-topk8", "-provider", "legacy", "-provider", "default", "-v1", "PBE-MD5-DES"]
    key = world.variables()["SECRETENV_KEY"]
    made = subprocess.run(
        [*words, "-in", key, "-passout", "pass:p", "-out", tmp_path / "k"], check=False, capture_output=True, text=True
    )
    if made.returncode and "legacy" in made.stderr:
        pytest.skip("needs OpenSSL's legacy provider")
    (tmp_path / "p").write_text("p")
    locked = {"SECRETENV_KEY": str(tmp_path / "k"), "SECRETENV_KEY_PASSWORD_FILE": str(tmp_path / "p")}
    all_say(start, {**world.variables(), **locked}, "key file", "with DES, which OpenSSL 3 no longer reads by itself")
