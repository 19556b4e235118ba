"""What Secrets Manager's refusals mean."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.fetcher import secretsmanager_errors
from secretenv.identity.provider_errors import THROTTLING, TRANSIENT, plain
from secretenv.supervisor.log import Log

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.errors import SecretenvError

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/app-AbCdEf"


def refused(code: str, message: Any = "because", status: int = 400) -> SecretenvError:
    """Return the error for a refusal of AWS."""
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "1111-2222"},
    }
    return secretsmanager_errors.of_secrets_manager("prod/app", "AWSCURRENT", "eu-west-1", response)


@pytest.mark.parametrize(
    ("code", "message", "link", "transient", "step"),
    [
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
            "secret",
            False,
            "describe-secret --secret-id 'prod/app' --region eu-west-1",
        ),
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
            "secret",
            False,
            "no version has the label AWSCURRENT: aws secretsmanager list-secret-version-ids",
        ),
        (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            "secret",
            False,
            "restore-secret",
        ),
        ("InvalidRequestException", "You can't", "secret", False, "describe-secret"),
        ("InvalidParameterException", "no", "secret", False, "describe-secret"),
        (
            "AccessDeniedException",
            (
                f"User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: "
                f"secretsmanager:GetSecretValue on resource: {ARN}"
            ),
            "policy",
            False,
            "or there is no such secret",
        ),
        ("AccessDeniedException", "Access to KMS is not allowed", "KMS", False, "kms:Decrypt"),
        (
            "AccessDeniedException",
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:Decrypt on resource: arn:aws:x",
            "KMS",
            False,
            "kms:Decrypt",
        ),
        (
            "AccessDeniedException",
            (
                "User: arn:aws:sts::1:assumed-role/kms-reader/s is not authorized to perform: "
                "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:1:secret:kms-AbCdEf"
            ),
            "policy",
            False,
            "secretsmanager:GetSecretValue",
        ),
        ("DecryptionFailure", "can't decrypt", "KMS", False, "KmsKeyId"),
        ("ThrottlingException", "Rate exceeded", "throttling", True, "--interval"),
        ("RequestLimitExceeded", "", "throttling", True, "--interval"),
        ("InternalServiceError", "", "secret", True, "health.aws"),
        ("InternalServiceErrorException", "", "secret", True, "health.aws"),
        ("ServiceUnavailable", "", "secret", True, "health.aws"),
        (
            "InvalidSignatureException",
            "Signature expired: 1 is now earlier than 2 (3 - 5 min.)",
            "clock",
            True,
            "date -u",
        ),
        ("RequestExpired", "", "clock", True, "date -u"),
        ("InvalidSignatureException", "Signature not yet current: 3 is still later than 2", "clock", True, "date -u"),
        (
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
            "signature",
            False,
            "HTTPS_PROXY",
        ),
        ("InvalidSignatureException", "Credential should be scoped to a valid region.", "region", False, "--region"),
        ("SignatureDoesNotMatch", "", "signature", False, "HTTPS_PROXY"),
        ("IncompleteSignatureException", "", "signature", False, "HTTPS_PROXY"),
        ("MissingAuthenticationTokenException", "", "signature", False, "HTTPS_PROXY"),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "credentials",
            False,
            "date -u",
        ),
        ("UnrecognizedClientException", "The security token is invalid.", "credentials", False, "partition"),
        ("InvalidClientTokenId", "", "credentials", False, "partition"),
    ],
)
def test_refusals(code: str, message: str, link: str, transient: bool, step: str) -> None:  # noqa: FBT001
    """Each refusal names the secret and its link, quotes AWS with the request id, and says the next step."""
    error = refused(code, message)
    assert (error.link, error.transient) == (link, transient)
    assert error.message.startswith(f"secret prod/app: {code}")
    assert plain(message) in error.message
    assert error.message.endswith("(request id 1111-2222)")
    assert step in error.hint


GET = (
    "User: arn:aws:sts::111122223333:assumed-role/iot-role/16fab1d6 is not authorized to perform: "
    f"secretsmanager:GetSecretValue on resource: {ARN} "
)
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DECRYPT = (
    "User: arn:aws:sts::111122223333:assumed-role/iot-role/16fab1d6 is not authorized to perform: kms:Decrypt on "
    f"resource: {KEY} "
)
ALLOWS = "allows the secretsmanager:GetSecretValue action"
OF_ROLE = "aws iam list-attached-role-policies --role-name iot-role"
OF_SECRET = "aws secretsmanager get-resource-policy --secret-id 'prod/app' --region eu-west-1"
OF_KEY = f"aws kms get-key-policy --policy-name default --region eu-west-1 --key-id {KEY}"


@pytest.mark.parametrize(
    ("clause", "step"),
    [
        (f"because no identity-based policy {ALLOWS}", "the role lacks secretsmanager:GetSecretValue on this secret"),
        (f"because no resource-based policy {ALLOWS}", OF_SECRET),
        (f"because no permissions boundary {ALLOWS}", "aws iam get-role --role-name iot-role"),
        (f"because no session policy {ALLOWS}", "a session policy narrows the credentials"),
        (f"because no service control policy {ALLOWS}", "a service control policy of the AWS organization"),
        (f"because no resource control policy {ALLOWS}", "a resource control policy of the AWS organization"),
        (f"because no VPC endpoint policy {ALLOWS}", "aws ec2 describe-vpc-endpoints"),
        ("with an explicit deny in an identity-based policy", OF_ROLE),
        ("with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/no", OF_ROLE),
        ("with an explicit deny in a resource-based policy", OF_SECRET),
        ("with an explicit deny in a permissions boundary", "aws iam get-role --role-name iot-role"),
        ("with an explicit deny in a session policy", "a session policy narrows the credentials"),
        (
            "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-a/service_control/p",
            "a service control policy of the AWS organization blocks secretsmanager:GetSecretValue",
        ),
        ("with an explicit deny in a resource control policy", "a resource control policy of the AWS organization"),
        ("with an explicit deny in a VPC endpoint policy", "aws ec2 describe-vpc-endpoints"),
    ],
)
def test_which_policy_denied_it(clause: str, step: str) -> None:
    """The last clause of AWS's sentence says which policy denied it: the next step leads there."""
    error = refused("AccessDeniedException", GET + clause)
    assert error.link == "policy"
    assert GET + clause in error.message
    assert step in error.hint


@pytest.mark.parametrize(
    ("sentence", "step"),
    [
        (f"{DECRYPT}because no identity-based policy allows the kms:Decrypt action", "the role needs kms:Decrypt"),
        (f"{DECRYPT}because no resource-based policy allows the kms:Decrypt action", OF_KEY),
        (f"{DECRYPT}with an explicit deny in a resource-based policy", OF_KEY),
        (f"{DECRYPT}with an explicit deny in an identity-based policy", "a policy of the role denies kms:Decrypt"),
        (f"{DECRYPT}with an explicit deny in a service control policy", "blocks kms:Decrypt for this account"),
        (f"{DECRYPT}because no VPC endpoint policy allows the kms:Decrypt action", "must allow kms:Decrypt"),
        (f"{DECRYPT}because no permissions boundary allows the kms:Decrypt action", "boundary must allow kms:Decrypt"),
        (
            (
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or "
                "you are not allowed to access."
            ),
            "the role needs kms:Decrypt",
        ),
    ],
)
def test_which_policy_denied_the_key(sentence: str, step: str) -> None:
    """The same for the key of the secret."""
    error = refused("AccessDeniedException", sentence)
    assert error.link == "KMS"
    assert sentence in error.message
    assert step in error.hint


@pytest.mark.parametrize("code", ["KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"])
def test_a_key_that_is_disabled(code: str) -> None:
    """A key that is disabled, pending deletion or gone is the link KMS."""
    assert refused(code).link == "KMS"


def test_a_policy_for_each_thing() -> None:
    """A denial may mean that the policy has variables of the thing and no thing name is sent; not where one is."""
    denied = {"Error": {"Code": "AccessDeniedException", "Message": GET}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    given = ("prod/app", "AWSCURRENT", "eu-west-1", denied)
    assert "--thing-name is not set" in secretsmanager_errors.of_secrets_manager(*given).hint
    assert "--thing-name" not in secretsmanager_errors.of_secrets_manager(*given, thing_name="sensor-7").hint


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_longest_sentences_fit_into_a_line(tmp_path: Path, form: str) -> None:
    """AWS's longest sentence and the hint are in the log whole, with the longest names that AWS allows."""
    name = "n" * 512
    arn = f"arn:aws:secretsmanager:ap-southeast-1:111122223333:secret:{name}-AbCdEf"
    sentence = (
        f"User: arn:aws:sts::111122223333:assumed-role/{'r' * 64}/{'f' * 64} is not authorized to perform: "
        f"secretsmanager:GetSecretValue on resource: {arn} with an explicit deny in a service control policy: "
        "arn:aws:organizations::111122223333:policy/o-aaaaaaaaaa/service_control_policy/p-bbbbbbbb"
    )
    response = {
        "Error": {"Code": "AccessDeniedException", "Message": sentence},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "11112222-3333-4444-5555-666677778888"},
    }
    error = secretsmanager_errors.of_secrets_manager(name, "AWSCURRENT", "ap-southeast-1", response)
    written = tmp_path / "log"
    with written.open("wb") as file:
        Log(form=form, descriptor=file.fileno()).failure(error)
    text = written.read_text()
    assert sentence in text
    assert error.hint in text
    assert "666677778888" in text
    assert len(text) <= select.PIPE_BUF


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("message", ["Rate exceeded", "Rate exceeded.", "Too Many Requests"])
def test_throttling_by_its_words(status: int, message: str) -> None:
    """Throttling passes, whatever the code and the status it comes with."""
    error = refused("SomethingNew", message, status)
    assert (error.link, error.transient) == ("throttling", True)
    assert (refused_batch(["a"], "SomethingNew", message, status).link) == "throttling"
    assert refused("SomethingNew", "busy", 429).link == "throttling"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_status_that_passes(status: int) -> None:
    """429 and 5xx pass, whatever the code."""
    assert refused("SomethingNew", status=status).transient
    assert not refused("SomethingNew").transient


@pytest.mark.parametrize("code", sorted(THROTTLING | TRANSIENT))
def test_codes_that_pass(code: str) -> None:
    """Codes for trouble of AWS pass, whatever the HTTP status they come with."""
    assert refused(code, status=400).transient


@pytest.mark.parametrize("status", [302, 403, 404, 511])
def test_answers_of_others(status: int) -> None:
    """A status without a code, which a captive portal gives, is not AWS's: it passes, and its text is not quoted."""
    error = refused(str(status), "<html>", status)
    assert (error.link, error.transient) == ("connection", True)
    assert "<html>" not in error.message


def refused_batch(secrets: list[str], code: str, message: Any = "because", status: int = 400) -> SecretenvError:
    """Return the error for a BatchGetSecretValue that AWS refused."""
    meta = {"HTTPStatusCode": status, "RequestId": "1111-2222"}
    return secretsmanager_errors.of_batch(
        secrets, {"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}
    )


@pytest.mark.parametrize(
    ("code", "link", "transient", "step"),
    [
        ("AccessDeniedException", "policy", False, 'secretsmanager:BatchGetSecretValue on Resource "*"'),
        ("AccessDenied", "policy", False, "secretsmanager:GetSecretValue on each secret; or run without --batch"),
        ("ThrottlingException", "throttling", True, "--interval"),
        ("InternalServiceError", "secret", True, "health.aws"),
        ("ExpiredTokenException", "credentials", False, "date -u"),
        ("InvalidSignatureException", "clock", True, "date -u"),
        ("InvalidParameterException", "secret", False, "run without --batch"),
        ("InvalidNextTokenException", "secret", False, "run without --batch"),
    ],
)
def test_refused_batches(code: str, link: str, transient: bool, step: str) -> None:  # noqa: FBT001
    """A batch that is refused as a whole names its secrets and its link; a denial names the permission it needs."""
    error = refused_batch(["a", "b"], code, "not authorized by kms-reader")
    assert (error.link, error.transient) == (link, transient)
    assert error.message == f"secrets a, b: {code}: not authorized by kms-reader (request id 1111-2222)"
    assert step in error.hint


@given(st.text(), st.text() | st.integers() | st.none() | st.lists(st.text()), st.integers(0, 999))
def test_any_refusal(code: str, message: Any, status: int) -> None:
    """Whatever a refusal says becomes one printable line with a next step."""
    for error in (refused(code, message, status), refused_batch(["a", "b"], code, message, status)):
        assert error.message.isprintable()
        assert len(error.message) < 2500
        assert error.hint
