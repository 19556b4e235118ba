"""The Terraform configuration; no AWS in sight."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from secretenv import provision
from secretenv.provision.terraform import template
from secretenv.provision.wanted import Wanted, wanted
from tests.unit.provision.templates import ID, PREFIX, WAYS, every_way


@pytest.mark.parametrize("with_value", [True, False], ids=["makes-secret", "existing-secret"])
@pytest.mark.parametrize("asked", every_way(), ids=WAYS)
def test_references_resolve(asked: Wanted, with_value: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Each reference in the configuration names something in it; only a secret that it makes has a variable."""
    made = template(asked, with_value=with_value, certificate_id=ID if asked.certificate else "")
    known = {f"data.{kind}.{name}" for kind, all_ in made["data"].items() for name in all_}
    known |= {f"{kind}.{name}" for kind, all_ in made["resource"].items() for name in all_}
    known |= {f"var.{name}" for name in made.get("variable", {})}
    named = re.findall(r"(?<!\$)\$\{((?:data\.)?\w+\.\w+)", json.dumps(made))
    assert named
    assert set(named) <= known
    assert ("var.secret_value" in known) == with_value


def test_the_variable_of_iam_is_left_to_iam() -> None:
    """--per-thing: `${credentials-iot:ThingName}` is not what Terraform fills in."""
    text = json.dumps(template(wanted("app", per_thing=True), with_value=False))
    assert "secret:app/$${credentials-iot:ThingName}-??????" in text
    assert text.count("credentials-iot:ThingName") == 1


def test_it_holds_the_documents_of_provision() -> None:
    """The role and the policies are those that `provision` itself makes."""
    asked = wanted("app", secrets=[PREFIX + "b-AbCdEf"], duration="15m")
    plan = template(asked, with_value=False)["resource"]
    reading = provision.secret_policy([PREFIX + "b-AbCdEf"])
    role = plan["aws_iam_role"]["device"]
    assert json.loads(plan["aws_iam_role_policy"]["device"]["policy"]) == reading
    assert json.loads(role["assume_role_policy"]) == provision.trust_policy()
    assert role["max_session_duration"] == 3600
    assert plan["aws_iot_role_alias"]["device"]["credential_duration"] == 900


def test_a_thing_group() -> None:
    """--thing-group: the policy is attached to the group."""
    attached = template(wanted("app", group="g"), with_value=False)["resource"]["aws_iot_policy_attachment"]
    assert attached["device"]["target"].endswith(":thinggroup/g")


def test_the_settings_of_terraform() -> None:
    """Terraform's output is the settings file, with the endpoint and the region that it has looked up."""
    text = template(wanted("app"), with_value=False)["output"]["settings"]["value"]
    read = tomllib.loads(text)
    assert read["device"]["endpoint"] == "${data.aws_iot_endpoint.credentials.endpoint_address}"
    assert read["run"] == {"region": "${data.aws_region.current.id}"}
