"""What the credentials provider's answers mean, as errors. Pure.

Each row of the table knows which link of the chain broke, and the next step. Connections that give no answer at all are
the business of `connection_errors`.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from secretenv.errors import CredentialsError
from secretenv.identity import denials, messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretenv.errors import Link, SecretenvError
    from secretenv.settings import Device

# Characters of somebody else's words in a message. AWS's longest sentences, with an ARN of each kind, have about 1,200;
# with the hint this much fits into a line of the log, which has room for PIPE_BUF bytes.
QUOTED = 2000

# Which of AWS's codes may go away by themselves, whatever the HTTP status they come with.
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
        "KMSThrottlingException",
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
# The same in words, in lower case, where the code is another one or there is none.
THROTTLED_WORDS = ("rate exceeded", "too many requests", "request was throttled")
# Part of AWS's message in lower case -> link, next step. Measured against the real service by the author of
# awslabs/aws-iot-core-credential-provider-session-helper (docs/dev_notes.md); none of it is documented.
PROVIDER: dict[str, tuple[Link, str]] = {
    # Not seen at AWS IoT, which says "Access Denied" alone; the clauses are those of every service.
    **{part: ("policy", hint) for part, hint in denials.CLAUSES.items()},
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
            "the certificate needs an IoT policy that allows iot:AssumeRoleWithCertificate on role alias "
            "{alias}{or_thing}: aws iot list-attached-policies --target CERTIFICATE_ARN"
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


def date_of(headers: Mapping[str, str]) -> float | None:
    """Return the time that an answer gives in its `Date`, in seconds since the epoch, or None."""
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def of_provider(device: Device, status: int, body: Any, headers: Mapping[str, str]) -> SecretenvError:
    """Return the error for an answer from the credentials provider that holds no credentials.

    Args:
        device: the device that asked.
        status: the HTTP status.
        body: the JSON of the answer, or None where it is not JSON.
        headers: the answer's, case-insensitive.
    """
    message = body.get("message", body.get("Message")) if isinstance(body, dict) else None
    quote = said(message, headers.get("x-amzn-RequestId"))
    code = _code(headers, body)
    if status == 429 or code in THROTTLING or (isinstance(message, str) and _throttled(message)):  # noqa: PLR2004
        return messages.PROVIDER_THROTTLES(endpoint=device.endpoint, quote=quote)
    if (status >= 500 and isinstance(message, str)) or code in TRANSIENT:  # noqa: PLR2004
        return messages.PROVIDER_FAILED(endpoint=device.endpoint, status=status, quote=quote)
    if not 400 <= status < 500 or not isinstance(message, str):  # noqa: PLR2004
        unclear = messages.PROVIDER_UNCLEAR if quote else messages.NOT_FROM_AWS
        return unclear(endpoint=device.endpoint, status=status, quote=quote)
    if "traceId" in body or (status == 404 and message.strip().casefold() == "not found"):  # noqa: PLR2004
        return messages.DATA_ENDPOINT(endpoint=device.endpoint, quote=quote)
    return _refusal(device, status, message, quote)


def _code(headers: Mapping[str, str], body: Any) -> str:
    """Return the code of an error, from its header or its body: both may have a namespace or an address with it."""
    found = headers.get("x-amzn-ErrorType") or (isinstance(body, dict) and (body.get("__type") or body.get("code")))
    return found.partition(":")[0].rpartition("#")[2].strip() if isinstance(found, str) else ""


def _throttled(message: str) -> bool:
    return any(words in message.casefold() for words in THROTTLED_WORDS)


def _refusal(device: Device, status: int, message: str, quote: str) -> SecretenvError:
    """Return the error for a refusal with a message from AWS: by the table, else by its status."""
    known = message.casefold()
    for part, (link, hint) in PROVIDER.items():
        if part in known:
            words = {
                **denials.words(message, "iot:AssumeRoleWithCertificate"),
                "or_thing": "" if device.thing_name else denials.OR_THING,
                "thing": device.thing_name or "NAME",
                "alias": device.role_alias,
            }
            return CredentialsError(
                f"the credentials provider {device.endpoint} refused with status {status}{quote}",
                hint=hint.format(**words),
                link=link,
            )
    refused = messages.PROVIDER_DENIED if status == 403 else messages.PROVIDER_REFUSED  # noqa: PLR2004
    return refused(endpoint=device.endpoint, status=status, quote=quote, role_alias=device.role_alias)
