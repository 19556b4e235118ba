"""Why a connection gave no answer: an exception of requests, urllib3 or botocore as words. Pure.

The libraries wrap one another's exceptions up to five deep, and their texts hold addresses of proxies with passwords.
So the chain is searched for the types of the standard library that say what happened, and no text is quoted.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from secretenv.defects import chain
from secretenv.wording import moment

if TYPE_CHECKING:
    from secretenv.errors import Link

# OpenSSL's numbers (x509_vfy.h).
NOT_YET_VALID, EXPIRED, HOST_MISMATCH = 9, 10, 62

# Alerts by which a server refuses the client's certificate (RFC 8446, 6.2), as OpenSSL names them.
CERTIFICATE_ALERTS = re.compile(
    r"ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED"
    r"|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)"
)
# What `aws iot describe-endpoint` prints unless it is asked for another type. Its certificate is of a root that nobody
# trusts any longer, so that its "Not Found", which would say what it is, is never read.
DATA_ENDPOINT = re.compile(r"[^.]+\.iot\.[^.]+\.amazonaws\.com(\.cn)?(:|$)")
# What OpenSSL says of bytes that are no TLS, an HTTP answer of a captive portal for one.
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
CERTIFICATE_HINT = (
    "is the certificate {cert} registered, ACTIVE and not expired? aws iot describe-certificate --certificate-id "
    "CERTIFICATE_ID; openssl x509 -noout -dates -in {cert}"
)
NETWORK_HINT = "check the network and the firewall"
# What requests and urllib3 raise for a HTTPS_PROXY that is none, or one of SOCKS.
NO_PROXY_URL = ("InvalidSchema", "InvalidURL", "InvalidProxyURL", "LocationParseError", "LocationValueError")
CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.RemoteDisconnected, ConnectionError)


class _Case(NamedTuple):
    """One failure: the exception with all that it wraps, and what is known of the connection."""

    chain: list[BaseException]
    where: str
    cert: str
    handshaken: bool
    tunnelling: bool

    def first(self, *kinds: type[BaseException]) -> Any:
        return next((link for link in self.chain if isinstance(link, kinds)), None)

    def named(self, part: str) -> bool:
        """Tell whether a type's name has this part: the types of libraries that are not imported here."""
        return any(part in type(link).__name__ for link in self.chain)


def explain(
    error: BaseException, where: str, *, cert: str = "", handshaken: bool = False, tunnelling: bool = False
) -> dict[str, Any]:
    """Return what a `SecretenvError` takes: message, hint, transient and link.

    Args:
        error: what the library raised.
        where: HOST or HOST:PORT that was asked.
        cert: the client certificate's file, where one was shown.
        handshaken: whether the TLS handshake was over when it happened.
        tunnelling: whether a proxy was asked for a tunnel, and the handshake through it had not begun.
    """
    case = _Case(list(chain(error)), where, cert, handshaken, tunnelling)
    # The order matters: what went wrong first is wrapped in what that led to.
    for rule in (_proxy, _lookup, _untrusted, _late, _refused, _closed, _no_roots, _handshake, _unreachable):
        if words := rule(case):
            return words
    kind = type(case.chain[-1]).__name__
    hint = "a captive portal or a proxy may be in between"
    return _words("endpoint", f"{where} gave an answer that cannot be read ({kind})", hint)


def endless(where: str, span: str, *, handshaken: bool) -> dict[str, Any]:
    """Return the same for an exchange that was given up because it went on and on."""
    if handshaken:
        return _words("endpoint", f"{where} gave no whole answer within {span}", NETWORK_HINT)
    return _words("TLS", f"no TLS with {where} within {span}", NETWORK_HINT)


def _words(link: Link, message: str, hint: str, *, transient: bool = True) -> dict[str, Any]:
    return {"message": message, "hint": hint, "transient": transient, "link": link}


def _proxy(case: _Case) -> dict[str, Any] | None:
    """A proxy is in the way. Its address may hold a password and is not shown."""
    status = next(
        (m[1] for link in case.chain if (m := re.search(r"Tunnel connection failed: (\d{3})", str(link)))), ""
    )
    # After a handshake it is urllib3 that takes a closed connection for a proxy that cannot be reached.
    if not status and not case.tunnelling and (case.handshaken or not case.named("Proxy")):
        return None
    hint = "check HTTPS_PROXY; hosts to be reached without it belong in NO_PROXY"
    if status == "407":
        message = f"the proxy refuses a tunnel to {case.where} with status 407, it wants a password"
        return _words("proxy", message, "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT gives it one")
    if status:
        why = f"the proxy refuses a tunnel to {case.where} with status {status}"
    elif any(case.named(part) for part in NO_PROXY_URL):
        return _words("proxy", "HTTPS_PROXY is no URL of an HTTP proxy", "write http://HOST:PORT, or unset it")
    elif found := case.first(socket.gaierror):
        why = f"the name of the proxy cannot be resolved: {found.strerror}"
    elif case.first(TimeoutError) or case.named("Timeout"):
        why = f"the proxy on the way to {case.where} did not answer in time"
    elif case.first(ConnectionRefusedError) or not case.first(*CLOSED, http.client.HTTPException):
        why = f"the proxy on the way to {case.where} cannot be reached"
    elif case.first(*CLOSED):
        why = f"the proxy on the way to {case.where} closed the connection"
    else:
        why = f"the proxy on the way to {case.where} gave an answer that cannot be read"
    return _words("proxy", why, hint)


def _lookup(case: _Case) -> dict[str, Any] | None:
    """The name cannot be resolved."""
    if not (found := case.first(socket.gaierror)):
        return None
    host = re.sub(r":\d+$", "", case.where)
    return _words("DNS", f"the name {host} cannot be resolved: {found.strerror}", f"getent hosts {host}")


def _untrusted(case: _Case) -> dict[str, Any] | None:
    """The server's certificate does not convince us."""
    error: ssl.SSLCertVerificationError | None = case.first(ssl.SSLCertVerificationError)
    if not error:
        return None
    if error.verify_code in (NOT_YET_VALID, EXPIRED):
        state = "not yet valid" if error.verify_code == NOT_YET_VALID else "expired"
        now = moment(time.time())
        message = f"the certificate of {case.where} is {state} by our clock, which says {now}"
        # Transient: a device without a clock battery starts in 1970 and learns the time a little later.
        return _words("clock", message, "set the clock, and compare: date -u; timedatectl status")
    if error.verify_code == HOST_MISMATCH:
        hint = "use its own name: aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
        return _words("TLS", f"the certificate of {case.where} is for another host name", hint, transient=False)
    message = f"the certificate of {case.where} is not trusted: {error.verify_message}"
    if DATA_ENDPOINT.match(case.where):
        hint = "this is the data endpoint; use: aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
        return _words("endpoint", message, hint, transient=False)
    hint = "--ca names the roots for the credentials provider, AWS_CA_BUNDLE those for Secrets Manager"
    return _words("TLS", message, hint, transient=False)


def _late(case: _Case) -> dict[str, Any] | None:
    """Time was up."""
    if case.named("ConnectTimeout"):
        return _words("connection", f"{case.where} could not be connected in time", NETWORK_HINT)
    if not case.first(TimeoutError) and not case.named("Timeout"):
        return None
    if case.handshaken or not case.cert:
        return _words("endpoint", f"{case.where} did not answer in time", NETWORK_HINT)
    return _words("TLS", f"the TLS handshake with {case.where} did not end in time", NETWORK_HINT)


def _refused(case: _Case) -> dict[str, Any] | None:
    """Nobody listens."""
    if not case.first(ConnectionRefusedError):
        return None
    return _words("connection", f"{case.where} refuses connections", "check host and port, and the firewall")


def _closed(case: _Case) -> dict[str, Any] | None:
    """The other side closed the connection. With TLS 1.3 that may be how it refuses a certificate."""
    if not case.first(*CLOSED):
        return None
    message = f"{case.where} closed the connection without an answer"
    if not case.cert:
        return _words("connection", message, NETWORK_HINT)
    if not case.handshaken:
        message = f"{case.where} closed the connection in the TLS handshake"
    message += f"; so does a server that refuses the certificate {case.cert}"
    return _words("certificate", message, CERTIFICATE_HINT.format(cert=case.cert))


def _no_roots(case: _Case) -> dict[str, Any] | None:
    """The file with the roots is not there. Our own is read before; this one is botocore's."""
    if not case.first(FileNotFoundError):
        return None
    message = f"the roots to trust for {case.where} cannot be read"
    return _words("TLS", message, "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE names a file that is missing", transient=False)


def _handshake(case: _Case) -> dict[str, Any] | None:
    """The TLS handshake failed."""
    error: ssl.SSLError | None = case.first(ssl.SSLError)
    if not error:
        return None
    reason = error.reason or type(error).__name__
    if case.cert and CERTIFICATE_ALERTS.search(reason):
        message = f"{case.where} refuses the certificate {case.cert} ({reason})"
        # Transient, as the closed connection is that the same refusal may show as.
        return _words("certificate", message, CERTIFICATE_HINT.format(cert=case.cert))
    if reason in NO_TLS:
        hint = "check host and port; is a captive portal in between?"
        return _words("TLS", f"{case.where} does not speak TLS ({reason})", hint)
    hint = "TLS 1.2 or newer is needed"
    if case.cert:
        hint += f", and a certificate that AWS takes (RSA or ECDSA): {case.cert}"
    return _words("TLS", f"the TLS handshake with {case.where} failed ({reason})", hint)


def _unreachable(case: _Case) -> dict[str, Any] | None:
    """The system says why."""
    error: OSError | None = next(
        (one for one in case.chain if isinstance(one, OSError) and one.errno in errno.errorcode), None
    )
    if not error:
        return None
    return _words("connection", f"{case.where} cannot be reached: {error.strerror}", "check the network: ip route")
