"""Why a connection gave no answer: an exception of requests, urllib3 or botocore in words. Pure.

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
from secretenv.identity import messages
from secretenv.wording import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.errors import Message, SecretenvError

# OpenSSL's numbers (x509_vfy.h).
NOT_YET_VALID, EXPIRED = 9, 10
MISMATCHES = (62, 64)  # the name of a host, an IP address

# Alerts by which a server refuses the client's certificate (RFC 8446, 6.2), as OpenSSL names them.
CERTIFICATE_ALERTS = re.compile(
    r"ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED"
    r"|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)"
)
# What `aws iot describe-endpoint` prints without --endpoint-type. Its certificate is from a root that nobody trusts any
# longer, so its "Not Found", which would tell what it is, is never read.
DATA_ENDPOINT = re.compile(r"[^.]+\.iot\.[^.]+\.amazonaws\.com(\.cn)?(:|$)")
# How OpenSSL reports bytes that are not TLS, for example an HTTP answer of a captive portal.
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
# The functions of http.client and urllib3 that talk to a proxy.
_TO_A_PROXY = {"_tunnel", "_connect_tls_proxy"}
CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.RemoteDisconnected, ConnectionError)


class _Case(NamedTuple):
    """One failure: the exception with all that it wraps, and what is known of the connection."""

    chain: list[BaseException]
    host: str
    cert: str
    handshaken: bool
    tunnelling: bool
    variable: str
    issuer: Callable[[], str]

    @property
    def name(self) -> str:
        """The host without its port."""
        return re.sub(r":\d+$", "", self.host)

    def first(self, *kinds: type[BaseException]) -> Any:
        return next((link for link in self.chain if isinstance(link, kinds)), None)

    def named(self, *parts: str) -> bool:
        """Tell whether a type's name has one of these parts: the types of libraries that are not imported here."""
        return any(part in type(link).__name__ for link in self.chain for part in parts)

    @property
    def mistrusted(self) -> ssl.SSLCertVerificationError | None:
        """Why OpenSSL does not trust the other side's certificate."""
        found: ssl.SSLCertVerificationError | None = self.first(ssl.SSLCertVerificationError)
        return found

    @property
    def mismatch(self) -> bool:
        """Whether the certificate is for another host: OpenSSL says so, or urllib3, which has a type for it."""
        code = getattr(self.mistrusted, "verify_code", 0)
        return code in MISMATCHES or any(type(link).__name__ == "CertificateError" for link in self.chain)

    @property
    def tunnel_status(self) -> str:
        """The status with which a proxy refused a tunnel."""
        texts = (re.search(r"Tunnel connection failed: (\d{3})", str(link)) for link in self.chain)
        return next((found[1] for found in texts if found), "")


def explain(  # noqa: PLR0913 - what is known of a connection
    error: BaseException,
    host: str,
    *,
    cert: str = "",
    handshaken: bool = False,
    tunnelling: bool = False,
    variable: str = "HTTPS_PROXY",
    issuer: Callable[[], str] = str,
) -> SecretenvError:
    """Return the error in words, as an error of the credentials provider.

    Args:
        error: what the library raised.
        host: HOST or HOST:PORT of the connection.
        cert: the client certificate's file, where one was shown: not to Secrets Manager.
        handshaken: whether the TLS handshake was over when it happened.
        tunnelling: whether a proxy was asked for a tunnel, and the handshake through it had not begun.
        variable: the one that names the proxy, if there is one.
        issuer: finds out who issued the server's certificate, asked where that is not trusted.
    """
    case = _Case(list(chain(error)), host, cert, handshaken, tunnelling, variable, issuer)
    # The order matters: what went wrong first is wrapped in what that led to.
    for rule in (_proxy, _lookup, _untrusted, _late, _refused, _closed, _no_roots, _handshake, _unreachable):
        if found := rule(case):
            return found
    return messages.ANSWER_UNCLEAR(host=host, kind=type(case.chain[-1]).__name__)


def endless(host: str, span: str, *, handshaken: bool) -> SecretenvError:
    """Return the same for an exchange that was given up because it went on and on."""
    message = messages.ANSWER_ENDLESS if handshaken else messages.HANDSHAKE_ENDLESS
    return message(host=host, time=span)


def tunnelling(error: BaseException) -> bool:
    """Tell whether an exception came up while talking to a proxy, by the functions that it passed through."""
    for one in chain(error):
        trace = one.__traceback__
        while trace:
            if trace.tb_frame.f_code.co_name in _TO_A_PROXY:
                return True
            trace = trace.tb_next
    return False


# Why a proxy gives no tunnel; the first row that fits counts.
_PROXY: tuple[tuple[Callable[[_Case], object], Message], ...] = (
    (lambda case: case.tunnel_status == "407", messages.PROXY_WANTS_PASSWORD),
    (lambda case: case.tunnel_status, messages.PROXY_REFUSES),
    (lambda case: case.first(socket.gaierror), messages.PROXY_UNKNOWN),
    (lambda case: case.mistrusted or case.mismatch, messages.PROXY_NOT_TRUSTED),
    (lambda case: case.first(ssl.SSLError) and case.first(ssl.SSLError).reason in NO_TLS, messages.PROXY_NOT_TLS),
    (lambda case: case.first(TimeoutError) or case.named("Timeout"), messages.PROXY_LATE),
    (lambda case: case.first(ConnectionRefusedError), messages.PROXY_UNREACHABLE),
    (lambda case: case.first(*CLOSED), messages.PROXY_CLOSED),
    (lambda case: case.first(http.client.HTTPException), messages.PROXY_UNCLEAR),
    (lambda _: True, messages.PROXY_UNREACHABLE),
)


def _proxy(case: _Case) -> SecretenvError | None:
    """A proxy is in the way."""
    # After a handshake, urllib3 reports a closed connection as a proxy that cannot be reached.
    if not case.tunnel_status and not case.tunnelling and (case.handshaken or not case.named("Proxy")):
        return None
    if case.mistrusted and case.mistrusted.verify_code in (NOT_YET_VALID, EXPIRED):
        return _untrusted(case._replace(host="the proxy"))
    message = next(message for fits, message in _PROXY if fits(case))
    reason = "it is for another host name" if case.mismatch else getattr(case.mistrusted, "verify_message", "")
    if unknown := case.first(socket.gaierror):
        reason = unknown.strerror
    return message(host=case.host, status=case.tunnel_status, reason=reason, variable=case.variable)


def _lookup(case: _Case) -> SecretenvError | None:
    """The name cannot be resolved."""
    if not (found := case.first(socket.gaierror)):
        return None
    return messages.NAME_UNKNOWN(name=case.name, reason=found.strerror)


def _untrusted(case: _Case) -> SecretenvError | None:
    """The server's certificate is not accepted here."""
    error = case.mistrusted
    if error and error.verify_code in (NOT_YET_VALID, EXPIRED):
        early = error.verify_code == NOT_YET_VALID
        message = messages.SERVER_NOT_YET_VALID if early else messages.SERVER_EXPIRED
        return message(host=case.host, now=moment(time.time()))
    if case.mismatch:
        message = messages.OTHER_HOST_NAME if case.cert else messages.OTHER_HOST_FOR_SECRETS
        return message(host=case.host, name=case.name)
    if not error:
        return None
    message = messages.SERVER_NOT_TRUSTED if case.cert else messages.SECRETS_NOT_TRUSTED
    if DATA_ENDPOINT.match(case.host):
        message = messages.DATA_ENDPOINT_NOT_TRUSTED
    issuer = case.issuer() or "not known"
    return message(host=case.host, name=case.name, reason=error.verify_message, issuer=issuer)


def _late(case: _Case) -> SecretenvError | None:
    """Time was up."""
    if case.named("ConnectTimeout"):
        return messages.CONNECT_LATE(host=case.host)
    if not case.first(TimeoutError) and not case.named("Timeout"):
        return None
    message = messages.ANSWER_LATE if case.handshaken or not case.cert else messages.HANDSHAKE_LATE
    return message(host=case.host)


def _refused(case: _Case) -> SecretenvError | None:
    """Nobody listens."""
    return messages.CONNECTION_REFUSED(host=case.host) if case.first(ConnectionRefusedError) else None


def _closed(case: _Case) -> SecretenvError | None:
    """The other side closed the connection. With TLS 1.3 that may be how it refuses a certificate."""
    if not case.first(*CLOSED):
        return None
    if not case.cert:
        return messages.CONNECTION_CLOSED(host=case.host)
    message = messages.CLOSED_AFTER_HANDSHAKE if case.handshaken else messages.CLOSED_IN_HANDSHAKE
    return message(host=case.host, certificate=case.cert)


def _no_roots(case: _Case) -> SecretenvError | None:
    """The file with the roots has just disappeared: it was read before, and botocore reads it again."""
    return messages.BUNDLE_CHANGED(host=case.host) if case.first(FileNotFoundError, IsADirectoryError) else None


def _handshake(case: _Case) -> SecretenvError | None:
    """The TLS handshake failed."""
    error: ssl.SSLError | None = case.first(ssl.SSLError)
    if not error:
        return None
    reason = error.reason or type(error).__name__
    if case.cert and CERTIFICATE_ALERTS.search(reason):
        message = messages.CERTIFICATE_REFUSED
    elif reason in NO_TLS:
        message = messages.NOT_TLS
    else:
        message = messages.HANDSHAKE_FAILED_WITH_CERTIFICATE if case.cert else messages.HANDSHAKE_FAILED
    return message(host=case.host, certificate=case.cert, reason=reason)


def _unreachable(case: _Case) -> SecretenvError | None:
    """The system says why."""
    error: OSError | None = next(
        (one for one in case.chain if isinstance(one, OSError) and one.errno in errno.errorcode), None
    )
    return messages.UNREACHABLE(host=case.host, reason=error.strerror) if error else None
