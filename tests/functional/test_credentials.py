"""`secretenv credentials`: the aws CLI and the SDKs with a device's certificate, by `credential_process`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
import pytest
from botocore.exceptions import CredentialRetrievalError

from secretenv.__main__ import main
from secretenv.cli import credential_process
from secretenv.cli.examples import EXAMPLES
from tests.running import BASE, PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program
    from tests.screen import Screen

AWS = str(Path(PYTHON).with_name("aws"))


def config_file(folder: Path, world: World, **changed: str) -> Path:
    """Write a `~/.aws/config` whose default profile asks secretenv, with the device in flags."""
    named = {"cert": "CERT", "key": "KEY", "ca": "CA", "endpoint": "ENDPOINT", "role-alias": "ROLE_ALIAS"}
    variables = world.variables()
    given = {flag: variables[f"SECRETENV_{name}"] for flag, name in named.items()} | changed
    words = [SECRETENV, "credentials", *(f"--{flag}={value}" for flag, value in given.items())]
    path = folder / "config"
    path.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {shlex.join(words)}\n")
    return path


def test_what_is_printed(start: Callable[..., Program], world: World) -> None:
    """The document of a credential process, and nothing else; it needs no secret."""
    variables = {name: value for name, value in world.variables().items() if name != "SECRETENV_SECRET"}
    program = start(SECRETENV, "credentials", variables={**variables, "AWS_PROFILE": "no-such-profile"})
    assert program.ends() == 0, program.err
    assert program.err == ""
    fields = json.loads(program.out)
    assert fields.pop("Version") == 1
    assert fields.keys() == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert world.exchanges == 1
    assert world.reads == 0


def test_botocore_reads_it(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every SDK reads it from `~/.aws/config`, and knows when to ask again."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config_file(tmp_path, world)))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    found = botocore.session.Session().get_credentials()
    assert found is not None
    assert found.method == "custom-process"
    assert found.get_frozen_credentials().access_key.startswith("ASIA")
    assert not found.refresh_needed()
    assert world.exchanges == 1
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config_file(tmp_path, world, **{"role-alias": "unknown"})))
    with pytest.raises(CredentialRetrievalError, match="secretenv: error: policy: "):
        botocore.session.Session().get_credentials()


def test_the_aws_command(start: Callable[..., Program], tmp_path: Path, world: World) -> None:
    """The real `aws` reads the secret with the certificate alone."""
    variables = {
        "AWS_CONFIG_FILE": str(config_file(tmp_path, world)),
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": world.sandbox.url,
        "PATH": BASE["PATH"],
    }
    words = [
        "secretsmanager",
        "get-secret-value",
        "--secret-id",
        world.name,
        "--query",
        "VersionId",
        "--output",
        "text",
    ]
    program = start(AWS, *words, variables=variables)
    assert program.ends() == 0, program.err
    assert program.out.strip()
    assert world.reads == 1


def test_on_a_terminal_they_are_not_shown(screen: Callable[..., Screen], world: World) -> None:
    """On a terminal only their expiration is shown; --reveal shows the credentials."""
    told = screen(SECRETENV, "credentials", variables=world.variables())
    told.shows("--reveal shows them")
    assert told.program.ends() == 0
    assert "ASIA" not in told.text
    screen(SECRETENV, "credentials", "--reveal", variables=world.variables()).shows("ASIA")


def test_errors_are_on_standard_error(start: Callable[..., Program], world: World) -> None:
    """Missing settings are named, a secret is not one of them; standard output stays empty, and the status is 2."""
    variables = {**world.variables(), "SECRETENV_CERT": "", "SECRETENV_SECRET": ""}
    program = start(SECRETENV, "credentials", variables=variables)
    assert program.ends() == 2
    assert program.out == ""
    assert "missing: --cert FILE or SECRETENV_CERT; no settings file" in program.err
    assert "hint: " in program.err


def test_the_example_of_the_help(start: Callable[..., Program], world: World) -> None:
    """The example of `--help` prints the line below it."""
    (example,) = EXAMPLES["credentials"]
    program = start("sh", "-c", example.command, variables=world.variables())
    assert program.ends() == 0
    assert program.lines == [example.output]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_too_little_memory(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    """A lack of memory is one line, not Python's traceback."""

    def starve(*_: object) -> None:
        raise error

    monkeypatch.setattr(credential_process, "obtain", starve)
    monkeypatch.setattr(sys, "argv", ["secretenv", "credentials"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, value in world.variables().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capfd.readouterr() == (
        "",
        "secretenv: error: secretenv: there is no memory left\nsecretenv: hint: free; ulimit -v\n",
    )
