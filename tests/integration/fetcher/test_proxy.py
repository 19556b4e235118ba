"""The fetcher behind proxies: those that tunnel, refuse, hang or are none."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from secretenv.sandbox import Sandbox

from .fetching import MARKER, device, device_of, fetch, secret
from .servers import QUICK, at, device_with_pair, handed_on, proxy, secrets_manager, serve, tls

if TYPE_CHECKING:
    import socket
    import threading
    from pathlib import Path

    from secretenv.errors import SecretenvError
    from secretenv.settings import Device

APP = secret("app")


@pytest.fixture
def who(tmp_path: Path) -> Device:
    """Return a device whose own certificate is the one that the server has too."""
    return device_with_pair(tmp_path)


def test_through_a_proxy() -> None:
    """The exchange goes through HTTPS_PROXY, encrypted from end to end with the device's certificate and roots."""
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
    """A proxy that wants a password is the link `proxy`, and does not pass."""
    with proxy(407) as (port, _):
        error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}).error
    assert (error.link, error.transient) == ("proxy", False)
    assert "status 407" in error.message


@pytest.mark.parametrize(
    ("answer", "words"), [(b"", "closed the connection"), (b"SSH-2.0-proxy\r\n", "sent a response that cannot be read")]
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
        error = fetch(at(who, 443), APP, variables=variables, how=QUICK).error
    assert (error.link, error.transient) == ("proxy", True)
    assert "did not answer in time" in error.message


@pytest.mark.parametrize("handed", [True, False])
@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "socks5://127.0.0.1:1"},
        {"all_proxy": f"socks://u:{MARKER}@127.0.0.1:1"},
        {"HTTPS_PROXY": "http://127.0.0.1:99999"},
        {"https_proxy": f"http://u:p@ss#{MARKER}@proxy:8080"},
    ],
)
def test_proxy_that_is_none(who: Device, variables: dict[str, str], handed: bool) -> None:  # noqa: FBT001
    """A variable that is not the URL of a proxy is the link `proxy` at both services, is named, and does not pass."""
    there = device(**{**who.to_json(), "endpoint": "localhost:443", "secretsmanager_endpoint": "https://localhost:443"})
    found = fetch(there, APP, credentials=handed_on() if handed else None, variables=variables)
    assert (found.error.link, found.error.transient) == ("proxy", False)
    assert next(iter(variables)) in found.error.message
    assert "@ss" not in f"{found.lines}"


def test_closed_behind_a_proxy(who: Device) -> None:
    """A server that closes the connection after the handshake may refuse the certificate, behind a proxy too."""
    with serve(tls(who, lambda connection, end: None)) as server, proxy() as (port, _):
        error = fetch(at(who, server), APP, variables={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}).error
    assert error.link == "certificate"


# Secrets Manager: the same links as at the credentials provider.


def asked_through(who: Device, proxy_url: str, **more: str) -> SecretenvError:
    """Return the error of Secrets Manager behind a proxy."""
    there = device(**{**who.to_json(), "secretsmanager_endpoint": "https://aws.example"})
    variables = {"HTTPS_PROXY": proxy_url, **more}
    found = fetch(there, APP, credentials=handed_on(), variables=variables)
    assert found.error.message.startswith("secret app: ")
    return found.error


@pytest.mark.parametrize(
    ("answer", "words", "transient"),
    [
        (b"", "closed the connection", True),
        (b"SSH-2.0-proxy\r\n", "sent a response that cannot be read", True),
        (b"HTTP/1.1 407 No\r\n\r\n", "with status 407", False),
        (b"HTTP/1.1 403 No\r\n\r\n", "with status 403", True),
    ],
)
def test_secrets_manager_without_a_tunnel(
    who: Device,
    answer: bytes,
    words: str,
    transient: bool,  # noqa: FBT001
) -> None:
    """A proxy that gives no tunnel to Secrets Manager is the link `proxy`, as it is to the provider."""

    def handle(connection: socket.socket, end: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with serve(handle) as port:
        error = asked_through(who, f"http://127.0.0.1:{port}")
    assert (error.link, error.transient) == ("proxy", transient)
    assert words in error.message
    assert "HTTPS_PROXY" in error.hint


# A proxy that is itself spoken to by TLS.


def test_through_a_tls_proxy(who: Device) -> None:
    """Both services are asked through a proxy behind TLS, whose roots AWS_CA_BUNDLE names."""
    with ExitStack() as stack:
        aws = stack.enter_context(serve(tls(who, secrets_manager, whole=b"}")))
        provider = stack.enter_context(serve(tls(who, lambda connection, end: None)))
        port, asked = stack.enter_context(proxy(tls_of=who))
        variables = {"HTTPS_PROXY": f"https://me:p%40ss@localhost:{port}", "AWS_CA_BUNDLE": who.ca}
        there = device(**{**who.to_json(), "secretsmanager_endpoint": f"https://localhost:{aws}"})
        assert fetch(there, APP, credentials=handed_on(), variables=variables).answer.variables == {"A": "1"}
        assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in asked[0]
        # The server behind it closes the connection: it may refuse the certificate.
        assert fetch(at(who, provider), APP, variables=variables).error.link == "certificate"
        assert len(asked) == 2


def test_a_client_certificate_refused_behind_a_tls_proxy() -> None:
    """A certificate that is refused in the handshake is the certificate's fault behind a TLS proxy too."""
    with ExitStack() as stack:
        aws = stack.enter_context(Sandbox())
        stranger = aws.device(stranger=True, registered=False)
        who = device_with_pair(aws.folder)
        port, _ = stack.enter_context(proxy(tls_of=who))
        variables = {"HTTPS_PROXY": f"https://localhost:{port}", "AWS_CA_BUNDLE": who.ca}
        error = fetch(device_of(aws, stranger), secret("sandbox/app"), variables=variables).error
        assert (error.link, error.transient) == ("certificate", True)
        assert fetch(device_of(aws), secret("sandbox/app"), variables=variables).answer.error is None


@pytest.mark.parametrize("service", ["provider", "secrets"])
def test_a_tls_proxy_that_speaks_no_tls(who: Device, service: str) -> None:
    """`https://` before a plain proxy is a setting: what to write is said, and it is not tried again."""
    with serve(lambda connection, end: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        url = f"https://127.0.0.1:{port}"
        if service == "secrets":
            error = asked_through(who, url)
        else:
            error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": url}).error
    assert (error.link, error.transient) == ("proxy", False)
    assert "does not speak TLS" in error.message
    assert "write HTTPS_PROXY=http://HOST:PORT" in error.hint


@pytest.mark.parametrize("service", ["provider", "secrets"])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_tls_proxy_that_is_not_trusted(who: Device, service: str, name: str) -> None:
    """The certificate of a proxy is the proxy's fault, and AWS_CA_BUNDLE names its roots."""
    with proxy(tls_of=who) as (port, asked):
        url = f"https://{name}:{port}"
        more = {} if name == "localhost" else {"AWS_CA_BUNDLE": who.ca}
        if service == "secrets":
            error = asked_through(who, url, **more)
        else:
            error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": url, **more}).error
    assert (error.link, error.transient) == ("proxy", False)
    assert "the certificate of the proxy on the way to" in error.message
    assert ("another host name" in error.message) == (name != "localhost")
    assert not asked


# What is not for a proxy.


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_plain_http_never_goes_to_a_proxy(variable: str, host: str) -> None:
    """A request to an endpoint on loopback is signed, but not encrypted: no variable leads it away."""
    seen = []

    def handle(connection: socket.socket, end: threading.Event) -> None:
        seen.append(connection.recv(65536))

    def aws(connection: socket.socket, end: threading.Event) -> None:
        while not connection.recv(65536).endswith(b"}"):
            pass
        secrets_manager(connection, end)  # type: ignore[arg-type]

    with serve(handle) as port, serve(aws) as there:
        who = device(region="eu-west-1", secretsmanager_endpoint=f"http://{host}:{there}")
        variables = {variable: f"http://127.0.0.1:{port}"}
        assert fetch(who, APP, credentials=handed_on(), variables=variables).answer.variables == {"A": "1"}
    assert not seen


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """Secrets Manager redirects nobody: whoever does gets no second request."""
    seen = []

    def elsewhere(connection: socket.socket, end: threading.Event) -> None:
        seen.append(connection.recv(65536))

    with serve(elsewhere) as port:

        def aws(connection: socket.socket, end: threading.Event) -> None:
            while not connection.recv(65536).endswith(b"}"):
                pass
            head = f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())

        with serve(aws) as there:
            who = device(region="eu-west-1", secretsmanager_endpoint=f"http://127.0.0.1:{there}")
            error = fetch(who, APP, credentials=handed_on()).error
    assert (error.link, error.transient) == ("connection", True)
    assert not seen


@pytest.mark.parametrize(
    "url", ["http://192.0.2.2:80", "http://192.0.2.2:80\\@127.0.0.1:80", "http://localhost.example"]
)
def test_plain_http_stays_on_this_machine(url: str) -> None:
    """Whatever the settings have let pass: the host that would be connected to is this machine, or nothing is sent."""
    who = device(region="eu-west-1", secretsmanager_endpoint=url)
    program = "import socket; socket.getaddrinfo = lambda *_: 1 / 0"
    error = fetch(who, APP, credentials=handed_on(), program=program).error
    assert (error.link, error.transient) == ("endpoint", False)
    assert "192.0.2.2" not in error.message


def test_a_name_of_this_machine_that_leads_elsewhere() -> None:
    """A hosts file that leads `localhost` elsewhere does not lead plain HTTP there."""
    who = device(region="eu-west-1", secretsmanager_endpoint="http://localhost:9")
    program = (
        "import socket; found = (2, 1, 6, '', ('192.0.2.2', 9)); socket.getaddrinfo = lambda *_, **__: [found]\n"
        "socket.socket.connect_ex = socket.socket.connect = lambda *_: 1 / 0"
    )
    error = fetch(who, APP, credentials=handed_on(), program=program).error
    assert error.link == "DNS"
    assert "localhost cannot be resolved: it leads to another machine" in error.message
