"""Secrets that exist, secrets with a KMS key of their own, and more of them than a policy holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sandbox.test_secretsmanager import client, keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.sandbox import Device
    from tests.integration.provision.operating import Operator

KEY = "arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = "arn:aws:kms:eu-west-1:999999999999:alias/mine"


def reads(operator: Operator, device: Device, alias: str, secret: str) -> str:
    """Read a secret as a device does."""
    reader: Any = client(operator.sandbox, keys(operator.sandbox, device, alias=alias))
    try:
        return str(reader.get_secret_value(SecretId=secret)["SecretString"])
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("kms-arn", KEY),
        ("kms-id", "1234abcd"),
        ("kms-alias", ALIAS),
        ("kms-alias-name", "alias/mine"),
        ("kms-none", ""),
    ],
)
def test_a_secret_with_a_key_of_its_own(operator: Operator, name: str, key: str) -> None:
    """The role may decrypt with the key that the secret has, through Secrets Manager: the device reads the secret."""
    operator.secrets.create_secret(Name=name, SecretString='{"A": "b"}', **({"KmsKeyId": key} if key else {}))
    device = operator.sandbox.device(f"{name}-device", permitted=False)
    made = operator.does(name, "--certificate", device.certificate_id)
    assert ("encrypted with arn:aws:kms:" in made.err) == bool(key)
    assert reads(operator, device, f"secretenv-{name}", name) == '{"A": "b"}'
    assert operator.does(name, "--certificate", device.certificate_id).changes == []


def test_the_sandbox_refuses_a_key_that_the_role_may_not_use(operator: Operator) -> None:
    """As AWS does: the value is not given to a role without kms:Decrypt."""
    operator.secrets.create_secret(Name="locked", SecretString="{}", KmsKeyId=KEY)
    device = operator.sandbox.device("locked-device", permitted=False)
    operator.does("locked", "--certificate", device.certificate_id)
    arn = operator.secrets.describe_secret(SecretId="locked")["ARN"]
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    operator.iam.put_role_policy(RoleName="secretenv-locked", PolicyName="read-secrets", PolicyDocument=document)
    with pytest.raises(Exception, match="Access to KMS is not allowed"):
        reads(operator, device, "secretenv-locked", "locked")


def test_a_new_secret_with_a_key(operator: Operator) -> None:
    """--kms-key: a new secret is encrypted with it; one that exists with another key is not passed over."""
    words = ["keyed", "--from-file", "app.json"]
    operator.does(*words, "--kms-key", KEY)
    assert operator.secrets.describe_secret(SecretId="keyed")["KmsKeyId"] == KEY
    assert operator.does(*words).changes == []
    other = operator(*words, "--kms-key", ALIAS)
    assert f"secret keyed is encrypted with {KEY}, not with the key in --kms-key" in other.err
    several = operator("keyless", "--from-file", "app.json", "--kms-key", KEY, "--kms-key", ALIAS)
    assert "more than one --kms-key is given" in several.err
    assert "give the full ARN" in operator(*words, "--kms-key", "alias/mine").err


def test_keys_of_other_things_stay(operator: Operator) -> None:
    """--per-thing: a run for one thing sees its own secret alone, and keeps the keys of the others in the role."""
    for thing, key in (("one", KEY), ("two", ALIAS)):
        operator.secrets.create_secret(Name=f"keys/{thing}", SecretString="{}", KmsKeyId=key)
        operator.does("keys", "--per-thing", "--thing", thing, "--new-certificate", thing)
    policy = operator.iam.get_role_policy(RoleName="secretenv-keys", PolicyName="read-secrets")["PolicyDocument"]
    assert KEY in json.dumps(policy)
    assert "alias/mine" in json.dumps(policy)
    assert operator.does("keys", "--per-thing").changes == []


def test_more_secrets_than_a_policy_holds(operator: Operator) -> None:
    """110 secrets are refused before anything is made, with the next step."""
    names = [f"prod/region-{number}/a-rather-long-name" for number in range(110)]
    for name in names:
        operator.secrets.create_secret(Name=name, SecretString="{}")
    words = [word for name in names for word in ("--secret", name)]
    many = operator("many", *words)
    assert (many.status, many.changes) == (1, [])
    assert "the role's policy for 110 secrets has" in many.err
    assert "IAM allows 10240" in many.err
    assert operator.does("many", *words[:20]).status == 0


@pytest.mark.parametrize("form", ["cloudformation", "terraform"])
def test_templates_know_the_limit_too(operator: Operator, form: str) -> None:
    """A template whose policy IAM would refuse is not written."""
    words = [word for number in range(110) for word in ("--secret", f"prod/region-{number}/a-rather-long-name")]
    ended = operator("many", *words, "--output", form)
    assert (ended.status, ended.out) == (1, "")
    assert "the role's policy for 110 secrets has" in ended.err


def test_only_the_form_of_a_value_changed(operator: Operator, limited: Callable[..., None]) -> None:
    """A newline at the end of the file is no new version: a shell's $(cat FILE) drops it."""
    operator.does("form", "--from-file", "app.json")
    Path("app.json").write_text(Path("app.json").read_text() + "\n")
    assert operator.does("form", "--from-file", "app.json").changes == []
