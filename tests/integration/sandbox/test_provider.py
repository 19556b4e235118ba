"""The sandbox's credentials provider answers as AWS's does: asked by plain `requests`, not by secretenv."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sandbox.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.sandbox import Sandbox


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("key_format", ["pkcs8", "traditional"])
def test_a_registered_certificate_gets_credentials(sandbox: Sandbox, kind: Any, key_format: Any) -> None:
    """RSA and EC certificates get the four fields of temporary credentials, with a lifetime of an hour."""
    answer = ask(sandbox, sandbox.device(kind=kind, key_format=key_format))

    assert answer.status_code == 200
    credentials = answer.json()["credentials"]
    assert credentials.keys() == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    assert credentials["accessKeyId"].startswith("ASIA")
    left = datetime.strptime(credentials["expiration"], "%Y-%m-%dT%H:%M:%S%z") - datetime.now(UTC)
    assert timedelta(minutes=59) < left < timedelta(minutes=61)


def test_the_attached_thing_may_be_named(sandbox: Sandbox) -> None:
    """The thing-name header is accepted for a thing that is attached to the certificate."""
    assert ask(sandbox, thing=sandbox.first.name).status_code == 200
    assert sandbox.exchanges[0].thing_name == sandbox.first.name


def untrusting(_sandbox: Sandbox) -> dict[str, Any]:
    """Return a trust policy for another service."""
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


CERTIFICATE = "Certificate is invalid on this endpoint"
ASSUME = "Unable to assume the role, or the role to assume does not exist"
DURATION = "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role"


@pytest.mark.parametrize(
    ("arrange", "status", "message", "kind"),
    [
        pytest.param(
            lambda s: {"thing": "another-thing"}, 403, "Invalid thing name passed", "AccessDeniedException", id="thing"
        ),
        pytest.param(
            lambda s: {"thing": s.device().name},
            403,
            "Invalid thing name passed",
            "AccessDeniedException",
            id="thing of another certificate",
        ),
        pytest.param(
            lambda s: {"device": s.device(permitted=False)},
            403,
            "Access Denied",
            "AccessDeniedException",
            id="no IoT policy on the certificate",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("not-permitted", permitted=False)},
            403,
            "Access Denied",
            "AccessDeniedException",
            id="IoT policy for another alias",
        ),
        pytest.param(
            lambda s: {"alias": "a-typo"}, 403, "Access Denied", "AccessDeniedException", id="alias typo, narrow policy"
        ),
        pytest.param(
            lambda s: {"device": s.device(registered=False)},
            403,
            CERTIFICATE,
            "AccessDeniedException",
            id="unknown certificate",
        ),
        pytest.param(
            lambda s: {"device": s.device(active=False)},
            403,
            CERTIFICATE,
            "AccessDeniedException",
            id="inactive certificate",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("gone", alias_exists=False)},
            404,
            "Role alias does not exist",
            "ResourceNotFoundException",
            id="no such alias",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("roleless", role_exists=False)},
            400,
            ASSUME,
            "InvalidRequestException",
            id="no such role",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("untrusting", trust=untrusting(s))},
            400,
            ASSUME,
            "InvalidRequestException",
            id="role does not trust the provider",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("too-long", duration=7200)},
            400,
            DURATION,
            "InvalidRequestException",
            id="duration",
        ),
    ],
)
def test_refusals(
    sandbox: Sandbox, arrange: Callable[[Sandbox], dict[str, Any]], status: int, message: str, kind: str
) -> None:
    """Each refusal has AWS's status and message, its x-amzn-ErrorType and a request id."""
    answer = ask(sandbox, **arrange(sandbox))

    assert (answer.status_code, answer.json()) == (status, {"message": message})
    assert answer.headers["x-amzn-ErrorType"] == kind
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["Content-Type"] == "application/json"
    assert [(seen.status, seen.message) for seen in sandbox.exchanges] == [(status, message)]


def test_an_exchange_is_counted(sandbox: Sandbox) -> None:
    """Each attempt is recorded with who asked for what, under which server name; a reset forgets them."""
    ask(sandbox)

    (seen,) = sandbox.exchanges
    assert (seen.status, seen.role_alias, seen.server_name) == (200, "sandbox-alias", "localhost")
    assert seen.certificate_id == sandbox.first.certificate_id
    sandbox.reset()
    assert sandbox.exchanges == ()


def test_a_policy_may_come_from_the_group_of_a_thing(sandbox: Sandbox) -> None:
    """A certificate inherits the IoT policy of the thing group that its thing is in."""
    device = sandbox.device(permitted=False)
    iot = sandbox.operator.client("iot")
    group = iot.create_thing_group(thingGroupName="fleet")
    iot.attach_policy(policyName="sandbox-alias-policy", target=group["thingGroupArn"])
    assert ask(sandbox, device).status_code == 403

    iot.add_thing_to_thing_group(thingGroupName="fleet", thingName=device.name)

    assert ask(sandbox, device).status_code == 200
