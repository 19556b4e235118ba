"""Connections without an answer: which link broke, as the libraries wrap it."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3.exceptions as u3
from botocore import exceptions as boto
from urllib3.util.ssl_match_hostname import CertificateError

from secretenv.defects import as_error
from secretenv.errors import FetcherError, SecretenvError
from secretenv.identity import connection_errors

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "pr0xy-passw0rd"
POOL: Any = None  # where the exceptions want the pool that they come from


def shown(error: SecretenvError) -> str:
    """Return all that is shown of an error."""
    return f"{error.message} {error.hint}"


def alert(reason: str) -> ssl.SSLError:
    """Return what ssl raises for an alert."""
    error = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:2580)")
    error.reason = reason
    return error


def untrusted(code: int, message: str = "unable to get local issuer certificate") -> ssl.SSLCertVerificationError:
    """Return what ssl raises for a server's certificate."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    """Return an exception that was raised from another."""
    outer.__cause__ = inner
    return outer


def bare(error: BaseException) -> BaseException:
    """Return the exception as it is."""
    return error


def of_requests(error: BaseException) -> Any:
    """Wrap as requests does."""
    if isinstance(error, ssl.SSLError):
        return requests.exceptions.SSLError(u3.MaxRetryError(POOL, "/", u3.SSLError(error)))
    if isinstance(error, socket.gaierror):
        inner = caused(u3.NameResolutionError("host", POOL, error), error)
        return requests.exceptions.ConnectionError(u3.MaxRetryError(POOL, "/", inner))  # type: ignore[arg-type]
    if isinstance(error, ConnectionRefusedError | TimeoutError):
        inner = caused(u3.NewConnectionError(POOL, "text"), error)
        return requests.exceptions.ConnectionError(u3.MaxRetryError(POOL, "/", inner))  # type: ignore[arg-type]
    return requests.exceptions.ConnectionError(u3.ProtocolError("Connection aborted.", error))


def of_botocore(error: BaseException) -> Any:
    """Wrap as botocore does."""
    if isinstance(error, ssl.SSLError):
        return boto.SSLError(endpoint_url="https://host", error=u3.SSLError(error))
    if isinstance(error, TimeoutError):
        return boto.ReadTimeoutError(endpoint_url="https://host", error=error)
    return boto.EndpointConnectionError(endpoint_url="https://host", error=of_requests(error))


@pytest.mark.parametrize("wrap", [bare, of_requests, of_botocore])
@pytest.mark.parametrize(
    ("error", "link", "transient", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "DNS", True, "host cannot be resolved"),
        (ConnectionRefusedError(111, "Connection refused"), "connection", True, "host:8443 refuses connections"),
        (untrusted(20), "TLS", False, "is not trusted: unable to get local issuer"),
        (untrusted(62), "TLS", False, "is for another host name"),
        (untrusted(64), "TLS", False, "is for another host name"),
        (untrusted(9), "clock", True, "is not yet valid: this machine's clock says"),
        (untrusted(10), "clock", True, "has expired: this machine's clock says"),
        (alert("WRONG_VERSION_NUMBER"), "TLS", True, "does not speak TLS"),
        (alert("TLSV1_ALERT_PROTOCOL_VERSION"), "TLS", True, "PROTOCOL_VERSION"),
    ],
)
def test_without_and_within_libraries(
    wrap: Callable[[BaseException], BaseException],
    error: BaseException,
    link: str,
    transient: bool,  # noqa: FBT001
    words: str,
) -> None:
    """However deep a library buries it, what happened first is reported."""
    found = connection_errors.explain(wrap(error), "host:8443")
    assert (found.link, found.transient) == (link, transient)
    assert words in found.message
    assert found.hint


CLOSED = [
    ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
    http.client.RemoteDisconnected("Remote end closed connection without response"),
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(32, "Broken pipe"),
]


@pytest.mark.parametrize("error", CLOSED)
@pytest.mark.parametrize("handshaken", [True, False])
def test_closed_connection(error: BaseException, handshaken: bool) -> None:  # noqa: FBT001
    """A connection that is closed without an answer may be a refused certificate: it is named, and it passes."""
    found = connection_errors.explain(of_requests(error), "host", cert="device.crt", handshaken=handshaken)
    assert (found.link, found.transient) == ("certificate", True)
    assert "device.crt" in found.message
    assert "device.crt" in found.hint


@pytest.mark.parametrize("error", CLOSED[1:])
def test_closed_connection_without_certificate(error: BaseException) -> None:
    """Where no certificate was shown it is the connection."""
    found = connection_errors.explain(boto.ConnectionClosedError(endpoint_url="https://host", error=error), "host")
    assert (found.link, found.transient) == ("connection", True)


@pytest.mark.parametrize(
    "reason",
    [
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_UNKNOWN_CA",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "TLSV1_ALERT_ACCESS_DENIED",
    ],
)
def test_refused_certificate(reason: str) -> None:
    """A TLS alert about the client's certificate names it, and passes, as a closed connection does."""
    found = connection_errors.explain(of_requests(alert(reason)), "host", cert="device.crt")
    assert (found.link, found.transient) == ("certificate", True)
    assert reason in found.message


@pytest.mark.parametrize(
    ("error", "handshaken", "link"),
    [
        (
            requests.exceptions.ConnectTimeout(u3.MaxRetryError(POOL, "/", u3.ConnectTimeoutError())),
            False,
            "connection",
        ),
        (boto.ConnectTimeoutError(endpoint_url="https://host", error=OSError()), False, "connection"),
        (requests.exceptions.ReadTimeout(u3.ReadTimeoutError(POOL, "/", "")), False, "TLS"),
        (requests.exceptions.ReadTimeout(u3.ReadTimeoutError(POOL, "/", "")), True, "endpoint"),
        (caused(u3.ReadTimeoutError(POOL, "/", ""), TimeoutError()), True, "endpoint"),
    ],
)
def test_timeouts(error: BaseException, handshaken: bool, link: str) -> None:  # noqa: FBT001
    """A timeout says what was waited for."""
    found = connection_errors.explain(error, "host", cert="device.crt", handshaken=handshaken)
    assert (found.link, found.transient) == (link, True)


@pytest.mark.parametrize(
    ("error", "words", "transient"),
    [
        (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), "with status 407", False),
        (ConnectionRefusedError(111, "Connection refused"), "cannot be reached", True),
        (socket.gaierror(-2, "Name or service not known"), "name of the proxy cannot be resolved", True),
        (alert("WRONG_VERSION_NUMBER"), "does not speak TLS", False),
        (untrusted(18, "self-signed certificate"), "of the proxy on the way to host:8443 is not trusted: self", False),
        (untrusted(62), "is not trusted: it is for another host name", False),
    ],
)
def test_proxy(error: OSError, words: str, transient: bool) -> None:  # noqa: FBT001
    """A proxy in the way is the link `proxy`; its address, which may hold a password, is not shown."""
    inner = u3.ProxyError(f"Cannot connect to http://u:{SECRET}@proxy", error)
    wrapped = requests.exceptions.ProxyError(u3.MaxRetryError(POOL, "/", inner))
    found = connection_errors.explain(wrapped, "host:8443", cert="device.crt", variable="all_proxy")
    assert (found.link, found.transient) == ("proxy", transient)
    assert words in found.message
    assert "all_proxy" in found.hint
    assert SECRET not in shown(found)
    ours = boto.ProxyConnectionError(proxy_url=f"http://u:{SECRET}@proxy", error=inner)
    assert connection_errors.explain(ours, "host").link == "proxy"
    assert SECRET not in shown(connection_errors.explain(ours, "host"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caused(u3.ReadTimeoutError(POOL, "/", ""), TimeoutError()), "did not answer in time"),
        (u3.ProtocolError("aborted", http.client.RemoteDisconnected("closed")), "closed the connection"),
        (u3.ProtocolError("aborted", ConnectionResetError(104, "reset")), "closed the connection"),
        (u3.ProtocolError("aborted", http.client.BadStatusLine("SSH-2.0")), "sent a response that cannot be read"),
        (OSError("no text that is known"), "cannot be reached"),
    ],
)
def test_a_proxy_that_gives_no_tunnel(error: BaseException, words: str) -> None:
    """A failure behind a proxy before the handshake is the proxy's fault, not the certificate's."""
    found = connection_errors.explain(error, "host", cert="device.crt", tunnelling=True)
    assert (found.link, found.transient) == ("proxy", True)
    assert words in found.message
    assert SECRET not in shown(found)


def test_a_proxy_that_wants_a_password() -> None:
    """The hint says where a proxy's password is given, and how it is written; trying again does not help."""
    error = u3.ProxyError("text", OSError("Tunnel connection failed: 407 Proxy Authentication Required"))
    found = connection_errors.explain(error, "host", tunnelling=True)
    assert "USER:PASSWORD@" in found.hint
    assert "# is %23, @ is %40" in found.hint
    assert not found.transient


def test_the_clock_of_a_proxy() -> None:
    """A proxy's certificate that is not yet valid is the clock's fault, and passes, as a server's is."""
    error = u3.ProxyError("text", untrusted(9))
    found = connection_errors.explain(error, "host", tunnelling=True)
    assert (found.link, found.transient) == ("clock", True)
    assert "the certificate of the proxy is not yet valid" in found.message


@pytest.mark.parametrize("cert", ["device.crt", ""])
def test_another_host_name_as_urllib3_has_it(cert: str) -> None:
    """Where OpenSSL leaves the name to urllib3, as botocore has it, its own type says the same; it does not pass."""
    inner = u3.SSLError(CertificateError("hostname 'host' doesn't match 'other'"))
    for error in (boto.SSLError(endpoint_url="https://host", error=inner), inner, inner.args[0]):
        found = connection_errors.explain(error, "host:8443", cert=cert)
        assert (found.link, found.transient) == ("TLS", False)
        assert found.message == "the server certificate of host:8443 is for another host name"
        assert ("describe-endpoint" in found.hint) == bool(cert)


@pytest.mark.parametrize("wrap", [bare, of_requests, of_botocore])
@pytest.mark.parametrize(("cert", "words"), [("device.crt", "does not survive"), ("", "with AWS_CA_BUNDLE")])
def test_the_issuer_that_was_met(wrap: Callable[[BaseException], BaseException], cert: str, words: str) -> None:
    """Where a certificate is not trusted its issuer is named: an inspecting proxy shows itself."""
    error = wrap(untrusted(20))
    found = connection_errors.explain(error, "host:8443", cert=cert, issuer=lambda: "Corporate Inspection CA")
    assert (found.link, found.transient) == ("TLS", False)
    assert found.message.endswith("; its issuer is Corporate Inspection CA")
    assert words in found.hint
    assert ("exempt host there or in NO_PROXY" in found.hint) == bool(cert)
    assert connection_errors.explain(error, "host:8443", cert=cert).message.endswith("its issuer is not known")


def test_spoken_to_a_proxy() -> None:
    """Whether an exception came up while a proxy was spoken to is seen by the functions that it passed through."""

    def _tunnel() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError) as caught:
        _tunnel()
    assert connection_errors.tunnelling(boto.HTTPClientError(error=caught.value))
    with pytest.raises(ZeroDivisionError) as other:
        divmod(1, 0)
    assert not connection_errors.tunnelling(boto.HTTPClientError(error=other.value))


def test_a_closed_connection_through_a_proxy() -> None:
    """After the handshake it may be a refused certificate, as without a proxy, though urllib3 blames the proxy."""
    inner = u3.ProxyError("Unable to connect to proxy", http.client.RemoteDisconnected("closed"))
    wrapped = requests.exceptions.ProxyError(u3.MaxRetryError(POOL, "/", inner))
    found = connection_errors.explain(wrapped, "host", cert="device.crt", handshaken=True)
    assert (found.link, found.transient) == ("certificate", True)


@pytest.mark.parametrize(
    ("where", "link"),
    [
        ("a1b2c3.iot.eu-west-1.amazonaws.com", "endpoint"),
        ("a1b2c3.iot.cn-north-1.amazonaws.com.cn:443", "endpoint"),
        ("a1b2c3.credentials.iot.eu-west-1.amazonaws.com", "TLS"),
        ("device.iot.example.com", "TLS"),
    ],
)
def test_the_old_data_endpoint(where: str, link: str) -> None:
    """The endpoint that describe-endpoint names by default is not to be trusted by more roots, but to be replaced."""
    found = connection_errors.explain(of_requests(untrusted(20)), where, cert="device.crt")
    assert (found.link, found.transient) == (link, False)
    assert ("describe-endpoint --endpoint-type iot:CredentialProvider" in found.hint) == (link == "endpoint")


def test_no_memory() -> None:
    """A lack of memory here is not blamed on the other side: the boundary of the process finds it behind the error."""
    for error in (MemoryError(), boto.HTTPClientError(error=MemoryError()), alert("malloc failure")):
        for wrapped in (error, of_requests(error)):
            with pytest.raises(SecretenvError) as caught:
                blame(wrapped)
            told = as_error(caught.value, FetcherError, "the fetcher")
            assert (told.link, told.transient) == ("fetcher", True)
            assert "out of memory" in told.message


def blame(error: Exception) -> None:
    """Raise what an error of a connection is in words, as the rooms that connect do."""
    try:
        raise error  # noqa: TRY301
    except Exception as met:  # noqa: BLE001
        raise connection_errors.explain(met, "host", cert="device.crt") from None


def test_no_route() -> None:
    """The system's own reason is shown."""
    found = connection_errors.explain(of_requests(OSError(101, "Network is unreachable")), "host")
    assert found.link == "connection"
    assert "Network is unreachable" in found.message


@pytest.mark.parametrize(
    "error",
    [
        u3.ProtocolError("Connection broken", http.client.IncompleteRead(b"x")),
        u3.ProtocolError("Connection aborted.", http.client.BadStatusLine(SECRET)),
        ValueError(SECRET),
    ],
)
def test_rubbish(error: BaseException) -> None:
    """An answer that cannot be read passes; nothing of it is quoted."""
    found = connection_errors.explain(error, "host", cert="device.crt", handshaken=True)
    assert (found.link, found.transient) == ("endpoint", True)
    assert SECRET not in shown(found)
