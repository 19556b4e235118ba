"""The sandbox's Secrets Manager is as strict as AWS's: asked by plain boto3, not by secretenv."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import botocore.auth
import pytest
import requests
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from secretenv.sandbox import Reply, Sandbox
from tests.integration.sandbox.asking import ask
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.sandbox import Device, Request


def keys(
    sandbox: Sandbox, device: Device | None = None, *, alias: str = "sandbox-alias", thing: str = ""
) -> dict[str, str]:
    """Exchange the certificate and return the credentials under boto3's names."""
    got = ask(sandbox, device, alias=alias, thing=thing).json()["credentials"]
    return {
        "aws_access_key_id": got["accessKeyId"],
        "aws_secret_access_key": got["secretAccessKey"],
        "aws_session_token": got["sessionToken"],
    }


def client(sandbox: Sandbox, credentials: dict[str, str] | None = None, *, region: str = "") -> Any:
    """Return a client as a device has it, with one attempt only."""
    return boto3.client(
        "secretsmanager",
        endpoint_url=sandbox.url,
        region_name=region or sandbox.region,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        **(credentials or keys(sandbox)),
    )


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str, str]:
    """Return status, name and words of the error that the call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["RequestId"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


UNSIGNED = (
    400,
    "InvalidSignatureException",
    (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
        "Access Key and signing method. Consult the service documentation for details."
    ),
)
INVALID_TOKEN = (400, "UnrecognizedClientException", "The security token included in the request is invalid.")
EXPIRED = (400, "ExpiredTokenException", "The security token included in the request is expired")


def test_the_secret_can_be_read(sandbox: Sandbox) -> None:
    """A role with GetSecretValue on the secret's ARN reads its value, by name, ARN and partial ARN."""
    secretsmanager = client(sandbox)
    by_name = secretsmanager.get_secret_value(SecretId="sandbox/app", VersionStage="AWSCURRENT")

    assert json.loads(by_name["SecretString"])["GREETING"] == "hello"
    assert by_name["VersionStages"] == ["AWSCURRENT"]
    for name in (by_name["ARN"], by_name["ARN"][:-7]):
        assert secretsmanager.get_secret_value(SecretId=name)["VersionId"] == by_name["VersionId"]


def test_another_secret_is_denied(sandbox: Sandbox) -> None:
    """A policy that is scoped to one secret's ARN refuses another, and names it."""
    arn = sandbox.secret("sandbox/other", {"A": "b"}, readable=False)

    status, code, message = refused(client(sandbox).get_secret_value, SecretId="sandbox/other")

    assert (status, code) == (400, "AccessDeniedException")
    assert "not authorized to perform: secretsmanager:GetSecretValue on resource: " + arn in message
    assert f"assumed-role/sandbox-role/{sandbox.first.certificate_id}" in message


def test_a_missing_secret_looks_denied(sandbox: Sandbox) -> None:
    """Under an ARN-scoped policy a name without a secret is AccessDeniedException: it is no ARN that is allowed."""
    status, code, message = refused(client(sandbox).get_secret_value, SecretId="sandbox/typo")

    assert (status, code) == (400, "AccessDeniedException")
    assert "on resource: sandbox/typo" in message


def test_a_missing_secret_is_not_found_under_a_wide_policy(sandbox: Sandbox) -> None:
    """Where the policy allows every secret, a missing one is ResourceNotFoundException, HTTP 400."""
    credentials = keys(sandbox, alias=sandbox.alias("wide", secrets=["*"]))

    assert refused(client(sandbox, credentials).get_secret_value, SecretId="sandbox/typo") == (
        400,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )


def test_six_wildcards_stand_for_the_suffix(sandbox: Sandbox) -> None:
    """`??????` in a policy matches the suffix of the ARN, and no longer name."""
    arn, longer = sandbox.secret("fleet/common", {"A": "b"}), sandbox.secret("fleet/common-too", {"A": "b"})
    pattern = arn[:-6] + "??????"
    secretsmanager = client(sandbox, keys(sandbox, alias=sandbox.alias("pattern", secrets=[pattern])))

    assert secretsmanager.get_secret_value(SecretId="fleet/common")["ARN"] == arn
    assert refused(secretsmanager.get_secret_value, SecretId=longer)[1] == "AccessDeniedException"


def test_a_policy_may_name_the_thing(sandbox: Sandbox) -> None:
    """`${credentials-iot:ThingName}` in the role's policy is the thing that is named; without one nothing matches."""
    device = sandbox.device("sensor-1")
    mine = sandbox.secret("device/sensor-1/app", {"A": "b"}, readable=False)
    sandbox.secret("device/sensor-10/app", {"A": "b"}, readable=False)
    pattern = mine.partition("device/")[0] + "device/${credentials-iot:ThingName}/*"
    alias = sandbox.alias("per-thing", secrets=[pattern])

    named = client(sandbox, keys(sandbox, device, alias=alias, thing="sensor-1"))
    assert named.get_secret_value(SecretId="device/sensor-1/app")["ARN"] == mine
    assert refused(named.get_secret_value, SecretId="device/sensor-10/app")[1] == "AccessDeniedException"
    unnamed = client(sandbox, keys(sandbox, device, alias=alias))
    assert refused(unnamed.get_secret_value, SecretId="device/sensor-1/app")[1] == "AccessDeniedException"


def test_a_role_without_permission_reads_nothing(sandbox: Sandbox) -> None:
    """A role that has no policy gets credentials, and AccessDeniedException for every secret."""
    credentials = keys(sandbox, alias=sandbox.alias("powerless"))

    assert refused(client(sandbox, credentials).get_secret_value, SecretId="sandbox/app")[1] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("describe_secret", {"SecretId": "sandbox/app"}),
        ("put_secret_value", {"SecretId": "sandbox/app", "SecretString": "{}"}),
        ("batch_get_secret_value", {"SecretIdList": ["sandbox/app"]}),
        ("list_secret_version_ids", {"SecretId": "sandbox/app"}),
        ("update_secret_version_stage", {"SecretId": "sandbox/app", "VersionStage": "AWSCURRENT"}),
        ("delete_secret", {"SecretId": "sandbox/app"}),
        ("list_secrets", {}),
        ("create_secret", {"Name": "sandbox/mine", "SecretString": "{}"}),
    ],
)
def test_every_other_action_is_denied(sandbox: Sandbox, call: str, arguments: dict[str, Any]) -> None:
    """The role's only permission is GetSecretValue."""
    assert refused(getattr(client(sandbox), call), **arguments)[:2] == (400, "AccessDeniedException")
    assert [seen.error for seen in sandbox.requests] == ["AccessDeniedException"]


def test_batch_tells_refusals_apart(sandbox: Sandbox) -> None:
    """BatchGetSecretValue answers what may be read and lists each other secret with its own error."""
    readable = sandbox.secret("batch/readable", {"A": "b"})
    valueless = sandbox.secret("batch/valueless", None)
    sandbox.secret("batch/secret", {"A": "b"}, readable=False)
    alias = sandbox.alias("batch", secrets=[readable, valueless])
    statement = {"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}
    sandbox.operator.client("iam").put_role_policy(
        RoleName="batch-role",
        PolicyName="batch",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )

    answer = client(sandbox, keys(sandbox, alias=alias)).batch_get_secret_value(
        SecretIdList=["batch/readable", "batch/valueless", "batch/secret"]
    )

    assert [value["Name"] for value in answer["SecretValues"]] == ["batch/readable"]
    assert [(error["SecretId"], error["ErrorCode"]) for error in answer["Errors"]] == [
        ("batch/valueless", "ResourceNotFoundException"),
        ("batch/secret", "AccessDeniedException"),
    ]


def test_an_explicit_deny_wins(sandbox: Sandbox) -> None:
    """A Deny that concerns the secret beats the Allow beside it."""
    arn = sandbox.secret("sandbox/denied", {"A": "b"}, readable=False)
    alias = sandbox.alias("denied", secrets=[arn])
    statement = {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}
    sandbox.operator.client("iam").put_role_policy(
        RoleName="denied-role",
        PolicyName="deny",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )

    assert refused(client(sandbox, keys(sandbox, alias=alias)).get_secret_value, SecretId=arn)[1] == (
        "AccessDeniedException"
    )


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        pytest.param({"aws_access_key_id": "ASIAUNKNOWNUNKNOWN00"}, INVALID_TOKEN, id="unknown key"),
        pytest.param({"aws_session_token": "of somebody else"}, INVALID_TOKEN, id="wrong token"),
        pytest.param({"aws_session_token": None}, INVALID_TOKEN, id="no token"),
        pytest.param({"aws_secret_access_key": "wrong"}, UNSIGNED, id="wrong secret key"),
    ],
)
def test_credentials_that_are_not_right(sandbox: Sandbox, change: dict[str, Any], answer: tuple[int, str, str]) -> None:
    """Unknown keys, tokens of another session and wrong signatures are refused under AWS's names."""
    credentials = {**keys(sandbox), **change}

    assert refused(client(sandbox, credentials).get_secret_value, SecretId="sandbox/app") == answer
    assert [(seen.action, seen.secret, seen.error) for seen in sandbox.requests] == [
        ("GetSecretValue", "sandbox/app", answer[1])
    ]


def test_what_was_signed_must_be_what_arrives(sandbox: Sandbox) -> None:
    """A body that was exchanged under way does not fit its signature; without one the token is missing."""
    credentials = keys(sandbox)
    signed = AWSRequest(
        method="POST",
        url=sandbox.url,
        data='{"SecretId": "sandbox/app"}',
        headers={"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1"},
    )
    botocore.auth.SigV4Auth(Credentials(*credentials.values()), "secretsmanager", sandbox.region).add_auth(signed)

    def send(body: str, **changed: str | None) -> str:
        headers = {**dict(signed.headers.items()), **changed}
        answer = requests.post(sandbox.url, data=body, headers=headers, timeout=20)
        return str(answer.json().get("__type", answer.status_code))

    assert send('{"SecretId": "sandbox/app"}') == "200"
    assert send('{"SecretId": "sandbox/two"}') == "InvalidSignatureException"
    assert send('{"SecretId": "sandbox/app"}', Authorization=None) == "MissingAuthenticationTokenException"
    assert send('{"SecretId": "sandbox/app"}', Authorization="Bearer x") == "IncompleteSignatureException"


def test_credentials_expire_at_once_when_told(sandbox: Sandbox) -> None:
    """`expire_credentials` ends every session issued so far; a new exchange helps."""
    secretsmanager = client(sandbox)
    secretsmanager.get_secret_value(SecretId="sandbox/app")
    sandbox.expire_credentials()

    assert refused(secretsmanager.get_secret_value, SecretId="sandbox/app") == EXPIRED
    assert client(sandbox).get_secret_value(SecretId="sandbox/app")["Name"] == "sandbox/app"
    assert [seen.error for seen in sandbox.requests] == ["", "ExpiredTokenException", ""]


def test_credentials_expire_by_themselves(sandbox: Sandbox) -> None:
    """Credentials with a short life are good at first, then refused as expired."""
    sandbox.credential_life = 2
    secretsmanager = client(sandbox)
    secretsmanager.get_secret_value(SecretId="sandbox/app")

    def expired() -> bool:
        try:
            secretsmanager.get_secret_value(SecretId="sandbox/app")
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "ExpiredTokenException")
        return False

    assert until(expired)


def test_credentials_expire_by_the_clock_of_aws(sandbox: Sandbox) -> None:
    """An hour later, by AWS's clock, a session is expired."""
    secretsmanager = client(sandbox)
    sandbox.clock_offset = 3601

    assert refused(secretsmanager.get_secret_value, SecretId="sandbox/app") == EXPIRED


@pytest.mark.parametrize(("offset", "words"), [(600, "Signature expired: "), (-600, "Signature not yet current: ")])
def test_a_signature_lives_five_minutes(sandbox: Sandbox, offset: float, words: str) -> None:
    """Clocks that are more than 5 minutes apart end in InvalidSignatureException, whose words say so."""
    secretsmanager = client(sandbox)
    sandbox.clock_offset = offset
    status, code, message = refused(secretsmanager.get_secret_value, SecretId="sandbox/app")

    assert (status, code) == (400, "InvalidSignatureException")
    assert message.startswith(words)
    assert "5 min.)" in message


def test_a_rotated_secret_has_a_new_version(sandbox: Sandbox) -> None:
    """`rotate` makes the version that is read from then on; the one before is AWSPREVIOUS."""
    sandbox.secret("sandbox/rotated", {"A": "old"})
    secretsmanager = client(sandbox)
    old = secretsmanager.get_secret_value(SecretId="sandbox/rotated")["VersionId"]
    new = sandbox.rotate("sandbox/rotated", {"A": "new"})

    read = secretsmanager.get_secret_value(SecretId="sandbox/rotated", VersionStage="AWSCURRENT")
    assert (read["VersionId"], json.loads(read["SecretString"])) == (new, {"A": "new"})
    before = secretsmanager.get_secret_value(SecretId="sandbox/rotated", VersionStage="AWSPREVIOUS")
    assert before["VersionId"] == old


def test_a_label_that_moves_back_is_followed(sandbox: Sandbox) -> None:
    """After AWSCURRENT was moved to the old version that one is read, whether or not the stage is named."""
    sandbox.secret("sandbox/moved", {"A": "old"})
    secretsmanager = client(sandbox)
    old = secretsmanager.get_secret_value(SecretId="sandbox/moved")["VersionId"]
    new = sandbox.rotate("sandbox/moved", {"A": "new"})
    sandbox.operator.client("secretsmanager").update_secret_version_stage(
        SecretId="sandbox/moved", VersionStage="AWSCURRENT", MoveToVersionId=old, RemoveFromVersionId=new
    )

    assert secretsmanager.get_secret_value(SecretId="sandbox/moved")["VersionId"] == old
    assert secretsmanager.get_secret_value(SecretId="sandbox/moved", VersionStage="AWSCURRENT")["VersionId"] == old


def test_kinds_of_values(sandbox: Sandbox) -> None:
    """A secret holds text, bytes, a JSON object, or nothing yet, which AWS says in its own words."""
    sandbox.secret("value/text", "no json")
    sandbox.secret("value/bytes", b"\x00\xff")
    sandbox.secret("value/none", None)
    secretsmanager = client(sandbox)

    assert secretsmanager.get_secret_value(SecretId="value/text")["SecretString"] == "no json"
    assert secretsmanager.get_secret_value(SecretId="value/bytes")["SecretBinary"] == b"\x00\xff"
    for stage in ({}, {"VersionStage": "AWSCURRENT"}):
        assert refused(secretsmanager.get_secret_value, SecretId="value/none", **stage) == (
            400,
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
        )


def test_a_label_that_no_version_has(sandbox: Sandbox) -> None:
    """A stage without a version is ResourceNotFoundException, HTTP 400, and names the label."""
    assert refused(client(sandbox).get_secret_value, SecretId="sandbox/app", VersionStage="BLUE") == (
        400,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: BLUE",
    )


def test_a_deleted_secret(sandbox: Sandbox) -> None:
    """A secret that is marked for deletion is InvalidRequestException."""
    sandbox.secret("sandbox/deleted", {"A": "b"})
    sandbox.operator.client("secretsmanager").delete_secret(SecretId="sandbox/deleted")

    status, code, message = refused(client(sandbox).get_secret_value, SecretId="sandbox/deleted")
    assert (status, code) == (400, "InvalidRequestException")
    assert "marked for deletion" in message


def test_a_value_has_a_limit(sandbox: Sandbox) -> None:
    """A value of 65,536 bytes is taken, a byte more is refused."""
    sandbox.secret("value/long", "x" * 65536)
    too_long = refused(
        sandbox.operator.client("secretsmanager").put_secret_value, SecretId="value/long", SecretString="x" * 65537
    )
    assert too_long[:2] == (400, "ValidationException")


def test_a_region_that_is_none(sandbox: Sandbox) -> None:
    """Credentials scoped to a region that does not exist are refused; in another region the secret is denied."""
    credentials = keys(sandbox)
    nowhere = refused(client(sandbox, credentials, region="xx-nowhere-1").get_secret_value, SecretId="sandbox/app")
    elsewhere = refused(client(sandbox, credentials, region="us-east-1").get_secret_value, SecretId="sandbox/app")

    assert nowhere[1:] == ("InvalidSignatureException", "Credential should be scoped to a valid region.")
    assert elsewhere[1] == "AccessDeniedException"


def test_a_device_administrates_nothing(sandbox: Sandbox) -> None:
    """IAM and IoT refuse a device's role; GetCallerIdentity is everybody's, as at AWS."""
    credentials = keys(sandbox)
    options: dict[str, Any] = {"endpoint_url": sandbox.url, "region_name": sandbox.region, **credentials}
    identity = boto3.client("sts", **options).get_caller_identity()
    assert identity["Arn"].endswith(f":assumed-role/sandbox-role/{sandbox.first.certificate_id}")
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.client("iot", **options).list_certificates()


def test_requests_are_counted(sandbox: Sandbox) -> None:
    """A device's requests are recorded with their outcome; the operator's are not; a reset forgets them."""
    secretsmanager = client(sandbox)
    secretsmanager.get_secret_value(SecretId="sandbox/app")
    refused(secretsmanager.get_secret_value, SecretId="sandbox/typo")
    sandbox.rotate("sandbox/app", {"GREETING": "hello"})

    assert [(seen.action, seen.secret, seen.error) for seen in sandbox.requests] == [
        ("GetSecretValue", "sandbox/app", ""),
        ("GetSecretValue", "sandbox/typo", "AccessDeniedException"),
    ]
    sandbox.reset()
    assert sandbox.requests == ()


def test_a_hook_may_answer_instead(sandbox: Sandbox) -> None:
    """The seam for faults: a reply of the hook's own goes out instead, and is counted under its name."""
    secretsmanager = client(sandbox)

    def fail(request: Request) -> Reply | None:
        assert (request.service, request.method) == ("aws", "POST")
        return Reply(
            status=500,
            body=b'{"__type":"InternalServiceError","Message":"sorry"}',
            headers={"x-amzn-RequestId": "of-the-hook"},
        )

    sandbox.on_request = fail

    assert refused(secretsmanager.get_secret_value, SecretId="sandbox/app")[:2] == (500, "InternalServiceError")
    assert [seen.error for seen in sandbox.requests] == ["InternalServiceError"]


def test_it_is_silent(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither answers nor refusals write a line to standard output or error."""
    secretsmanager = client(sandbox)
    secretsmanager.get_secret_value(SecretId="sandbox/app")
    refused(secretsmanager.describe_secret, SecretId="sandbox/app")
    with pytest.raises(requests.exceptions.SSLError):
        ask(sandbox, sandbox.device(stranger=True))
    until(lambda: len(sandbox.exchanges) == 2)

    assert capfd.readouterr() == ("", "")
