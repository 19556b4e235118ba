"""What differs is changed if provision made it, used if it fits, and else refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.provision.operating import Operator


def test_what_differs_is_changed(operator: Operator, tmp_path: Path) -> None:
    """A new value becomes a new version, and what somebody else changed of it is put right."""
    words = ["changed", "--from-file", "app.json"]
    operator.does(*words)
    (tmp_path / "app.json").write_text('{"PASSWORD": "another"}')
    changed = operator.does(*words)
    assert changed.changes == ["secretsmanager.PutSecretValue"]
    assert "secret changed: new version, because the value has changed" in changed.err

    name, nothing = "secretenv-changed", json.dumps({"Version": "2012-10-17", "Statement": []})
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    operator.iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    operator.iam.delete_role_policy(RoleName=name, PolicyName="read-secrets")
    for _ in range(4):  # with the first one as many as AWS allows
        operator.iot.create_policy_version(policyName=name, policyDocument=nothing, setAsDefault=True)
    changed = operator.does(*words, "--duration", "2h")
    assert "changed in its trust policy and MaxSessionDuration and policy read-secrets" in changed.err
    assert "role alias secretenv-changed: changed in its credentialDurationSeconds" in changed.err
    assert "policy secretenv-changed: changed in its document" in changed.err
    assert operator.does(*words, "--duration", "2h").changes == []


def foreign_secret(operator: Operator) -> None:
    """Make a secret of the name, with another value."""
    operator.secrets.create_secret(Name="mine", SecretString="{}")


def foreign_role(operator: Operator) -> None:
    """Make a role of the name, which somebody else may assume."""
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    operator.iam.create_role(RoleName="secretenv-mine", AssumeRolePolicyDocument=document)


def foreign_alias(operator: Operator) -> None:
    """Make a role alias of the name, for another role, tagged by another NAME."""
    arn, tags = "arn:aws:iam::111122223333:role/other", [{"Key": "secretenv", "Value": "mine-too"}]
    operator.iot.create_role_alias(roleAlias="secretenv-mine", roleArn=arn, tags=tags)


def foreign_policy(operator: Operator) -> None:
    """Make an IoT policy of the name, for everything."""
    statement = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    operator.iot.create_policy(policyName="secretenv-mine", policyDocument=document)


def foreign_thing(operator: Operator) -> None:
    """Make a thing of the name."""
    operator.iot.create_thing(thingName="mine")


def half_a_device(_: Operator) -> None:
    """Leave a certificate without its key."""
    Path("certs").mkdir()
    Path("certs/device.pem.crt").write_text("some certificate")


@pytest.mark.parametrize(
    ("make", "remove", "words"),
    [
        (foreign_secret, ("secrets", "delete_secret", {"SecretId": "mine"}), "secret mine exists, was not created by"),
        (foreign_role, ("iam", "delete_role", {"RoleName": "secretenv-mine"}), "role secretenv-mine exists, was not"),
        (
            foreign_alias,
            ("iot", "delete_role_alias", {"roleAlias": "secretenv-mine"}),
            "role alias secretenv-mine exists",
        ),
        (
            foreign_policy,
            ("iot", "delete_policy", {"policyName": "secretenv-mine"}),
            "policy secretenv-mine exists, was",
        ),
        (foreign_thing, ("iot", "delete_thing", {"thingName": "mine"}), "thing mine exists"),
        (half_a_device, None, "device.pem.crt exists, but"),
    ],
    ids=["secret", "role", "alias", "policy", "thing", "files"],
)
def test_what_provision_did_not_make_is_in_the_way(
    operator: Operator, make: Callable[[Operator], None], remove: tuple[str, str, dict[str, str]] | None, words: str
) -> None:
    """What provision did not make and does not fit is not changed, and nothing else is made beside it."""
    make(operator)
    ended = operator("mine", "--from-file", "app.json", "--new-certificate", "certs")
    assert (ended.status, ended.out, ended.changes) == (1 if remove else 2, "", [])
    assert words in ended.err
    assert "secretenv: hint: " in ended.err
    if remove:
        client, call, parameters = remove
        more = {"ForceDeleteWithoutRecovery": True} if call == "delete_secret" else {}
        getattr(getattr(operator, client), call)(**parameters, **more)


def test_what_fits_is_used_as_it_is(operator: Operator) -> None:
    """Without the tag but as it has to be, as a template made it: used, said to be, and never destroyed."""
    operator.does("stack", "--from-file", "app.json")
    operator.iam.untag_role(RoleName="secretenv-stack", TagKeys=["secretenv"])
    operator.secrets.untag_resource(SecretId="stack", TagKeys=["secretenv"])
    used = operator.does("stack", "--from-file", "app.json")
    assert used.err.count("used as it is, not created by provision") == 2
    assert used.changes == []
    gone = operator.does("destroy", "stack", "--yes")
    assert re.findall(r"secretenv: (.*): removed", gone.err) == ["policy secretenv-stack", "role alias secretenv-stack"]


STACK = "aws:cloudformation:stack-name"


@pytest.mark.parametrize("also_ours", [False, True], ids=["stack", "stack-with-the-tag"])
def test_what_a_stack_owns_is_neither_changed_nor_removed(operator: Operator, also_ours: bool) -> None:  # noqa: FBT001
    """A stack may put the tag of a NAME on all that it makes; errors name the stack, destroy leaves it alone."""
    name = f"owned-{also_ours}"
    operator.does(name, "--from-file", "app.json")
    made = f"secretenv-{name}"
    tags = [{"Key": STACK, "Value": "the-stack"}]
    operator.iam.tag_role(RoleName=made, Tags=tags)
    operator.secrets.tag_resource(SecretId=name, Tags=tags)
    arns = [
        operator.iot.describe_role_alias(roleAlias=made)["roleAliasDescription"]["roleAliasArn"],
        operator.iot.get_policy(policyName=made)["policyArn"],
    ]
    for arn in arns:
        operator.iot.tag_resource(resourceArn=arn, tags=tags)
    if not also_ours:
        operator.iam.untag_role(RoleName=made, TagKeys=["secretenv"])
        operator.secrets.untag_resource(SecretId=name, TagKeys=["secretenv"])

    used = operator.does(name, "--from-file", "app.json")
    assert used.changes == []
    assert used.err.count("used as it is, because it belongs to the CloudFormation stack the-stack") == 4
    Path("other.json").write_text("{}")
    for words, what in (
        (["--from-file", "other.json"], f"secret {name} belongs to the CloudFormation stack the-stack"),
        (["--duration", "12h"], f"role {made} belongs to the CloudFormation stack the-stack"),
        (["--role-alias", "other"], f"policy {made} belongs to the CloudFormation stack the-stack"),
    ):
        refused = operator(name, *words)
        assert (refused.status, refused.changes) == (1, [])
        assert what in refused.err
        assert "Key=secretenv" not in refused.err
    gone = operator.does("destroy", name, "--yes")
    assert gone.changes == []
    # A secret is found by the tag alone.
    assert gone.err.count("left alone, because it belongs to the CloudFormation stack the-stack") == 3 + also_ours


def test_a_certificate_with_all_the_policies_that_it_takes(operator: Operator) -> None:
    """AWS IoT attaches 10 policies: an eleventh is refused before anything is made."""
    device = operator.sandbox.device("full", permitted=False)
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    for number in range(10):
        operator.iot.create_policy(policyName=f"full-{number}", policyDocument=document)
        operator.iot.attach_policy(policyName=f"full-{number}", target=device.certificate_arn)
    ended = operator("full", "--from-file", "app.json", "--certificate", device.certificate_id)
    assert (ended.status, ended.changes) == (1, [])
    assert "already has 10 policies, the most that AWS IoT allows" in ended.err
