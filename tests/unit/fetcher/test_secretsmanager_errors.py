"""What Secrets Manager's refusals mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.fetcher import secretsmanager_errors
from secretenv.identity.provider_errors import plain

if TYPE_CHECKING:
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


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_status_that_passes(status: int) -> None:
    """429 and 5xx pass, whatever the code."""
    assert refused("SomethingNew", status=status).transient
    assert not refused("SomethingNew").transient


@pytest.mark.parametrize("code", sorted(secretsmanager_errors.THROTTLING | secretsmanager_errors.TRANSIENT))
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
        assert len(error.message) < 500
        assert error.hint
