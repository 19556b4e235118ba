"""The fetcher behind proxies: those that tunnel, refuse, hang or are none."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from secretenv.sandbox import Sandbox

from .fetching import device, device_of, fetch, secret
from .servers import QUICK, at, device_with_pair, handed_on, proxy, secrets_manager, serve, tls

if TYPE_CHECKING:
    import socket
    import threading
    from pathlib import Path

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
    """A proxy that wants a password is the link `proxy`."""
    with proxy(407) as (port, _):
        error = fetch(at(who, 443), APP, variables={"HTTPS_PROXY": f"http://127.0.0.1:{port}"}).error
    assert (error.link, error.transient) == ("proxy", True)
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
