"""What `provision` asks for: names, policies, templates, the settings file; no AWS in sight."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from secretenv import provision
from secretenv.config import merge
from secretenv.errors import ContentError, SecretenvError, SettingsError
from secretenv.provision import cloudformation, device_settings, documents, secret_value, terraform
from secretenv.provision.wanted import Wanted, wanted

if TYPE_CHECKING:
    from pathlib import Path

ID = "ab" * 32
PREFIX = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"
TEMPLATES = {"cloudformation": cloudformation, "terraform": terraform}


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
    from secretenv.sandbox.policy import allows  # it brings moto, which is slow to load

    assert allows([per_thing_policy()], "secretsmanager:GetSecretValue", PREFIX + secret, context) == reads


def test_policies_are_compared_by_what_they_say() -> None:
    """A word and a list of it, and lists in another order, are the same; another resource is not."""
    one = provision.secret_policy(["arn:one", "arn:two"])
    assert documents.same(one, provision.secret_policy(["arn:two", "arn:one"]))
    assert documents.same(provision.assume_policy("arn:a"), provision.assume_policy(["arn:a"]))
    assert not documents.same(one, provision.secret_policy(["arn:one"]))


def test_all_names_come_from_one() -> None:
    """NAME is the secret; role, role alias and policy are `secretenv-NAME`; a new certificate's thing is NAME."""
    made = wanted("myapp", folder="certs")
    assert (made.secrets, made.role, made.alias, made.policy, made.thing, made.duration, made.tags) == (
        ("myapp",),
        *["secretenv-myapp"] * 3,
        "myapp",
        3600,
        {"secretenv": "myapp"},
    )


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a b", {}, "NAME"),
        ("x" * 55, {}, "NAME"),
        ("a", {"role": "a/b"}, "--role"),
        ("a", {"thing": "a/b", "certificate": ID}, "--thing"),
        ("a", {"secrets": ["a*"]}, "--secret"),
        ("a", {"secrets": [PREFIX + "x-AbCdEf"], "per_thing": True}, "--secret"),
        ("a", {"duration": "10m"}, "--duration"),
        ("a", {"duration": "13h"}, "--duration"),
        ("a", {"duration": "1000.5s"}, "duration"),
        ("a", {"certificate": ID, "group": "g"}, "--certificate and --thing-group exclude"),
        ("a", {"folder": "d", "certificate": ID}, "--certificate and --new-certificate exclude"),
        ("a", {"per_thing": True, "folder": "d"}, "no thing is named"),
        ("a", {"thing": "t"}, "without a certificate"),
    ],
)
def test_what_cannot_be(name: str, options: dict[str, Any], words: str) -> None:
    """A name that AWS does not take, or options that exclude each other, are refused before AWS is asked."""
    with pytest.raises(SecretenvError, match=re.escape(words)):
        wanted(name, **options)


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    """What is printed is what `secretenv run --config` takes."""
    asked = wanted("fleet", secrets=["fleet", "common"], per_thing=True, thing="sensor-1", alias="odd=name")
    text = device_settings.text(asked, endpoint="c1.example", region="eu-west-1", cert='/a "b"/c', ca="/ca.pem")
    file = tmp_path / "config.toml"
    file.write_text(text, "utf-8")
    device = merge.read({"config": str(file)}, {}, ["true"])
    assert [each.id for each in device.secrets] == ["fleet/sensor-1", "common/sensor-1"]
    found = device.device
    assert (found.cert, found.key, found.ca) == ('/a "b"/c', device_settings.KEY, "/ca.pem")
    assert (found.endpoint, found.role_alias, found.thing_name, found.region) == (
        "c1.example",
        "odd=name",
        "sensor-1",
        "eu-west-1",
    )


def test_no_thing_name_without_need() -> None:
    """A thing's name is in the settings only where policies ask for it."""
    assert "thing_name" not in device_settings.text(wanted("myapp", folder="certs"), endpoint="e")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"[1]", ContentError),
        (b"{", ContentError),
        (b"\xff", SettingsError),
        (b'{"A":"%s"}' % (b"x" * 65536), SettingsError),
    ],
    ids=["no-object", "no-json", "no-text", "too-large"],
)
def test_a_value_that_no_device_could_use(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    """The secret's value is checked as a device would, before it is stored; no option of `run` is advised."""
    file = tmp_path / "app.json"
    file.write_bytes(content)
    with pytest.raises(error) as caught:
        secret_value.read(str(file), "app")
    assert isinstance(caught.value, SecretenvError)
    assert caught.value.hint
    assert " --" not in caught.value.hint


def test_a_value_is_never_part_of_a_repr(tmp_path: Path) -> None:
    """What stands for a value says where it comes from and how long it is."""
    file = tmp_path / "app.json"
    file.write_text('{"A": "hidden"}')
    read, warnings = secret_value.read(str(file), "app")
    assert (repr(read), warnings) == (f"Value((from {file}, 15 bytes))", [])


def every_way() -> list[Wanted]:
    """Return one of each kind of what can be wanted."""
    return [
        wanted("app", folder="certs"),
        wanted("app", certificate=ID, thing="t", secrets=["a", PREFIX + "b-AbCdEf"], duration="12h"),
        wanted("app", per_thing=True),
    ]


@pytest.mark.parametrize("with_value", [True, False], ids=["makes-secret", "existing-secret"])
@pytest.mark.parametrize("form", TEMPLATES)
def test_references_of_templates_resolve(form: str, with_value: bool) -> None:  # noqa: FBT001
    """Each reference in a template names something in it."""
    for asked in every_way():
        template = TEMPLATES[form].template(
            asked, with_value=with_value, certificate_id=ID if asked.certificate else ""
        )
        text = json.dumps(template)
        if form == "cloudformation":
            known = {*template["Resources"], *template.get("Parameters", {})}
            named = re.findall(r'"Ref": "(\w+)"', text) + re.findall(r'"Fn::GetAtt": \["(\w+)"', text)
        else:
            known = {f"data.{kind}.{name}" for kind, all_ in template["data"].items() for name in all_}
            known |= {f"{kind}.{name}" for kind, all_ in template["resource"].items() for name in all_}
            known |= {f"var.{name}" for name in template.get("variable", {})}
            named = re.findall(r"(?<!\$)\$\{((?:data\.)?\w+\.\w+)", text)
        assert named
        assert set(named) <= known
        assert bool({"SecretValue", "var.secret_value"} & known) == with_value


@pytest.mark.parametrize(
    ("form", "escaped"),
    [("cloudformation", "${!credentials-iot:ThingName}"), ("terraform", "$${credentials-iot:ThingName}")],
)
def test_templates_leave_the_variable_of_iam_to_iam(form: str, escaped: str) -> None:
    """--per-thing: `${credentials-iot:ThingName}` is not what the template's own language fills in."""
    text = json.dumps(TEMPLATES[form].template(wanted("app", per_thing=True), with_value=False))
    assert f"secret:app/{escaped}-??????" in text
    assert text.count("credentials-iot:ThingName") == text.count(escaped) == 1


def test_templates_hold_the_documents_of_provision() -> None:
    """The roles and policies of the templates are those that `provision` itself makes."""
    asked = wanted("app", secrets=[PREFIX + "b-AbCdEf"], duration="15m")
    stack = cloudformation.template(asked, with_value=False)["Resources"]
    plan = terraform.template(asked, with_value=False)["resource"]
    reading = provision.secret_policy([PREFIX + "b-AbCdEf"])
    assert stack["Role"]["Properties"]["Policies"] == [{"PolicyName": "read-secrets", "PolicyDocument": reading}]
    assert json.loads(plan["aws_iam_role_policy"]["device"]["policy"]) == reading
    assert json.loads(plan["aws_iam_role"]["device"]["assume_role_policy"]) == provision.trust_policy()
    assert stack["Role"]["Properties"]["AssumeRolePolicyDocument"] == provision.trust_policy()
    assert (
        stack["Role"]["Properties"]["MaxSessionDuration"]
        == plan["aws_iam_role"]["device"]["max_session_duration"]
        == 3600
    )
    assert stack["RoleAlias"]["Properties"]["CredentialDurationSeconds"] == 900


def test_the_settings_of_terraform() -> None:
    """Terraform's output is the settings file, with the endpoint and the region that it has looked up."""
    text = terraform.template(wanted("app"), with_value=False)["output"]["settings"]["value"]
    read = tomllib.loads(text)
    assert read["device"]["endpoint"] == "${data.aws_iot_endpoint.credentials.endpoint_address}"
    assert read["run"] == {"region": "${data.aws_region.current.id}"}


def test_cloudformation_and_thing_groups() -> None:
    """What CloudFormation cannot do is said, and not left out in silence."""
    with pytest.raises(SettingsError, match="thing group"):
        cloudformation.template(wanted("app", group="g"), with_value=False)
    attached = terraform.template(wanted("app", group="g"), with_value=False)["resource"]["aws_iot_policy_attachment"]
    assert attached["device"]["target"].endswith(":thinggroup/g")
