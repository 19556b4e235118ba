"""The CloudFormation template; no AWS in sight."""

from __future__ import annotations

import json
import re

import pytest

from secretenv import provision
from secretenv.errors import SettingsError
from secretenv.provision.cloudformation import template
from secretenv.provision.wanted import Wanted, wanted
from tests.unit.provision.templates import ID, PREFIX, WAYS, every_way


@pytest.mark.parametrize("with_value", [True, False], ids=["makes-secret", "existing-secret"])
@pytest.mark.parametrize("asked", every_way(), ids=WAYS)
def test_references_resolve(asked: Wanted, with_value: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Each reference in the template names something in it; only a secret that it makes has a parameter."""
    made = template(asked, with_value=with_value, certificate_id=ID if asked.certificate else "")
    text = json.dumps(made)
    known = {*made["Resources"], *made.get("Parameters", {})}
    named = re.findall(r'"Ref": "(\w+)"', text) + re.findall(r'"Fn::GetAtt": \["(\w+)"', text)
    assert named
    assert set(named) <= known
    assert ("SecretValue" in known) == with_value


def test_the_variable_of_iam_is_left_to_iam() -> None:
    """--per-thing: `${credentials-iot:ThingName}` is not what Fn::Sub fills in."""
    text = json.dumps(template(wanted("app", per_thing=True), with_value=False))
    assert "secret:app/${!credentials-iot:ThingName}-??????" in text
    assert text.count("credentials-iot:ThingName") == 1


def test_it_holds_the_documents_of_provision() -> None:
    """The role and the policies are those that `provision` itself makes."""
    asked = wanted("app", secrets=[PREFIX + "b-AbCdEf"], duration="15m")
    stack = template(asked, with_value=False)["Resources"]
    reading = provision.secret_policy([PREFIX + "b-AbCdEf"])
    role = stack["Role"]["Properties"]
    assert role["Policies"] == [{"PolicyName": "read-secrets", "PolicyDocument": reading}]
    assert role["AssumeRolePolicyDocument"] == provision.trust_policy()
    assert role["MaxSessionDuration"] == 3600
    assert stack["RoleAlias"]["Properties"]["CredentialDurationSeconds"] == 900


def test_thing_groups_are_refused() -> None:
    """What CloudFormation cannot do is said, and not left out in silence."""
    with pytest.raises(SettingsError, match="thing group"):
        template(wanted("app", group="g"), with_value=False)
