"""What the credentials provider's answers mean, as errors. Pure.

Each row of the table knows which link of the chain broke, and the next step. Connections that give no answer at all are
the business of `connection_errors`.
"""

from __future__ import annotations

from secretenv.errors import CredentialsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretenv.errors import Link
    from secretenv.settings import Device

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
HEALTH = "AWS has trouble: https://health.aws.amazon.com"
PORTAL_HINT = (
    "something between this device and AWS answered, a captive portal or a proxy perhaps; "
    "otherwise check the endpoint: aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
)


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
        hint = HEALTH if ours else PORTAL_HINT
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
