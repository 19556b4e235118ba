"""What the credentials provider's answers mean, as errors. Pure.

Each row of the table knows which link of the chain broke, and the next step. Connections that give no answer at all are
the business of `connection_errors`.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from secretenv.errors import CredentialsError
from secretenv.identity import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretenv.errors import Link, SecretenvError
    from secretenv.settings import Device

QUOTED = 200  # characters of somebody else's words in a message

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
    if status == 429:  # noqa: PLR2004
        return messages.PROVIDER_THROTTLES(endpoint=device.endpoint, quote=quote)
    if status >= 500 and isinstance(message, str):  # noqa: PLR2004
        return messages.PROVIDER_FAILED(endpoint=device.endpoint, status=status, quote=quote)
    if not 400 <= status < 500 or not isinstance(message, str):  # noqa: PLR2004
        unclear = messages.PROVIDER_UNCLEAR if quote else messages.NOT_FROM_AWS
        return unclear(endpoint=device.endpoint, status=status, quote=quote)
    if "traceId" in body or (status == 404 and message.strip().casefold() == "not found"):  # noqa: PLR2004
        return messages.DATA_ENDPOINT(endpoint=device.endpoint, quote=quote)
    return _refusal(device, status, message, quote)


def _refusal(device: Device, status: int, message: str, quote: str) -> SecretenvError:
    """Return the error for a refusal with a message from AWS: by the table, else by its status."""
    known = message.casefold()
    for part, (link, hint) in PROVIDER.items():
        if part in known:
            return CredentialsError(
                f"the credentials provider {device.endpoint} refused with status {status}{quote}",
                hint=hint.format(thing=device.thing_name or "NAME", alias=device.role_alias),
                link=link,
            )
    refused = messages.PROVIDER_DENIED if status == 403 else messages.PROVIDER_REFUSED  # noqa: PLR2004
    return refused(endpoint=device.endpoint, status=status, quote=quote, role_alias=device.role_alias)
