"""The fetcher on a bad network: servers that hang, drip, break off or speak something else."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import CertificateError
from tests.unit.identity.certificates import certificate, pem, write

from .fetching import device, fetch, secret
from .servers import KEY, QUICK, at, device_with_pair, handed_on, proxy, secrets_manager, serve, tls

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from secretenv.errors import CredentialsError
    from secretenv.settings import Device

APP = secret("app")
# A fetcher that waits two seconds for everything.
BUDGET = "main(budget=2.0)"


@pytest.fixture
def who(tmp_path: Path) -> Device:
    """Return a device whose own certificate is the one that the server has too."""
    return device_with_pair(tmp_path)


def refusal(who: Device, handle: Callable[..., None], how: str = QUICK) -> CredentialsError:
    """Return the transient error of a fetch from a server like this."""
    with serve(handle) as port:
        error = fetch(at(who, port), APP, how=how).error
    assert error.transient
    assert f"localhost:{port}" in error.message or "localhost" in error.message
    return error  # type: ignore[return-value]


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
    """An answer that comes byte by byte ends with the budget,, at step that it was at."""

    def drip(connection: ssl.SSLSocket, end: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        while not end.wait(0.1):
            connection.sendall(b" ")

    error = refusal(who, tls(who, drip), BUDGET)
    assert error.link == "endpoint"
    assert "longer than 2 s, at step endpoint" in error.message


def test_hanging_lookup(who: Device) -> None:
    """A lookup that hangs in libc ends with the budget,, at step `DNS`."""
    program = "import socket, threading; socket.getaddrinfo = lambda *_: threading.Event().wait()"
    error = fetch(at(who, 443), APP, program=program, how=BUDGET).error
    assert (error.link, error.transient) == ("DNS", True)


def test_wrong_host_name(who: Device, tmp_path: Path) -> None:
    """A server with a certificate for another host is not trusted, and never will be."""
    pair = write(tmp_path / "other.pem", certificate(KEY, "other.example.com") + pem(KEY))
    other = device(**{**who.to_json(), "cert": pair, "key": pair, "ca": pair})
    with serve(tls(other, lambda connection, end: None)) as port:
        error = fetch(at(other, port), APP).error
    assert (error.link, error.transient) == ("TLS", False)
    assert "another host name" in error.message


def test_wrong_host_name_of_secrets_manager(who: Device, tmp_path: Path) -> None:
    """So is one in place of Secrets Manager."""
    other = device_with_pair(tmp_path, "other.example")
    with serve(tls(other, secrets_manager, whole=b"}")) as port:
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
        error = fetch(there, APP, credentials=handed_on(), variables={"AWS_CA_BUNDLE": other.ca}).error
    assert (error.link, error.transient) == ("TLS", False)
    assert error.message == f"secret app: the server certificate of localhost:{port} is for another host name"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("proxied", [True, False])
@pytest.mark.parametrize("service", ["provider", "secrets"])
def test_inspection(
    who: Device,
    tmp_path: Path,
    service: str,
    proxied: bool,  # noqa: FBT001
    version: ssl.TLSVersion,
) -> None:
    """Where something inspects TLS the issuer that was met is named, and what to do; nothing is sent to it."""
    other = device_with_pair(tmp_path, "Corporate Inspection")
    seen = []

    def inspect(connection: ssl.SSLSocket, end: threading.Event) -> None:
        seen.append(connection)

    with ExitStack() as stack:
        port = stack.enter_context(serve(tls(other, inspect, most=version)))
        variables = {}
        if proxied:
            through, _ = stack.enter_context(proxy())
            variables["HTTPS_PROXY"] = f"http://127.0.0.1:{through}"
        if service == "provider":
            error = fetch(at(who, port), APP, variables=variables).error
        else:
            there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
            error = fetch(there, APP, credentials=handed_on(), variables=variables).error
    assert (error.link, error.transient) == ("TLS", False)
    assert error.message.endswith("; its issuer is Corporate Inspection")
    words = (
        "does not survive that: exempt localhost"
        if service == "provider"
        else "set the roots for Secrets Manager with AWS_CA_BUNDLE"
    )
    assert words in error.hint
    assert not seen


# Secrets Manager over TLS.


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


@pytest.mark.parametrize("variables", [{"AWS_CA_BUNDLE": ""}, {"AWS_CA_BUNDLE": " ", "REQUESTS_CA_BUNDLE": ""}])
def test_empty_variables_do_not_turn_verification_off(who: Device, variables: dict[str, str]) -> None:
    """An empty AWS_CA_BUNDLE counts as not set: a stranger in place of Secrets Manager is not trusted."""
    asked = []

    def stranger(connection: ssl.SSLSocket, end: threading.Event) -> None:
        asked.append(connection)
        secrets_manager(connection, end)

    with serve(tls(who, stranger, whole=b"}")) as port:
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
        error = fetch(there, APP, credentials=handed_on(), variables=variables).error
    assert (error.link, error.transient) == ("TLS", False)
    assert not asked


def test_other_empty_variables(who: Device) -> None:
    """Other variables of AWS's tools and of proxies that are empty count as not set, too."""
    names = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")
    variables = dict.fromkeys((*names, "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSLKEYLOGFILE"), "")
    with serve(tls(who, secrets_manager, whole=b"}")) as port:
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{port}"})
        found = fetch(there, APP, credentials=handed_on(), variables={**variables, "AWS_CA_BUNDLE": who.ca})
    assert found.answer.variables == {"A": "1"}


BAD_ROOTS = [
    pytest.param(lambda folder: folder, "cannot be read: not a regular file", id="a folder"),
    pytest.param(lambda folder: folder / "none", "cannot be read: No such file or directory", id="missing"),
    pytest.param(lambda folder: put(folder, b""), "is empty", id="empty"),
    pytest.param(lambda folder: put(folder, b"roots\n"), "holds no certificates", id="not PEM"),
    pytest.param(lambda folder: put(folder, b"0\x82\x03A"), "holds no certificates", id="DER"),
    pytest.param(lambda folder: put(folder, b"#" * (1 << 20) + b"#"), "is larger than 1 MiB", id="large"),
]


def put(folder: Path, content: bytes) -> Path:
    """Write a file and return its path."""
    file = folder / "roots.pem"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("handed", [True, False])
@pytest.mark.parametrize(("make", "words"), BAD_ROOTS)
def test_bad_roots_of_secrets_manager(
    who: Device,
    tmp_path: Path,
    make: Callable[[Path], Path],
    words: str,
    handed: bool,  # noqa: FBT001
) -> None:
    """A file of AWS_CA_BUNDLE that holds no roots is the link `roots file`, as that of --ca is, before any network."""
    path = str(make(tmp_path))
    there = device(**{**who.to_json(), "endpoint": "no-such-host.invalid"})
    variables = {"AWS_CA_BUNDLE": path, "REQUESTS_CA_BUNDLE": "/no/such/file"}
    error = fetch(there, APP, credentials=handed_on() if handed else None, variables=variables).error
    assert isinstance(error, CertificateError)
    assert (error.link, error.transient) == ("roots file", False)
    assert f"the roots file {path} {words}" in error.message
    assert "AWS_CA_BUNDLE" in error.hint
    assert "REQUESTS_CA_BUNDLE" not in error.hint


@pytest.mark.parametrize(("make", "words"), BAD_ROOTS)
def test_bad_roots_of_the_provider(who: Device, tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    """So is the file of --ca."""
    path = str(make(tmp_path))
    error = fetch(device(**{**who.to_json(), "ca": path, "endpoint": "no-such-host.invalid"}), APP).error
    assert isinstance(error, CertificateError)
    assert (error.link, error.transient) == ("roots file", False)
    assert f"the roots file {path} {words}" in error.message
    assert "AWS_CA_BUNDLE" not in error.hint
