"""The policies: what each allows, and when two are the same."""

from __future__ import annotations

import json

import pytest

from secretenv import provision
from secretenv.errors import SecretenvError
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


KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234"
ALIAS = "arn:aws:kms:eu-west-1:111122223333:alias/mine"


def test_keys_of_their_own() -> None:
    """The role may decrypt with the keys of its secrets, only through Secrets Manager; an alias is a condition."""
    documents_ = [json.dumps(provision.secret_policy(["arn:one"], [KEY, ALIAS]))]
    through = {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}
    named = {**through, "kms:ResourceAliases": "alias/mine"}
    other = KEY.replace("1234", "5678")
    assert allows(documents_, "kms:Decrypt", KEY, through)
    assert allows(documents_, "kms:Decrypt", other, named)
    assert not allows(documents_, "kms:Decrypt", other, through)
    assert not allows(documents_, "kms:Decrypt", KEY, {})
    assert not allows(documents_, "kms:Encrypt", KEY, named)
    assert not allows(documents_, "kms:Decrypt", other.replace("1111", "9999"), named)


@pytest.mark.parametrize("keys", [[], [KEY], [KEY, KEY.replace("1234", "5678"), ALIAS, f"{ALIAS}-2"]])
def test_the_keys_of_a_policy(keys: list[str]) -> None:
    """The keys can be read back, also from the short forms that AWS may return."""
    policy = provision.secret_policy(["arn:one"], keys)
    assert documents.decrypting(policy) == keys
    for statement in policy["Statement"]:
        statement["Resource"] = statement["Resource"][0] if len(statement["Resource"]) == 1 else statement["Resource"]
    assert (
        documents.decrypting({**policy, "Statement": policy["Statement"] if keys else policy["Statement"][0]}) == keys
    )


def test_the_size_of_a_policy() -> None:
    """IAM's limit counts no blanks."""
    arns = [f"arn:{'x' * 96}"] * 98
    assert len(json.dumps(provision.secret_policy(arns))) > documents.LONGEST
    documents.check_size(provision.secret_policy(arns), 98)
    with pytest.raises(SecretenvError, match="100 secrets has 10411 characters; IAM allows 10240"):
        documents.check_size(provision.secret_policy(arns + arns[:2]), 100)


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
