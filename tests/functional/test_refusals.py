"""What a user reads when a link of the chain is broken: every row of AWS's table, through the installed command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.sandbox import Device
    from tests.functional.conftest import World
    from tests.running import Program


def refused(program: Program, link: str, *says: str) -> None:
    """Expect status 125 and an error that names the link, says this, and ends with a hint; nothing else leaks."""
    assert program.ends() == 125
    assert program.out == ""
    error, hint = program.err.strip().splitlines()[-2:]
    assert error.startswith(f"secretenv: error: {link}: "), program.err
    for words in says:
        assert words in error, program.err
    assert hint.startswith("secretenv: hint: ")
    assert "Traceback" not in program.err
    assert MARKER not in program.err


def unregistered(world: World) -> Device:
    """Return a device whose certificate AWS IoT does not know."""
    return world.sandbox.device(registered=False)


@pytest.mark.parametrize(
    ("make", "link", "says"),
    [
        pytest.param({"registered": False}, "certificate", "Certificate is invalid on this endpoint", id="unknown"),
        pytest.param({"active": False}, "certificate", "Certificate is invalid on this endpoint", id="inactive"),
        pytest.param({"permitted": False}, "policy", "Access Denied", id="no-policy"),
    ],
)
def test_certificates_that_are_refused(
    device_run: Callable[..., Program], world: World, make: dict[str, bool], link: str, says: str
) -> None:
    """403 of the credentials provider: which certificate, and what to do."""
    device = world.sandbox.device(**make)  # type: ignore[arg-type]
    program = device_run("--", "true", device=device)
    refused(program, link, says, "request id")


@pytest.mark.parametrize("wrong", ["stranger", "expired"])
def test_certificates_that_tls_refuses(device_run: Callable[..., Program], world: World, wrong: str) -> None:
    """A stranger's certificate, refused in the handshake, or an expired one: the error names the certificate."""
    device = world.sandbox.device(**{wrong: True}, registered=False)  # type: ignore[arg-type]
    program = device_run("--start-timeout=8s", "--", "true", device=device)
    refused(program, "certificate", str(device.cert))


@pytest.mark.parametrize(
    ("make", "link", "says"),
    [
        pytest.param({"alias_exists": False}, "role alias", "Role alias does not exist", id="no-alias"),
        pytest.param({"permitted": False}, "policy", "Access Denied", id="alias-not-permitted"),
        pytest.param({"role_exists": False}, "role", "Unable to assume the role", id="no-role"),
        pytest.param({"trust": {"Version": "2012-10-17", "Statement": []}}, "role", "Unable to assume", id="no-trust"),
        pytest.param({"duration": 7200}, "role", "exceeds the MaxSessionDuration", id="too-long"),
    ],
)
def test_aliases_that_are_refused(
    device_run: Callable[..., Program],
    world: World,
    request: pytest.FixtureRequest,
    make: dict[str, object],
    link: str,
    says: str,
) -> None:
    """400, 403 and 404 of the credentials provider for a role alias."""
    name = f"alias-{request.node.callspec.id}"
    alias = world.sandbox.alias(name, **make)  # type: ignore[arg-type]
    refused(device_run("--", "true", alias=alias), link, says, "request id")


def test_a_thing_name_of_another(device_run: Callable[..., Program], world: World) -> None:
    """403 Invalid thing name: the thing is not attached to this certificate."""
    refused(device_run("--thing-name=somebody-else", "--", "true"), "thing name", "Invalid thing name passed")


def test_the_right_thing_name(device_run: Callable[..., Program], world: World) -> None:
    """--thing-name sends x-amzn-iot-thingname."""
    assert device_run("--thing-name=sandbox-device", "--", "true").ends() == 0
    assert [exchange.thing_name for exchange in world.sandbox.exchanges] == ["sandbox-device"]


def test_the_data_endpoint(device_run: Callable[..., Program], world: World) -> None:
    """The data endpoint instead of the credentials provider: the most common mistake is named as such."""
    program = device_run("--", "true", endpoint=world.sandbox.data_endpoint)
    refused(program, "endpoint", "is not a credentials provider", "data endpoint")
    assert "iot:CredentialProvider" in program.err


def test_a_role_without_the_permission(device_run: Callable[..., Program], world: World) -> None:
    """A role that may not read the secret: AccessDenied, which may also mean that there is no such secret."""
    alias = world.sandbox.alias("alias-without-permission")
    program = device_run("--", "true", alias=alias)
    whole = "because no identity-based policy allows the secretsmanager:GetSecretValue action (request id "
    refused(program, "policy", world.name, "AccessDeniedException", whole)
    assert "no such secret" in program.err
    assert "--thing-name is not set" in program.err


def test_a_secret_that_does_not_exist(device_run: Callable[..., Program], world: World) -> None:
    """A missing secret looks like a denial where the policy names ARNs; the hint says both."""
    refused(device_run("--", "true", secret="test/nowhere"), "policy", "test/nowhere")


def test_a_secret_without_a_value(device_run: Callable[..., Program], world: World) -> None:
    """A secret that was made and never given a value."""
    world.sandbox.secret(f"{world.name}-empty", None)
    refused(device_run("--", "true", secret=f"{world.name}-empty"), "secret", "AWSCURRENT")


def test_a_secret_that_is_no_json(device_run: Callable[..., Program], world: World) -> None:
    """Not a JSON object and no NAME: the hint says to use NAME=ID."""
    world.sandbox.rotate(world.name, f"just {MARKER}")
    program = device_run("--", "true")
    refused(program, "content", world.name)
    assert "=" + world.name in program.err


def test_roots_that_do_not_fit(device_run: Callable[..., Program], world: World) -> None:
    """Without --ca the sandbox's certificate is trusted by nobody: permanent, and said so."""
    variables = {**world.variables(), "SECRETENV_CA": ""}
    program = device_run("--", "true", more=variables)
    refused(program, "TLS", world.sandbox.endpoint)


def test_nobody_listens(device_run: Callable[..., Program], world: World) -> None:
    """A refused connection is tried again until the start timeout, then 125."""
    program = device_run("--start-timeout=8s", "--", "true", endpoint="localhost:1")
    refused(program, "connection", "localhost:1")
    assert "trying again" in program.err


def test_an_unknown_name(device_run: Callable[..., Program], world: World) -> None:
    """A host name that does not exist is a broken DNS link."""
    program = device_run("--start-timeout=8s", "--", "true", endpoint="nowhere.invalid")
    refused(program, "DNS", "nowhere.invalid")


def test_a_certificate_file_that_is_missing(device_run: Callable[..., Program], world: World) -> None:
    """A missing file is permanent at the start, and named."""
    program = device_run("--cert=/nowhere/c.pem", "--", "true")
    refused(program, "certificate file", "/nowhere/c.pem")


def test_the_key_of_another_certificate(device_run: Callable[..., Program], world: World) -> None:
    """Key and certificate that do not belong together."""
    other = world.sandbox.device()
    program = device_run(f"--key={other.key}", "--", "true")
    refused(program, "key of another certificate", str(other.key))
