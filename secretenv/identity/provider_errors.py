"""What AWS answered, as errors: the tables of both services. Pure.

Each row knows which link of the chain broke, whether a retry can help, and the next step. Connections that give no
answer at all are the business of `network`.
"""

from __future__ import annotations

from secretenv.errors import CredentialsError, SecretError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from secretenv.errors import Link
    from secretenv.settings import Device

    Row = tuple[Collection[str], str, Link, str]

QUOTED = 200  # characters of somebody else's words in our message

# Part of AWS's message in lower case -> link, next step. Measured against the real service by the author of
# awslabs/aws-iot-core-credential-provider-session-helper (docs/dev_notes.md); none of it is documented.
PROVIDER: dict[str, tuple[Link, str]] = {
    "invalid thing name": (
        "thing name",
        (
            "attach the thing: aws iot attach-thing-principal --thing-name {thing} --principal CERTIFICATE_ARN; "
            "or leave --thing-name out: only policies with thing variables need it"
        ),
    ),
    "certificate is invalid on this endpoint": (
        "certificate",
        (
            "the certificate must be ACTIVE in the account and region of the endpoint: "
            "aws iot describe-certificate --certificate-id CERTIFICATE_ID"
        ),
    ),
    "access denied": (
        "policy",
        (
            "the certificate needs an IoT policy that allows iot:AssumeRoleWithCertificate on role alias {alias}: "
            "aws iot list-attached-policies --target CERTIFICATE_ARN"
        ),
    ),
    "role alias does not exist": (
        "role alias",
        "check the name and the region: aws iot describe-role-alias --role-alias {alias}",
    ),
    "exceeds the maxsessionduration": (
        "role",
        (
            "shorten the alias: aws iot update-role-alias --role-alias {alias} --credential-duration-seconds 3600; "
            "or lengthen the role: aws iam update-role --role-name ROLE --max-session-duration SECONDS"
        ),
    ),
    "unable to assume the role": (
        "role",
        (
            "the role must exist and trust credentials.iot.amazonaws.com: aws iot describe-role-alias --role-alias "
            "{alias}, then aws iam get-role --role-name ROLE"
        ),
    ),
}
ENDPOINT_HINT = "this is the endpoint to use: aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
PORTAL_HINT = (
    "something between this device and AWS answered, a captive portal or a proxy perhaps; "
    "otherwise check the endpoint: aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
)

# Which of Secrets Manager's codes may go away by themselves, whatever the HTTP status they come with.
TRANSIENT = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceErrorException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "TransactionInProgressException",
    }
)
THROTTLING = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
# Codes for temporary credentials that AWS does not, or no longer, accept: new ones may do.
REFUSED_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "TokenRefreshRequired",
        "UnrecognizedClient",
        "UnrecognizedClientException",
    }
)
# A signature that is wrong, and not by its time: who signed and who checks did not see the same request.
CHANGED = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
    }
)
# Transient, since a clock is mostly set by another program: a device without a clock battery starts in 1970.
CLOCK = frozenset({"InvalidSignatureException", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"})

_DESCRIBE = "aws secretsmanager describe-secret --secret-id '{secret}' --region {region}"
_VERSIONS = "aws secretsmanager list-secret-version-ids --secret-id '{secret}' --region {region}"
_HEALTH = "AWS has trouble: https://health.aws.amazon.com"
_CHANGED = "does a proxy change the requests on their way? check HTTPS_PROXY and AWS_ENDPOINT_URL_SECRETS_MANAGER"

# Of Secrets Manager: codes (empty: any), part of the message in lower case -> link, next step. The first that fits.
_WHOEVER_ASKS: tuple[Row, ...] = (
    (THROTTLING, "", "throttling", "a longer --interval makes fewer calls"),
    (TRANSIENT, "", "secret", _HEALTH),
    (
        REFUSED_CREDENTIALS,
        "",
        "credentials",
        "are device and secret of the same AWS partition? is the clock right? date -u",
    ),
    ({"InvalidSignatureException"}, "signature we calculated", "signature", _CHANGED),
    (
        {"InvalidSignatureException"},
        "valid region",
        "region",
        "do --region, the secret's ARN and AWS_ENDPOINT_URL_SECRETS_MANAGER name one region?",
    ),
    (CLOCK, "", "clock", "AWS takes 5 minutes of difference; set the clock, and compare: date -u; timedatectl status"),
    (CHANGED, "", "signature", _CHANGED),
)
_NO_KEY = f"the role needs kms:Decrypt on the secret's key, its KmsKeyId: {_DESCRIBE}"
ROWS: tuple[Row, ...] = (
    *_WHOEVER_ASKS,
    # Not `kms` alone: a denial quotes the ARNs of role and secret, which may be called so.
    (DENIED, "access to kms", "KMS", _NO_KEY),
    (DENIED, " kms:", "KMS", _NO_KEY),
    (
        DENIED,
        "",
        "policy",
        (
            "either the role lacks secretsmanager:GetSecretValue on this secret, or there is no such secret, which a "
            f"policy for one ARN hides: {_DESCRIBE}"
        ),
    ),
    ({"DecryptionFailure"}, "", "KMS", f"is the secret's key, its KmsKeyId, enabled? {_DESCRIBE}"),
    ((), "kms", "KMS", f"is the secret's key, its KmsKeyId, enabled? {_DESCRIBE}"),
    (
        {"ResourceNotFoundException"},
        "staging label",
        "secret",
        f"no version has the label {{stage}}: {_VERSIONS}; another label: --version-stage",
    ),
    ({"ResourceNotFoundException"}, "", "secret", f"check name and region: {_DESCRIBE}"),
    (
        {"InvalidRequestException"},
        "delet",
        "secret",
        "aws secretsmanager restore-secret --secret-id '{secret}' --region {region}",
    ),
    ((), "", "secret", f"look at it: {_DESCRIBE}"),
)
# The same, of a BatchGetSecretValue that was refused as a whole. It takes no resource, so policies allow it on "*".
BATCH_ROWS: tuple[Row, ...] = (
    *_WHOEVER_ASKS,
    (
        DENIED,
        "",
        "policy",
        (
            'for --batch the role needs secretsmanager:BatchGetSecretValue on Resource "*", and '
            "secretsmanager:GetSecretValue on each secret; or leave out --batch"
        ),
    ),
    ((), "", "secret", "leave out --batch to see which of them it is"),
)
_NAMED = 3  # of many secrets, in one message


def plain(text: object, limit: int = QUOTED) -> str:
    """Return somebody else's text as one printable line of at most `limit` characters."""
    if not isinstance(text, str):
        return ""
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def said(message: object, request_id: object) -> str:
    """Return AWS's own words and its request id, to end a message with."""
    words = [f": {quote}"] if (quote := plain(message)) else []
    return "".join(words + ([f" (request id {quote})"] if (quote := plain(request_id, 80)) else []))


def of_provider(device: Device, status: int, body: Any, headers: Mapping[str, str]) -> CredentialsError:
    """Return the error for an answer of the credentials provider that holds no credentials.

    Args:
        device: who asked.
        status: the HTTP status.
        body: the JSON of the answer, or None where it is not JSON.
        headers: the answer's, case-insensitive.
    """
    message = body.get("message", body.get("Message")) if isinstance(body, dict) else None
    quote = said(message, headers.get("x-amzn-RequestId"))
    where = f"the credentials provider {device.endpoint}"
    if status == 429:  # noqa: PLR2004
        hint = "many devices at once? ask for a higher AssumeRoleWithCertificate quota (L-DA868E55)"
        return CredentialsError(f"{where} is throttling{quote}", hint=hint, transient=True, link="throttling")
    if not isinstance(message, str) or not 400 <= status < 500:  # noqa: PLR2004
        what = f"answered with status {status}" + (quote or ", which is not an answer of AWS")
        ours = status >= 500 and isinstance(message, str)  # noqa: PLR2004
        hint = _HEALTH if ours else PORTAL_HINT
        return CredentialsError(f"{where} {what}", hint=hint, transient=True)
    if "traceId" in body or (status == 404 and message.strip().casefold() == "not found"):  # noqa: PLR2004
        return CredentialsError(
            f"{device.endpoint} is not a credentials provider, it may be the data endpoint{quote}", hint=ENDPOINT_HINT
        )
    known = message.casefold()
    for part, (link, hint) in PROVIDER.items():
        if part in known:
            step = hint.format(thing=device.thing_name or "NAME", alias=device.role_alias)
            return CredentialsError(f"{where} refused with status {status}{quote}", hint=step, link=link)
    return CredentialsError(
        f"{where} refused with status {status}{quote}",
        hint=f"check the role alias: aws iot describe-role-alias --role-alias {device.role_alias}",
        link="policy" if status == 403 else "endpoint",  # noqa: PLR2004
    )


def several(secrets: Sequence[str]) -> str:
    """Return one or more ids of secrets, to begin a message with."""
    names = ", ".join(secrets[:_NAMED])
    more = f" and {len(secrets) - _NAMED} more" if len(secrets) > _NAMED else ""
    return f"secret {names}" if len(secrets) == 1 else f"secrets {names}{more}"


def of_secrets_manager(secret: str, stage: str, region: str, error: Mapping[str, Any]) -> SecretError:
    """Return the error for a refused GetSecretValue.

    Args:
        secret: its id.
        stage: the version's staging label.
        region: where it was asked for.
        error: `ClientError.response` of botocore.
    """
    return _refused(f"secret {secret}", ROWS, {"secret": secret, "stage": stage, "region": region}, error)


def of_batch(secrets: Sequence[str], error: Mapping[str, Any]) -> SecretError:
    """Return the error for a BatchGetSecretValue that was refused as a whole.

    Args:
        secrets: the ids that were asked for.
        error: `ClientError.response` of botocore.
    """
    return _refused(several(secrets), BATCH_ROWS, {}, error)


def _refused(what: str, rows: Sequence[Row], words: Mapping[str, str], error: Mapping[str, Any]) -> SecretError:
    """Return the error by the first row that fits; `words` are those that the hints of the rows leave open."""
    meta, fields = error.get("ResponseMetadata") or {}, error.get("Error") or {}
    status, code, message = meta.get("HTTPStatusCode", 0), str(fields.get("Code", "")), fields.get("Message", "")
    if code.isdigit() or not code:  # botocore puts the status there when the body has no code
        return SecretError(
            f"{what}: status {status} without a code, which is not an answer of Secrets Manager",
            hint="something between this device and AWS answered, a captive portal or a proxy perhaps",
            transient=True,
            link="connection",
        )
    text = plain(message, 2000).casefold()
    link, hint = next((link, hint) for codes, part, link, hint in rows if (not codes or code in codes) and part in text)
    transient = code in THROTTLING | TRANSIENT or link == "clock" or status == 429 or status >= 500  # noqa: PLR2004
    quote = said(message, meta.get("RequestId"))
    return SecretError(f"{what}: {plain(code, 60)}{quote}", hint=hint.format(**words), transient=transient, link=link)
