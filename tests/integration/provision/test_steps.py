"""The steps of `provision`, which the sandbox takes too: proved on the sandbox, by its operator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from secretenv import provision
from secretenv.sandbox import Sandbox
from tests.integration.sandbox.asking import ask

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An account; each test makes things under names of its own."""
    with Sandbox() as sandbox:
        yield sandbox


def provide(sandbox: Sandbox, name: str, **changed: Any) -> provision.Provisioned:
    """Provision a world under this name for a new device that has no policy yet."""
    device = sandbox.device(f"{name}-device", kind="ec", permitted=False)
    return provision.provision(
        **{
            "secretsmanager": sandbox.operator.client("secretsmanager"),
            "iam": sandbox.operator.client("iam"),
            "iot": sandbox.operator.client("iot"),
            "secret": f"{name}/app",
            "value": '{"A": "b"}',
            "role": f"{name}-role",
            "alias": f"{name}-alias",
            "policy": f"{name}-policy",
            "certificate_arn": device.certificate_arn,
            **changed,
        }
    )


def test_what_it_makes(sandbox: Sandbox) -> None:
    """After it the certificate gets credentials for an hour, and the result names what was made."""
    made = provide(sandbox, "made")
    iam, iot = sandbox.operator.client("iam"), sandbox.operator.client("iot")

    alias = iot.describe_role_alias(roleAlias="made-alias")["roleAliasDescription"]
    assert (made.alias, made.alias_arn, made.role_arn) == ("made-alias", alias["roleAliasArn"], alias["roleArn"])
    assert alias["credentialDurationSeconds"] == 3600
    assert iam.list_role_policies(RoleName="made-role")["PolicyNames"] == ["read-secrets"]
    allowed = iam.get_role_policy(RoleName="made-role", PolicyName="read-secrets")["PolicyDocument"]
    assert allowed == provision.secret_policy([made.secret_arn])
    assert iam.list_attached_role_policies(RoleName="made-role")["AttachedPolicies"] == []
    document = json.loads(iot.get_policy(policyName=made.policy)["policyDocument"])
    assert document == provision.assume_policy(made.alias_arn)
    assert made.endpoint == sandbox.endpoint


def test_the_certificate_can_use_it(sandbox: Sandbox) -> None:
    """What it makes is enough, from the certificate to the secret's value, and no other device gets in by it."""
    made = provide(sandbox, "used", value=b"\x00bytes")
    certificate = next(iter(sandbox.operator.client("iot").list_targets_for_policy(policyName=made.policy)["targets"]))
    device = sandbox.device("used-too", permitted=False)
    assert ask(sandbox, device, alias=made.alias).json() == {"message": "Access Denied"}

    provision.attach_policy(sandbox.operator.client("iot"), made.policy, device.certificate_arn)

    assert certificate != device.certificate_arn
    assert ask(sandbox, device, alias=made.alias).status_code == 200


@pytest.mark.parametrize(("duration", "max_session"), [(900, 3600), (43200, 43200)])
def test_the_role_allows_the_duration(sandbox: Sandbox, duration: int, max_session: int) -> None:
    """The role's MaxSessionDuration reaches the alias' duration, and is never below IAM's minimum."""
    made = provide(sandbox, f"lasting-{duration}", duration=duration)
    role = sandbox.operator.client("iam").get_role(RoleName=f"lasting-{duration}-role")["Role"]
    alias = sandbox.operator.client("iot").describe_role_alias(roleAlias=made.alias)["roleAliasDescription"]

    assert role["MaxSessionDuration"] == max_session
    assert alias["credentialDurationSeconds"] == duration


def test_a_step_that_aws_refuses(sandbox: Sandbox) -> None:
    """An error of AWS passes through as it is."""
    provide(sandbox, "twice")
    with pytest.raises(ClientError, match="ResourceExistsException"):
        provide(sandbox, "again", secret="twice/app")
