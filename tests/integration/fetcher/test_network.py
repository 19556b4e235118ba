"""The fetcher on a bad network: servers that hang, drip, break off or speak something else, and proxies."""

from __future__ import annotations

import gzip
import json
import select
import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.credentials import Credentials
from secretenv.errors import SecretError
from secretenv.sandbox import Sandbox
from tests.unit.identity.certificates import certificate, ec_key, pem, write

from .fetching import device, device_of, fetch, secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.errors import CredentialsError
    from secretenv.settings import Device

APP = secret("app")
QUICK = "from secretenv.identity import provider; provider.TIMEOUTS = (0.5, 0.5)"
BUDGET = "from secretenv.fetcher import main; work = main._work\nmain._work = lambda *given: work(*given, budget=2.0)"
KEY = ec_key()


@contextmanager
def serve(handle: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Give every connection to `handle` in a thread of its own; at the end all are over."""
    end = threading.Event()
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                handle(connection, end)

        def accept() -> None:
            with suppress(OSError):
                while not end.is_set():
                    connection, _ = listener.accept()
                    threads.append(threading.Thread(target=one, args=(connection,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            end.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


@pytest.fixture
def who(tmp_path: Path) -> Device:
    """Return a device whose own certificate is the one that the server has too."""
    pair = write(tmp_path / "pair.pem", certificate(KEY, "localhost") + pem(KEY))
    return device(cert=pair, key=pair, ca=pair, role_alias="alias", region="eu-west-1")


def tls(
    who: Device, then: Callable[[ssl.SSLSocket, threading.Event], None], whole: bytes = b"\r\n\r\n"
) -> Callable[..., None]:
    """Return a handler that shakes hands, reads the request and goes on with `then`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(who.cert)

    def handle(connection: socket.socket, end: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            while not wrapped.recv(65536).endswith(whole):
                pass
            then(wrapped, end)

    return handle


def refusal(who: Device, handle: Callable[..., None], program: str = QUICK) -> CredentialsError:
    """Return the transient error of a fetch from a server like this."""
    with serve(handle) as port:
        error = fetch(at(who, port), APP, program=program).error
    assert error.transient
    assert f"localhost:{port}" in error.message or "localhost" in error.message
    return error  # type: ignore[return-value]


def at(who: Device, port: int) -> Device:
    """Return the device with its endpoint on a port of this machine."""
    return device(**{**who.to_json(), "endpoint": f"localhost:{port}"})


def test_unknown_host(who: Device) -> None:
    """A name that cannot be resolved is the link `DNS`."""
    error = fetch(device(**{**who.to_json(), "endpoint": "no-such-host.invalid"}), APP).error
    assert (error.link, error.transient) == ("DNS", True)
    assert "getent hosts no-such-host.invalid" in error.hint


def test_nobody_listens(who: Device) -> None:
    """A refused connection is the link `connection`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = fetch(at(who, port), APP).error
    assert (error.link, error.transient) == ("connection", True)


def test_no_handshake(who: Device) -> None:
    """A server that says nothing at all is the link `TLS`."""
    assert refusal(who, lambda connection, end: end.wait()).link == "TLS"


def test_no_tls(who: Device) -> None:
    """A server that does not speak TLS is the link `TLS`."""

    def plain(connection: socket.socket, end: threading.Event) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    assert "does not speak TLS" in refusal(who, plain).message


def test_closed_in_the_handshake(who: Device) -> None:
    """A connection that is closed in the handshake may be a refused certificate."""
    assert refusal(who, lambda connection, end: connection.recv(1000)).link == "certificate"


# What would be credentials if it were unpacked, which an answer of gigabytes is not to be.
_NAMES = ("accessKeyId", "secretAccessKey", "sessionToken")
_LATER = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 3600))
PACKED = gzip.compress(json.dumps({"credentials": {**dict.fromkeys(_NAMES, "x"), "expiration": _LATER}}).encode())


def test_no_answer(who: Device) -> None:
    """A server that does not answer the request is the link `endpoint`."""
    error = refusal(who, tls(who, lambda connection, end: end.wait()))  # type: ignore[arg-type]
    assert error.link == "endpoint"
    assert "did not answer in time" in error.message


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"220 mail.example.com ESMTP\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", id="cut short"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", id="a cut chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="no chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", id="packed"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + PACKED, id="credentials, packed"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", id="a header without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="headers without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000, id="a body without end"),
        pytest.param(b"HTTP/1.1 301 Moved\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n", id="redirect"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", id="a captive portal"),
        pytest.param(b"\x00" * 100, id="zeros"),
    ],
)
def test_rubbish(who: Device, answer: bytes) -> None:
    """An answer that is no answer is the link `endpoint`."""

    def then(connection: ssl.SSLSocket, end: threading.Event) -> None:
        connection.sendall(answer)

    assert refusal(who, tls(who, then)).link == "endpoint"


def test_dripping(who: Device) -> None:
    """An answer that comes byte by byte ends with the budget, at the step that it was at."""

    def drip(connection: ssl.SSLSocket, end: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        while not end.wait(0.1):
            connection.sendall(b" ")

    error = refusal(who, tls(who, drip), BUDGET)
    assert error.link == "endpoint"
    assert "longer than 2 s at the step endpoint" in error.message


def test_hanging_lookup(who: Device) -> None:
    """A lookup that hangs in libc ends with the budget, at the step `DNS`."""
    program = f"import socket, threading; socket.getaddrinfo = lambda *_: threading.Event().wait()\n{BUDGET}"
    error = fetch(at(who, 443), APP, program=program).error
    assert (error.link, error.transient) == ("DNS", True)


def test_wrong_host_name(who: Device, tmp_path: Path) -> None:
    """A server with a certificate for another host is not trusted, and never will be."""
    pair = write(tmp_path / "other.pem", certificate(KEY, "other.example.com") + pem(KEY))
    other = device(**{**who.to_json(), "cert": pair, "key": pair, "ca": pair})
    with serve(tls(other, lambda connection, end: None)) as port:
        error = fetch(at(other, port), APP).error
    assert (error.link, error.transient) == ("TLS", False)
    assert "another host name" in error.message


# Secrets Manager over TLS.

ANSWER = json.dumps({"VersionId": "v" * 32, "SecretString": '{"A": "1"}'}).encode()


def handed_on() -> Credentials:
    """Return credentials of an earlier fetch."""
    now = time.time()
    return Credentials(
        access_key_id="ASIA", secret_access_key="s", session_token="t", expiration=now + 3000, obtained=now - 600
    )


def secrets_manager(connection: ssl.SSLSocket, end: threading.Event) -> None:
    """Answer any request with a secret."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER))


@pytest.mark.parametrize("trusted", [True, False])
def test_roots_of_secrets_manager(who: Device, trusted: bool) -> None:  # noqa: FBT001
    """AWS_CA_BUNDLE names the roots for Secrets Manager; --ca does not. SSLKEYLOGFILE has no effect."""
    log = Path(who.cert).with_name("keys.log")
    credentials = handed_on()
    with serve(tls(who, secrets_manager, whole=b"}")) as port:
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
        variables = {"SSLKEYLOGFILE": str(log), **({"AWS_CA_BUNDLE": who.ca} if trusted else {})}
        found = fetch(there, APP, credentials=credentials, variables=variables)
    if trusted:
        assert found.answer.variables == {"A": "1"}
    else:
        assert (found.error.link, found.error.transient) == ("TLS", False)
        assert f"secret app: the certificate of localhost:{port} is not trusted" in found.error.message
    assert found.answer.credentials == credentials
    assert not log.exists()


def test_no_instance_role(who: Device) -> None:
    """The metadata service of an instance is asked nothing, neither for credentials nor for defaults."""
    asked = []
    credentials = handed_on()
    with ExitStack() as stack:
        port = stack.enter_context(serve(tls(who, secrets_manager, whole=b"}")))
        metadata = stack.enter_context(serve(lambda connection, end: asked.append(connection.recv(1000))))
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
        variables = {
            "AWS_CA_BUNDLE": who.ca,
            "AWS_DEFAULTS_MODE": "auto",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{metadata}/",
        }
        assert fetch(there, APP, credentials=credentials, variables=variables).answer.variables == {"A": "1"}
    assert asked == []


def test_missing_roots_of_secrets_manager(who: Device) -> None:
    """A file of AWS_CA_BUNDLE that is missing is an error like any other."""
    credentials = handed_on()
    with serve(tls(who, secrets_manager, whole=b"}")) as port:
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
        error = fetch(there, APP, credentials=credentials, variables={"AWS_CA_BUNDLE": "/no/such/file"}).error
    assert isinstance(error, SecretError)
    assert (error.link, error.transient) == ("TLS", False)
    assert "AWS_CA_BUNDLE" in error.hint


# Proxies.


@contextmanager
def proxy(status: int = 200) -> Iterator[tuple[int, list[bytes]]]:
    """Run a proxy that tunnels to wherever it is asked, or refuses."""
    asked: list[bytes] = []

    def handle(connection: socket.socket, end: threading.Event) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            if not (part := connection.recv(65536)):
                return
            request += part
        asked.append(request)
        connection.sendall(b"HTTP/1.1 %d Whatever\r\n\r\n" % status)
        if status != 200:
            return
        host, _, port = request.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            _pump(connection, upstream, end)

    with serve(handle) as port:
        yield port, asked


def _pump(one: socket.socket, other: socket.socket, end: threading.Event) -> None:
    """Carry bytes both ways until one side ends."""
    while not end.is_set():
        for ready in select.select([one, other], [], [], 0.1)[0]:
            if not (content := ready.recv(65536)):
                return
            (other if ready is one else one).sendall(content)


def test_through_a_proxy() -> None:
    """The exchange goes through HTTPS_PROXY with our certificate and our roots: end to end, the proxy sees nothing."""
    with ExitStack() as stack:
        aws = stack.enter_context(Sandbox())
        port, asked = stack.enter_context(proxy())
        variables = {"HTTPS_PROXY": f"http://me:pass@127.0.0.1:{port}"}
        found = fetch(device_of(aws), secret("sandbox/app"), variables=variables)
        assert found.answer.error is None
        assert len(aws.exchanges) == 1
        assert aws.exchanges[0].certificate_id
    assert asked[0].startswith(b"CONNECT localhost:")
    assert b"Proxy-Authorization: Basic" in asked[0]


def test_secrets_manager_through_a_proxy(who: Device) -> None:
    """Secrets Manager is asked through the same proxy as the provider, or without it where NO_PROXY names its host."""
    with ExitStack() as stack:
        aws = stack.enter_context(serve(tls(who, secrets_manager, whole=b"}")))
        port, asked = stack.enter_context(proxy())
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{aws}"})
        variables = {"ALL_PROXY": f"http://127.0.0.1:{port}", "AWS_CA_BUNDLE": who.ca}
        for more in ({"NO_PROXY": f"localhost:{aws}"}, {}):
            assert not asked
            found = fetch(there, APP, credentials=handed_on(), variables={**variables, **more}).answer
            assert found.variables == {"A": "1"}
    assert len(asked) == 1


def test_proxy_that_refuses(who: Device) -> None:
    """A proxy that wants a password is the link `proxy`."""
    with proxy(407) as (port, _):
        error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}).error
    assert (error.link, error.transient) == ("proxy", True)
    assert "status 407" in error.message


@pytest.mark.parametrize(
    ("answer", "words"), [(b"", "closed the connection"), (b"SSH-2.0-proxy\r\n", "gave an answer that cannot be read")]
)
def test_proxy_that_gives_no_tunnel(who: Device, answer: bytes, words: str) -> None:
    """A proxy that closes the connection, or does not speak HTTP, is the link `proxy`, not the certificate."""

    def handle(connection: socket.socket, end: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with serve(handle) as port:
        error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}).error
    assert (error.link, error.transient) == ("proxy", True)
    assert words in error.message


def test_proxy_that_hangs(who: Device) -> None:
    """A proxy that says nothing is the link `proxy`."""
    with serve(lambda connection, end: end.wait()) as port:  # type: ignore[arg-type]
        variables = {"HTTPS_PROXY": f"http://127.0.0.1:{port}"}
        error = fetch(at(who, 443), APP, variables=variables, program=QUICK).error
    assert (error.link, error.transient) == ("proxy", True)
    assert "did not answer in time" in error.message


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "http://127.0.0.1:99999"])
def test_proxy_that_is_none(who: Device, url: str) -> None:
    """A HTTPS_PROXY that cannot be used is the link `proxy`."""
    error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": url}).error
    assert error.link == "proxy"


def test_closed_behind_a_proxy(who: Device) -> None:
    """A server that closes the connection after the handshake may refuse the certificate, behind a proxy too."""
    with serve(tls(who, lambda connection, end: None)) as server, proxy() as (port, _):
        error = fetch(at(who, server), APP, variables={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}).error
    assert error.link == "certificate"
