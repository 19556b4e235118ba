"""The credentials provider of AWS IoT Core: temporary credentials for a client certificate.

The only module that uses `requests`. The certificate comes from `certificate`, the meaning of a refusal from
`provider_errors`, and why there was no answer at all from `connection_errors`.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from secretenv import __version__
from secretenv.credentials import Credentials
from secretenv.identity import certificate, connecting, connection_errors, messages, peer, provider_errors, proxy
from secretenv.wording import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretenv.identity.certificate import Context
    from secretenv.settings import Device

TIMEOUTS = (5.0, 10.0)  # seconds to connect, and for each piece of the answer
LARGEST = 64 * 1024  # of an answer; a real one has about 1.1 KB
LONGEST_LIFE = 13 * 3600  # seconds: AWS gives at most 12 hours, and clocks differ


class _Adapter(HTTPAdapter):
    """Connect with the given TLS context and nothing that requests would add to it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.startswith("https:"):
            kwargs["proxy_ssl_context"] = _context_of_a_proxy()
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the roots alone: the inherited method loads certifi's besides those of --ca."""


def _context_of_a_proxy() -> Context:
    """Return a context without a certificate, which trusts the roots that count for Secrets Manager's proxy too."""
    context = certificate.new_context()
    if not certificate.bundle(context=context):
        certificate.trust(context, "")
    return context


Reply = tuple[int, "Mapping[str, str]", bytes]  # status, headers, at most LARGEST + 1 bytes of the body


def exchange(
    device: Device, context: Context, clock: Callable[[], float] = time.time, wire: Callable[..., Reply] | None = None
) -> Credentials:
    """Return temporary credentials for the certificate of `context`.

    Args:
        device: whose role alias and thing name are sent, and to which endpoint.
        context: presents the certificate.
        clock: this machine's, in seconds since the epoch.
        wire: what asks the provider, `ask` if not given.

    Raises:
        CredentialsError: no answer, a refusal, or an answer that cannot be used.
    """
    status, headers, body = (wire or ask)(device, context)
    now = clock()
    try:
        content = json.loads(body) if len(body) <= LARGEST else None
    except (ValueError, RecursionError):
        content = None
    if status != requests.codes.ok:
        raise provider_errors.of_provider(device, status, content, headers)
    return _checked(device, content, headers, now)


def ask(device: Device, context: Context, timeouts: tuple[float, float] = TIMEOUTS) -> Reply:
    """Return the provider's answer.

    Raises:
        CredentialsError: there is none, or the proxy's variable cannot be used.
    """
    url = f"https://{device.endpoint}/role-aliases/{quote(device.role_alias, safe='')}/credentials"
    headers = {"User-Agent": f"secretenv/{__version__}", "Accept-Encoding": "identity"}
    if device.thing_name:
        headers["x-amzn-iot-thingname"] = device.thing_name
    way = proxy.decide(url)
    connecting.use()
    with requests.Session() as session:
        session.trust_env = False  # no netrc, no REQUESTS_CA_BUNDLE, no other decision about proxies
        session.mount("https://", _Adapter(context))
        try:
            with session.get(
                url,
                headers=headers,
                proxies={"https": way.url} if way else {},
                timeout=timeouts,
                allow_redirects=False,
                stream=True,
            ) as answer:
                # The raw body: an answer that would unpack to gigabytes stays packed.
                return answer.status_code, answer.headers, answer.raw.read(LARGEST + 1, decode_content=False)
        except Exception as error:  # noqa: BLE001 - urllib3's own errors come through besides those of requests
            raise connection_errors.explain(
                error,
                device.endpoint,
                cert=device.cert,
                handshaken=context.handshaken,
                tunnelling=way is not None and not context.begun,
                variable=way.variable if way else "",
                issuer=lambda: peer.issuer(device.endpoint),
            ) from None


_NAMES = ("accessKeyId", "secretAccessKey", "sessionToken", "expiration")


def _checked(device: Device, content: Any, headers: Mapping[str, str], now: float) -> Credentials:
    """Return the credentials of an answer.

    Raises:
        CredentialsError: it holds none, or they cannot be valid by this machine's clock.
    """
    fields = content.get("credentials") if isinstance(content, dict) else None
    texts = [fields.get(name) if isinstance(fields, dict) else None for name in _NAMES]
    # Printable ASCII: the first three go into HTTP headers.
    if not all(isinstance(text, str) and text and text.isascii() and text.isprintable() for text in texts):
        raise messages.NO_CREDENTIALS(endpoint=device.endpoint)
    key, secret, token, expiration = texts
    try:
        end = datetime.fromisoformat(str(expiration))
        expires = (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise messages.INVALID_EXPIRATION(endpoint=device.endpoint) from None
    if not now < expires <= now + LONGEST_LIFE:
        theirs = provider_errors.date_of(headers)
        kind = messages.IMPOSSIBLE_EXPIRATION_WITHOUT_DATE if theirs is None else messages.IMPOSSIBLE_EXPIRATION
        raise kind(
            endpoint=device.endpoint,
            expiration=moment(expires),
            now=moment(now),
            endpoint_time=moment(theirs or 0.0),
        )
    return Credentials(
        access_key_id=str(key),
        secret_access_key=str(secret),
        session_token=str(token),
        expiration=expires,
        obtained=now,
    )
