"""The replies of faults: AWS's own refusals, portals, rubbish, and damaged answers. Pure.

When which of them is sent is the business of `faults`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from secretenv.sandbox.server import Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

# By status: AWS's name of the error, and its words. Other statuses get a body that is not AWS's.
WORDS = {
    "credentials": {
        400: ("InvalidRequestException", "Unable to assume the role, or the role to assume does not exist"),
        403: ("AccessDeniedException", "Access Denied"),
        404: ("ResourceNotFoundException", "Role alias does not exist"),
        429: ("ThrottlingException", "Rate exceeded"),
        500: ("InternalFailureException", "Internal Failure"),
        503: ("ServiceUnavailableException", "Service Unavailable"),
    },
    "secretsmanager": {
        400: ("AccessDeniedException", "User is not authorized to perform: secretsmanager:GetSecretValue"),
        429: ("TooManyRequestsException", "Too many requests"),
        500: ("InternalServiceError", "An error occurred on the server side."),
        503: ("ServiceUnavailableException", "Service Unavailable"),
    },
}
RUBBISH = {"http": b"\x00\xff\x16 this is no HTTP\r\n\r\n" * 8, "json": b'{"credentials": {"accessKeyId": "ASIA'}
PAGE = b"<!doctype html><html><title>Welcome</title><body><form>Accept the terms to use this network.</form></html>\n"
LOGIN = "http://portal.invalid/login"


def _status(service: str, value: str) -> Reply:
    """AWS's answer with a status, or somebody else's."""
    status = int(value)
    if status in WORDS[service]:
        return _refusal(status, *WORDS[service][status])
    body = f"{status} is the answer of something in between\n".encode()
    return Reply(status=status, body=body, headers={"Content-Type": "text/plain"})


def _throttling(service: str, _value: str) -> Reply:
    """Too many requests, for which Secrets Manager uses status 400."""
    if service == "credentials":
        return _status(service, "429")
    return _refusal(400, "ThrottlingException", "Rate exceeded")


def _rubbish(_service: str, value: str) -> Reply:
    """Bytes that are not HTTP, or HTTP with half of a JSON text."""
    return Reply(status=200, body=RUBBISH[value], headers={"Content-Type": "application/json"}, raw=value == "http")


def _portal(_service: str, value: str) -> Reply:
    """A captive portal's page, or the way to it."""
    if value == "redirect":
        return Reply(status=302, headers={"Location": LOGIN, "Content-Type": "text/html"})
    return Reply(status=200, body=PAGE, headers={"Content-Type": "text/html; charset=utf-8"})


# By the name of the fault; each takes the service's name in faults and the fault's value.
INSTEAD: dict[str, Callable[[str, str], Reply]] = {
    "status": _status,
    "throttling": _throttling,
    "rubbish": _rubbish,
    "portal": _portal,
}


def truncated(reply: Reply) -> Reply:
    """Return half of the body with the length of the whole; the connection is closed after it."""
    headers = {**reply.headers, "Content-Length": str(len(reply.body)), "Connection": "close"}
    return replace(reply, body=reply.body[: len(reply.body) // 2], headers=headers)


def expired_token() -> Reply:
    """Return Secrets Manager's refusal of credentials that were good once."""
    return _refusal(400, "ExpiredTokenException", "The security token included in the request is expired")


def access_key(reply: Reply) -> str:
    """Return the access key that the credentials provider gave, or an empty string if it refused."""
    return str(json.loads(reply.body).get("credentials", {}).get("accessKeyId", ""))


def expiring(reply: Reply, then: datetime) -> Reply:
    """Return the provider's credentials with another expiration."""
    content = json.loads(reply.body)
    content["credentials"]["expiration"] = then.strftime("%Y-%m-%dT%H:%M:%SZ")
    return replace(reply, body=json.dumps(content).encode())


def _refusal(status: int, kind: str, message: str) -> Reply:
    """Return a refusal that either service could give: one has its name in the header, the other in the body too."""
    fields = {"__type": kind, "message": message}
    return json_reply(status, fields, kind=kind, media_type="application/x-amz-json-1.1")
