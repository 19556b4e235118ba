"""`secretenv provision` on the sandbox, by its operator or by one with fewer rights; the command in this process."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore.loaders import create_loader

from secretenv.cli import main as command_line
from secretenv.provision.account import Account
from secretenv.provision.documents import OPERATOR_ACTIONS
from secretenv.sandbox.devices import Device
from tests.integration.sandbox.test_provider import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.sandbox import Request, Sandbox

MARKER = "MARKER-5c1e-value-that-must-not-be-shown"
VALUE = json.dumps({"PASSWORD": MARKER})


_ASKED_BY_POST = ("/attached-policies/", "/policy-targets/")  # of IoT


class Ended(NamedTuple):
    """How a run of the command ended, and which changing calls AWS saw."""

    status: int
    out: str
    err: str
    changes: list[str]


class Operator:
    """Somebody who runs `secretenv provision` at the sandbox, in a folder with the secret's value in app.json."""

    def __init__(self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        self.sandbox = sandbox
        self._capsys = capsys
        self._seen: list[str] = []
        sandbox.on_request = self._note
        self.iam, self.iot, self.secrets = (sandbox.operator.client(s) for s in ("iam", "iot", "secretsmanager"))

    def _note(self, request: Request) -> None:
        """Keep what changes something: not what is read, by the names and methods of the three services' protocols."""
        body = request.body.decode("latin-1")
        action = request.headers.get("x-amz-target") or re.sub(
            r".*Action=(\w+).*", r"\1", body.partition("&Version")[0]
        )
        if request.path == "/" and not re.search(r"(?:^|\.)(?:Get|List|Describe)", action):
            self._seen.append(action)
        if request.path != "/" and request.method != "GET" and not request.path.startswith(_ASKED_BY_POST):
            self._seen.append(f"{request.method} {request.path}")

    def __call__(self, *words: str) -> Ended:
        """Run it; neither the secret's value nor a traceback is ever seen."""
        self._seen.clear()
        status = command_line.main(["provision", *words])
        out, err = self._capsys.readouterr()
        assert MARKER not in out + err
        assert "Traceback" not in err, err
        return Ended(status, out, err, list(self._seen))

    def does(self, *words: str) -> Ended:
        """Run it, and see to it that it succeeds."""
        ended = self(*words)
        assert ended.status == 0, ended.err
        return ended

    def versions(self, secret: str) -> int:
        """Return how many versions a secret has."""
        return len(self.secrets.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"])


@pytest.fixture(scope="module")
def loader() -> Any:
    """Return the one reader of boto3's models: to read them anew for each run would be most of its time."""
    return create_loader()


@pytest.fixture
def operator(
    sandbox: Sandbox, loader: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Operator:
    """Return the sandbox's operator, with nothing of the tester's own AWS settings."""
    monkeypatch.setattr("botocore.session.create_loader", lambda _: loader)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.json").write_text(VALUE)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name, text in sandbox.operator.environment().items():
        monkeypatch.setenv(name, text)
    return Operator(sandbox, capsys)


@pytest.fixture
def limited(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes the operator a user who may do no more than these actions."""

    def limit(name: str, *actions: str) -> None:
        operator.iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        if actions:
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            operator.iam.put_user_policy(UserName=name, PolicyName="few", PolicyDocument=document)
        key = operator.iam.create_access_key(UserName=name)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    return limit


def test_the_second_run_changes_nothing(operator: Operator, tmp_path: Path) -> None:
    """The first run makes everything, private and tagged; the second changes nothing, says so, prints the same."""
    words = ["twice", "--from-file", "app.json", "--new-certificate", "certs"]
    dry = operator.does(*words, "--dry-run")
    assert (dry.changes, (tmp_path / "certs").exists()) == ([], False)

    first, second = operator.does(*words), operator.does(*words)

    assert second.changes == []
    assert second.err.count("unchanged") == 7
    assert second.err.endswith("secretenv: nothing changed\n")
    assert first.out == second.out
    assert operator.versions("twice") == 1
    # What a dry run shows is what is done.
    assert len(re.findall(r"^\w+:[A-Z]\w+ \{", dry.out, re.MULTILINE)) == len(first.changes)
    assert f'"SecretString": "(from app.json, {len(VALUE)} bytes)"' in dry.out
    assert '"Action": "iot:AssumeRoleWithCertificate"' in dry.out
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "certs", *(tmp_path / "certs").iterdir())]
    assert modes == [0o700, 0o600, 0o600]
    allowed = operator.iam.get_role_policy(RoleName="secretenv-twice", PolicyName="read-secrets")["PolicyDocument"]
    arn = operator.secrets.describe_secret(SecretId="twice")["ARN"]
    assert allowed["Statement"] == [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [arn]}]


def test_what_differs_is_mended(operator: Operator, tmp_path: Path) -> None:
    """A new value becomes a new version, and what somebody else changed of ours is put right."""
    words = ["mended", "--from-file", "app.json"]
    operator.does(*words)
    (tmp_path / "app.json").write_text('{"PASSWORD": "another"}')
    changed = operator.does(*words)
    assert changed.changes == ["secretsmanager.PutSecretValue"]
    assert "secret mended: new version, the value has changed" in changed.err

    name, nothing = "secretenv-mended", json.dumps({"Version": "2012-10-17", "Statement": []})
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    operator.iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    operator.iam.delete_role_policy(RoleName=name, PolicyName="read-secrets")
    for _ in range(4):  # with the first one as many as AWS allows
        operator.iot.create_policy_version(policyName=name, policyDocument=nothing, setAsDefault=True)
    mended = operator.does(*words, "--duration", "2h")
    assert "changed in its trust policy and MaxSessionDuration and policy read-secrets" in mended.err
    assert "role alias secretenv-mended: changed in its credentialDurationSeconds" in mended.err
    assert "policy secretenv-mended: changed in its document" in mended.err
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
    Path("certs/mine.pem.crt").write_text("some certificate")


@pytest.mark.parametrize(
    ("make", "remove", "words"),
    [
        (foreign_secret, ("secrets", "delete_secret", {"SecretId": "mine"}), "secret mine exists, was not made by"),
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
        (half_a_device, None, "mine.pem.crt exists, but"),
    ],
    ids=["secret", "role", "alias", "policy", "thing", "files"],
)
def test_what_is_not_ours_is_in_the_way(
    operator: Operator, make: Callable[[Operator], None], remove: tuple[str, str, dict[str, str]] | None, words: str
) -> None:
    """What was not made by us and does not fit is not changed, and nothing else is made beside it."""
    make(operator)
    ended = operator("mine", "--from-file", "app.json", "--new-certificate", "certs")
    assert (ended.status, ended.out, ended.changes) == (1, "", [])
    assert words in ended.err
    assert "secretenv: hint: " in ended.err
    if remove:
        client, call, parameters = remove
        more = {"ForceDeleteWithoutRecovery": True} if call == "delete_secret" else {}
        getattr(getattr(operator, client), call)(**parameters, **more)


def test_destroy_removes_exactly_what_was_made(operator: Operator) -> None:
    """Gone is what has the tag: not what was found and used, and not what another NAME made."""
    sandbox = operator.sandbox
    device = sandbox.device("given", permitted=False)
    shared = sandbox.secret("shared", {"A": "b"}, readable=False)
    operator.does("gone", "--from-file", "app.json", "--new-certificate", "certs")
    operator.does(
        "gone", "--certificate", device.certificate_id, "--thing", "second", "--secret", "gone", "--secret", shared
    )
    operator.does("gone-not", "--from-file", "app.json", "--certificate", str(device.cert))
    assert ask(sandbox, device, alias="secretenv-gone").status_code == 200

    unsure = operator("destroy", "gone")
    assert (unsure.status, unsure.changes) == (1, [])
    shown = operator.does("destroy", "gone", "--dry-run")
    assert shown.changes == []
    gone = operator.does("destroy", "gone", "--yes", "--force-delete-without-recovery")

    assert re.findall(r"secretenv: ([\w -]+?)(?: \w{12})?(?: \(for good\))?: removed", gone.err) == [
        "thing gone with certificate",
        "thing second",
        "policy secretenv-gone",
        "role alias secretenv-gone",
        "role secretenv-gone",
        "secret gone",
    ]
    assert len(gone.changes) == len(re.findall(r"^\w+:[A-Z]\w+ \{", shown.out, re.MULTILINE))
    assert operator.does("destroy", "gone", "--yes").err.startswith("secretenv: nothing is tagged secretenv=gone ")
    assert operator.does("gone-not", "--from-file", "app.json", "--certificate", device.certificate_arn).changes == []
    assert operator.secrets.get_secret_value(SecretId=shared)["SecretString"] == '{"A": "b"}'
    assert ask(sandbox, device, alias="secretenv-gone").json() == {"message": "Access Denied"}
    assert ask(sandbox, device, alias="secretenv-gone-not").status_code == 200


def test_what_fits_is_used_as_it_is(operator: Operator) -> None:
    """Without our tag but as it has to be, as a template made it: used, said to be, and never destroyed."""
    operator.does("stack", "--from-file", "app.json")
    operator.iam.untag_role(RoleName="secretenv-stack", TagKeys=["secretenv"])
    operator.secrets.untag_resource(SecretId="stack", TagKeys=["secretenv"])
    used = operator.does("stack", "--from-file", "app.json")
    assert used.err.count("used as it is, not made by provision") == 2
    assert used.changes == []
    gone = operator.does("destroy", "stack", "--yes")
    assert re.findall(r"secretenv: (.*): removed", gone.err) == ["policy secretenv-stack", "role alias secretenv-stack"]


def test_a_thing_group_lets_its_members_in(operator: Operator) -> None:
    """--thing-group: the members' certificates inherit the policy; there has to be such a group."""
    device = operator.sandbox.device("member", permitted=False)
    missing = operator("grouped", "--from-file", "app.json", "--thing-group", "members")
    assert (missing.status, missing.changes) == (1, [])
    assert "thing group members does not exist" in missing.err
    operator.iot.create_thing_group(thingGroupName="members")
    operator.iot.add_thing_to_thing_group(thingGroupName="members", thingName="member")

    operator.does("grouped", "--from-file", "app.json", "--thing-group", "members")

    assert ask(operator.sandbox, device, alias="secretenv-grouped").status_code == 200


def test_a_secret_of_each_thing(operator: Operator, tmp_path: Path) -> None:
    """--per-thing: one role for all; each thing's secret is made by a run of its own, and goes with the fleet."""
    for thing in ("s-1", "s-2"):
        ended = operator.does(
            "fleet", "--per-thing", "--thing", thing, "--from-file", "app.json", "--new-certificate", "."
        )
        assert f'thing_name = "{thing}"' in ended.out
        assert f'id = "fleet/{thing}"' in ended.out
        device = Device(
            name=thing,
            cert=tmp_path / f"{thing}.pem.crt",
            key=tmp_path / f"{thing}.pem.key",
            password_file=None,
            certificate_id="",
            certificate_arn="",
        )
        assert ask(operator.sandbox, device, alias="secretenv-fleet", thing=thing).status_code == 200
    assert ended.err.count("unchanged") == 3
    gone = operator.does("destroy", "fleet", "--yes")
    assert re.findall(r"(?:thing|secret) ([\w/-]+)", gone.err) == ["s-1", "s-2", "fleet/s-1", "fleet/s-2"]
    again = operator("fleet", "--per-thing", "--thing", "s-1", "--from-file", "app.json")
    assert "secret fleet/s-1 is scheduled for deletion" in again.err


def test_an_operator_without_rights(operator: Operator, limited: Callable[..., None], tmp_path: Path) -> None:
    """What is denied is named by its action, with the next step; a key that AWS did not make leaves no file."""
    words = ["denied", "--from-file", "app.json", "--new-certificate", "certs"]
    limited("nobody")
    nobody = operator(*words)
    assert (nobody.status, nobody.out) == (1, "")
    assert "error: aws: secretsmanager:DescribeSecret is denied to you: AccessDeniedException: User: arn:" in nobody.err
    assert "hint: have your administrator allow secretsmanager:DescribeSecret" in nobody.err

    limited("reader", *(action for action in OPERATOR_ACTIONS if re.search(":(Get|List|Describe)", action)))
    assert "secretsmanager:CreateSecret is denied to you" in operator(*words).err
    limited("some", *(action for action in OPERATOR_ACTIONS if action != "iam:PassRole"))
    assert "iam:PassRole is denied to you" in operator(*words).err
    limited("most", *(action for action in OPERATOR_ACTIONS if action != "iot:CreateKeysAndCertificate"))
    assert "iot:CreateKeysAndCertificate is denied to you" in operator(*words).err
    assert list((tmp_path / "certs").iterdir()) == []


def test_the_rights_that_an_operator_needs(operator: Operator, limited: Callable[..., None], tmp_path: Path) -> None:
    """The actions that we name are enough for everything, from nothing through changes to the end."""
    limited("enough", *OPERATOR_ACTIONS)
    words = ["enough", "--from-file", "app.json", "--new-certificate", "certs"]
    operator.does(*words)
    (tmp_path / "app.json").write_text("{}")
    operator.does(*words, "--duration", "12h")
    operator.does("destroy", "enough", "--yes")


@pytest.mark.parametrize(
    ("variables", "words", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, [], "no AWS credentials found"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, [], "the operator's credentials are refused: SignatureDoesNotMatch"),
        ({"AWS_DEFAULT_REGION": ""}, [], "no region is set"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, [], "did not get through: Could not connect"),
        ({}, ["--profile", "nope"], "The config profile (nope) could not be found"),
        ({}, ["--output", "yaml"], "--output: not one of cloudformation and terraform"),
        ({}, ["--secret", "no/such"], "secret no/such does not exist"),
        ({}, ["--from-file", "none.json"], "none.json cannot be read: No such file or directory"),
        ({}, ["--secret", "sandbox/app", "--certificate", "ab" * 32], "certificate abababababab is not registered"),
    ],
    ids=["credentials", "signature", "region", "network", "profile", "form", "secret", "file", "certificate"],
)
def test_what_is_wrong_is_said(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: list[str], message: str
) -> None:
    """A sentence and a hint for each of the operator's mistakes, status 1, nothing changed, no traceback."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    ended = operator("wrong", *words)
    assert (ended.status, ended.out, ended.changes) == (1, "", [])
    assert message in ended.err
    assert "secretenv: hint: " in ended.err


@pytest.mark.parametrize("operation", ["put_role_policy", "create_thing", "attach_thing_principal", "attach_policy"])
def test_an_interrupted_run(operator: Operator, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Ctrl-C before any call leaves nothing that a further run does not finish, or that destroy does not remove."""
    name = operation.replace("_", "-")
    words = [name, "--from-file", "app.json", "--new-certificate", "certs"]
    before = operator.iot.list_certificates()["certificates"]
    call = Account.call

    def interrupted(account: Account, service: str, asked: str, parameters: dict[str, Any]) -> Any:
        if asked == operation and not account.dry:
            raise KeyboardInterrupt
        return call(account, service, asked, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Account, "call", interrupted)
        stopped = operator(*words)
    assert (stopped.status, stopped.out) == (130, "")

    finished = operator.does(*words)
    assert tomllib.loads(finished.out)["secret"] == [{"id": name}]
    assert operator.does(*words).changes == []
    operator.does("destroy", name, "--yes", "--force-delete-without-recovery")
    assert operator.iot.list_certificates()["certificates"] == before
