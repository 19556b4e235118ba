"""The sandbox's servers: mutual TLS as AWS has it, and many clients at once."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.integration.sandbox.asking import address, ask
from tests.waiting import until

if TYPE_CHECKING:
    from secretenv.sandbox import Sandbox


@pytest.mark.parametrize(
    ("wrong", "alert"),
    [
        pytest.param({"stranger": True}, "unknown ca", id="stranger"),
        pytest.param({"expired": True}, "certificate expired", id="expired"),
    ],
)
def test_tls_refuses_a_certificate(sandbox: Sandbox, wrong: dict[str, Any], alert: str) -> None:
    """A certificate of a stranger's CA, or an expired one, meets a TLS alert and no HTTP answer."""
    with pytest.raises(requests.exceptions.SSLError, match=alert.replace(" ", "[ _]")):
        ask(sandbox, sandbox.device(**wrong))
    until(lambda: [seen.status for seen in sandbox.exchanges] == [0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_wants_a_certificate(sandbox: Sandbox, version: ssl.TLSVersion) -> None:
    """Without a client certificate: refused, with TLS 1.2 in the handshake, with TLS 1.3 at the first read."""
    context = ssl.create_default_context(cafile=str(sandbox.ca))
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(address(sandbox), timeout=20) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)alert"),
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.recv(1)
    until(lambda: [seen.status for seen in sandbox.exchanges] == [0])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_is_not_older_than_1_2(sandbox: Sandbox) -> None:
    """A client that speaks TLS 1.1 at most is refused."""
    context = ssl.create_default_context(cafile=str(sandbox.ca))
    context.set_ciphers("ALL:@SECLEVEL=0")  # what it takes to offer it at all
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(sandbox.first.cert, sandbox.first.key)
    with (
        socket.create_connection(address(sandbox), timeout=20) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol[ _]version"),
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass
    until(lambda: [seen.status for seen in sandbox.exchanges] == [0])


def test_the_client_must_trust_the_ca(sandbox: Sandbox) -> None:
    """A client that does not trust the sandbox's CA refuses the server."""
    cert = (str(sandbox.first.cert), str(sandbox.first.key))
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"https://{sandbox.endpoint}/role-aliases/sandbox-alias/credentials", cert=cert, timeout=20)
    until(lambda: [seen.status for seen in sandbox.exchanges] == [0])


def test_a_stuck_client_holds_up_nobody(sandbox: Sandbox) -> None:
    """Somebody who connects and says nothing does not keep others waiting, and is no exchange."""
    with socket.create_connection(address(sandbox), timeout=20):
        assert ask(sandbox).status_code == 200
    assert [seen.status for seen in sandbox.exchanges] == [200]


def test_many_devices_at_once(sandbox: Sandbox) -> None:
    """Exchanges at the same time all succeed and are all counted."""
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: ask(sandbox).status_code, range(64)))

    assert statuses == [200] * 64
    assert len(sandbox.exchanges) == 64
    assert len({seen.certificate_id for seen in sandbox.exchanges}) == 1
