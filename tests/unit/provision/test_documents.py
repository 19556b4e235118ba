"""The policies: what each allows, and when two are the same."""

from __future__ import annotations

import json

import pytest

from secretenv import provision
from secretenv.provision import documents
from secretenv.sandbox.policy import allows
from tests.unit.provision.templates import PREFIX


def per_thing_policy() -> str:
    """Return the policy of `provision fleet --per-thing`."""
    return json.dumps(provision.secret_policy([f"{PREFIX}fleet/{documents.THING}{documents.ANY_SUFFIX}"]))


def test_the_trust_policy() -> None:
    """Only the credentials provider may assume the role."""
    assert provision.trust_policy() == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "credentials.iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }


def test_the_secret_policy() -> None:
    """The role may call GetSecretValue on the secrets that are named, and nothing else."""
    assert provision.secret_policy(["arn:one", "arn:two"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ["arn:one", "arn:two"]}
        ],
    }


def test_the_assume_policy() -> None:
    """The certificate may use the one role alias."""
    assert provision.assume_policy("arn:alias") == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": "arn:alias"}],
    }


@pytest.mark.parametrize(
    ("thing", "secret", "reads"),
    [
        ("sensor-1", "fleet/sensor-1-AbCdEf", True),
        ("sensor-1", "fleet/sensor-10-AbCdEf", False),
        ("sensor", "fleet/sensor-abcdef-AbCdEf", False),
        ("sensor-1", "fleet/sensor-2-AbCdEf", False),
        ("sensor-1", "fleet/sensor-1/more-AbCdEf", False),
        ("", "fleet/sensor-1-AbCdEf", False),
    ],
)
def test_a_thing_reads_its_own_secret_only(thing: str, secret: str, reads: bool) -> None:  # noqa: FBT001
    """--per-thing: the policy opens the secret called exactly as the thing, and none without a thing's name."""
    context = {"credentials-iot:ThingName": thing} if thing else {}
    assert allows([per_thing_policy()], "secretsmanager:GetSecretValue", PREFIX + secret, context) == reads


def test_policies_are_compared_by_what_they_say() -> None:
    """A word and a list of it, and lists in another order, are the same; another resource is not."""
    one = provision.secret_policy(["arn:one", "arn:two"])
    assert documents.same(one, provision.secret_policy(["arn:two", "arn:one"]))
    assert documents.same(provision.assume_policy("arn:a"), provision.assume_policy(["arn:a"]))
    assert not documents.same(one, provision.secret_policy(["arn:one"]))
