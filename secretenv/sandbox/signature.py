"""Check Signature Version 4 of a request, written from AWS's description, not with a signer's code.

It tells whether a secret key made the signature, and knows neither the key's owner nor the answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from secretenv.sandbox.server import Request

TOLERANCE = timedelta(minutes=5)  # AWS's own

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+"
    r"Credential=(?P<key>[^/,]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What the Authorization header says."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


def parse(authorization: str) -> Signature | None:
    """Read the Authorization header; None if it is not a complete one of Signature Version 4."""
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if not match:
        return None
    return Signature(
        access_key=match["key"],
        date=match["date"],
        region=match["region"],
        service=match["service"],
        headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
    )


def untimely(request: Request, now: datetime) -> str:
    """Return AWS's words for a signature that is more than 5 minutes old or ahead, else an empty string."""
    stamp = request.headers.get("x-amz-date", "")
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return f"Date must be in ISO-8601 'basic format'. Got '{stamp}'."
    if signed < now - TOLERANCE:
        earliest = _stamp(now - TOLERANCE)
        return f"Signature expired: {stamp} is now earlier than {earliest} ({_stamp(now)} - 5 min.)"
    if signed > now + TOLERANCE:
        latest = _stamp(now + TOLERANCE)
        return f"Signature not yet current: {stamp} is still later than {latest} ({_stamp(now)} + 5 min.)"
    return ""


def is_signed(request: Request, signature: Signature, secret_key: str) -> bool:
    """Tell whether this secret key signed the request as it arrived."""
    stamp = request.headers.get("x-amz-date", "")
    if "host" not in signature.headers or not stamp.startswith(signature.date):
        return False
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    canonical = hashlib.sha256(_canonical(request, signature).encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for part in (signature.date, signature.region, signature.service, "aws4_request"):
        key = _hmac(key, part)
    expected = _hmac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{canonical}").hex()
    return hmac.compare_digest(expected, signature.signature)


def _canonical(request: Request, signature: Signature) -> str:
    url = urlsplit(request.path)
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.headers]
    return "\n".join(
        (
            request.method,
            quote(url.path, safe="/~"),  # escaped a second time, as for every service but S3
            "&".join(sorted(url.query.split("&"))),
            "".join(headers),
            ";".join(signature.headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")
