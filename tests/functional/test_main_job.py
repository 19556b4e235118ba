"""`secretenv run -- myapp` against the sandbox: certificate, credentials, secret, variables, command, restart."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import MARKER
from tests.running import CHILD, PYTHON
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program

SHOW = (PYTHON, CHILD, "--show", "VALUE")


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("key_format", ["pkcs8", "traditional"])
def test_the_secret_reaches_the_command(
    device_run: Callable[..., Program], world: World, kind: str, key_format: str
) -> None:
    """RSA and EC certificates; PKCS#8, PKCS#1 and SEC1 keys: all settings come from the variables alone."""
    device = world.sandbox.device(kind=kind, key_format=key_format)  # type: ignore[arg-type]
    program = device_run("--", "/usr/bin/env", device=device)
    assert program.ends() == 0, program.err
    values = dict(line.split("=", 1) for line in program.lines)
    assert values["VALUE"] == "one"
    assert values["PASSWORD"] == MARKER
    assert not [name for name in values if name.startswith("SECRETENV_")]
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & values.keys()
    assert not [value for value in values.values() if "ASIA" in value]
    assert program.err == ""


def test_an_encrypted_key(device_run: Callable[..., Program], world: World) -> None:
    """--key-password-file: password of an encrypted key."""
    device = world.sandbox.device(encrypted_with="correct horse")
    program = device_run("--once", "--", *SHOW, "--status", "0", device=device)
    assert program.ends() == 0, program.err
    assert program.lines == [f"ready {program.pid} VALUE=one"]


def test_a_start_makes_one_exchange_and_one_read(device_run: Callable[..., Program], world: World) -> None:
    """A start makes one exchange and one GetSecretValue, and asks for nothing else."""
    program = device_run("--", *SHOW, "--status", "0")
    assert program.ends() == 0, program.err
    assert world.exchanges == 1
    assert [request.action for request in world.sandbox.requests] == ["GetSecretValue"]


def test_ten_checks_make_one_exchange(device_run: Callable[..., Program], world: World) -> None:
    """Ten checks within an hour still make one exchange: credentials are handed on from fetch to fetch."""
    program = device_run("--interval=50ms", "--", *SHOW)
    program.shows("ready")
    until(lambda: world.reads >= 11, what="eleven reads")
    assert world.exchanges == 1
    assert {request.action for request in world.sandbox.requests} == {"GetSecretValue"}
    assert program.out.count("ready") == 1


def test_a_new_version_restarts_the_command(device_run: Callable[..., Program], world: World) -> None:
    """A new VersionId restarts the command: the old one is dead first, secretenv keeps its pid, and is small again."""
    program = device_run("--interval=200ms", "--", *SHOW)
    program.shows("VALUE=one")
    world.rotate("two")
    program.shows("VALUE=two")
    first, second = (line.split()[1] for line in program.lines if line.startswith("ready"))
    assert program.lines == [f"ready {first} VALUE=one", "got TERM", "bye", f"ready {second} VALUE=two"]
    assert program.process.poll() is None
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert world.exchanges == 1


def test_a_new_version_with_equal_values_restarts(device_run: Callable[..., Program], world: World) -> None:
    """VersionId decides: a new one restarts, even with equal values."""
    program = device_run("--interval=200ms", "--", *SHOW)
    program.shows("VALUE=one")
    world.rotate("one")
    program.shows("VALUE=one", times=2)


def test_between_checks_only_supervisor_and_command_live(device_run: Callable[..., Program], world: World) -> None:
    """After the first start no process but the supervisor and the command is alive between checks."""
    program = device_run("--", *SHOW)
    program.shows("ready")
    (line,) = program.lines
    until(lambda: len(program.family()) == 2)
    assert program.family() == sorted([program.pid, int(line.split()[1])])


def test_refused_credentials_are_exchanged_once_more_at_once(device_run: Callable[..., Program], world: World) -> None:
    """Credentials that are refused as expired are dropped and exchanged once more, at once."""
    program = device_run("--interval=300ms", "--", *SHOW)
    program.shows("VALUE=one")
    world.sandbox.expire_credentials()
    world.rotate("two")
    program.shows("VALUE=two")
    assert world.exchanges == 2
    assert "ExpiredToken" not in program.err


def test_credentials_near_their_end_are_replaced(device_run: Callable[..., Program], world: World) -> None:
    """Credentials are exchanged again before they expire: at the last third of a short life."""
    world.sandbox.credential_life = 4
    program = device_run("--interval=200ms", "--", *SHOW)
    program.shows("VALUE=one")
    until(lambda: world.exchanges >= 3, what="three exchanges")
    assert not [request for request in world.sandbox.requests if request.error]
    assert program.out.count("ready") == 1


def test_the_environment_of_other_tools_does_not_matter(device_run: Callable[..., Program], world: World) -> None:
    """A fetcher is not touched by AWS credentials, profiles, SSLKEYLOGFILE or ~/.netrc; the command still gets them."""
    home = world.sandbox.folder
    (home / ".netrc").write_text("default login me password secret\n")
    keys = home / "tls-keys"
    more = {
        "AWS_ACCESS_KEY_ID": "AKIAOTHER",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SESSION_TOKEN": "other",
        "AWS_PROFILE": "nowhere",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "nonsense",
        "REQUESTS_CA_BUNDLE": "/nowhere.pem",
        "CURL_CA_BUNDLE": "/nowhere.pem",
        "SSLKEYLOGFILE": str(keys),
        "HOME": str(home),
        "PYTHONPATH": str(home),
    }
    program = device_run("--once", "--", "/usr/bin/env", more=more)
    assert program.ends() == 0, program.err
    assert not keys.exists()
    assert {f"{name}={value}" for name, value in more.items()} <= set(program.lines)
    assert [exchange.status for exchange in world.sandbox.exchanges] == [200]


def test_hostile_modules_are_not_imported(device_run: Callable[..., Program], world: World, tmp_path: Path) -> None:
    """Modules in the working directory or in PYTHONPATH are for the command, never for secretenv or its fetcher."""
    for name in ("requests", "boto3", "botocore", "urllib3", "certifi", "typer", "json", "ssl", "signal"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nraise SystemExit(99)\n")
    for more in ({}, {"PYTHONPATH": str(tmp_path)}, {"PYTHONPATH": "."}):
        program = device_run("--", "true", more=more)
        assert program.ends() == 0, program.err
    assert not (tmp_path / "imported").exists()
    assert len(world.sandbox.requests) == 3


def test_several_secrets(device_run: Callable[..., Program], world: World) -> None:
    """Several secrets, one of them whole in a variable; each has a GetSecretValue of its own."""
    other = f"{world.name}-url"
    world.sandbox.secret(other, "postgres://somewhere/db")
    program = device_run("--once", f"--secret={world.arn}", f"--secret=DATABASE_URL={other}", "--", "/usr/bin/env")
    assert program.ends() == 0, program.err
    values = dict(line.split("=", 1) for line in program.lines)
    assert (values["VALUE"], values["DATABASE_URL"]) == ("one", "postgres://somewhere/db")
    assert len(world.sandbox.requests) == 2


def test_table_of_section_5_end_to_end(device_run: Callable[..., Program], world: World) -> None:
    """Strings, numbers as written, booleans, null and nested values."""
    text = (
        '{"S":"a \\"b\\"\\n☃","N":1.10,"E":1e3,"L":12345678901234567890,'
        '"T":true,"F":false,"Z":null,"O":{"a":[1.0,"é"]}}'
    )
    world.sandbox.rotate(world.name, text)
    script = "import os,json; print(json.dumps({k: os.environ.get(k) for k in 'SNELTFZO'}))"
    program = device_run("--once", "--", PYTHON, "-c", script)
    assert program.ends() == 0, program.err
    assert json.loads(program.out) == {
        "S": 'a "b"\n☃',
        "N": "1.10",
        "E": "1e3",
        "L": "12345678901234567890",
        "T": "true",
        "F": "false",
        "Z": None,
        "O": '{"a":[1.0,"é"]}',
    }
