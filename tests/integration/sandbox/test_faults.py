"""Faults of the sandbox are what they say: seen by plain sockets, `requests` and boto3, not by secretenv."""

from __future__ import annotations

import json
import re
import select
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import SettingsError
from secretenv.sandbox import Reply, Sandbox
from secretenv.sandbox.command import serve
from secretenv.sandbox.fault_answers import RUBBISH
from secretenv.sandbox.faults import FORMS, SERVICES, parse
from tests.integration.sandbox.asking import ask
from tests.integration.sandbox.test_secretsmanager import EXPIRED, client, keys, refused
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOTH = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(autouse=True)
def cleared(one_sandbox: Sandbox) -> Iterator[None]:
    """Begin with nothing met, and leave no fault to the next test."""
    one_sandbox.faults.met = 0
    yield
    one_sandbox.faults.clear()


def connect(sandbox: Sandbox, service: str) -> socket.socket:
    """Return a connection to a service with a request sent: for credentials, or one that nobody has signed."""
    address = sandbox.endpoint if service == "credentials" else sandbox.url.partition("://")[2]
    host, _, port = address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    path = "/role-aliases/sandbox-alias/credentials"
    if service == "credentials":
        context = ssl.create_default_context(cafile=str(sandbox.ca))
        context.load_cert_chain(sandbox.first.cert, sandbox.first.key)
        connection = context.wrap_socket(connection, server_hostname=host)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return connection


def read(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    received = b""
    with connection, suppress(ssl.SSLEOFError):
        while part := connection.recv(65536):
            received += part
    return received


def below(connection: socket.socket) -> socket.socket:
    """Return the TCP connection of a TLS one, whose library takes a reset for an end."""
    plain = socket.socket(fileno=connection.detach())
    plain.settimeout(20)
    return plain


def raw(sandbox: Sandbox, service: str) -> bytes:
    """Return the bytes of an answer."""
    return read(connect(sandbox, service))


def status_of(answer: bytes) -> int:
    """Return the status in the bytes of an answer."""
    return int(answer.split(b" ", 2)[1])


@BOTH
def test_without_faults(sandbox: Sandbox, service: str) -> None:
    """Without faults, and after a clear, both services answer; of an unsigned request that it is unsigned."""
    sandbox.faults.set(f"{service}:status=503")
    sandbox.faults.clear()
    assert status_of(raw(sandbox, service)) == (200 if service == "credentials" else 400)
    assert sandbox.faults.met == 0


@BOTH
def test_reset_and_close(sandbox: Sandbox, service: str) -> None:
    """`close` ends the connection, `reset` tears it down (RST); neither answers."""
    sandbox.faults.set(f"{service}:close")
    assert raw(sandbox, service) == b""
    read(below(connect(sandbox, service)))
    sandbox.faults.set(f"{service}:reset")
    with pytest.raises(ConnectionResetError):
        read(below(connect(sandbox, service)))


@BOTH
def test_black_hole(sandbox: Sandbox, service: str) -> None:
    """A black hole takes the request and says nothing, until it is cleared: then it hangs up."""
    sandbox.faults.set(f"{service}:black-hole")
    before = sandbox.faults.met
    connection = connect(sandbox, service)
    until(lambda: sandbox.faults.met > before)
    if isinstance(connection, ssl.SSLSocket):  # what TLS 1.3 sends by itself, after the handshake, is no answer
        connection.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):
            connection.recv(1)
        connection.settimeout(20)
    assert not select.select([connection], [], [], 0.3)[0]
    sandbox.faults.clear()
    assert read(connection) == b""


@BOTH
def test_a_black_hole_does_not_hold_up_the_end(service: str) -> None:
    """What waits ends with the sandbox, and leaves no thread."""
    before = set(threading.enumerate())
    with Sandbox() as sandbox:
        sandbox.faults.set(f"{service}:black-hole")
        connection = connect(sandbox, service)
        until(lambda: sandbox.faults.met)
    assert read(connection) == b""
    assert set(threading.enumerate()) <= before


@BOTH
def test_latency(sandbox: Sandbox, service: str) -> None:
    """Latency delays the answer; when it is cleared, what waits is answered."""
    sandbox.faults.set(f"{service}:latency=100ms")
    assert status_of(raw(sandbox, service)) in {200, 400}
    sandbox.faults.set(f"{service}:latency=1h")
    before = sandbox.faults.met
    connection = connect(sandbox, service)
    until(lambda: sandbox.faults.met > before)
    if service == "secretsmanager":  # TLS has records of its own to send
        assert not select.select([connection], [], [], 0.2)[0]
    sandbox.faults.clear()
    assert status_of(read(connection)) in {200, 400}


@BOTH
def test_several_at_once(sandbox: Sandbox, service: str) -> None:
    """Several faults of one service add up, and the first that answers wins; the other service has its own."""
    other = next(name for name in SERVICES if name != service)
    sandbox.faults.set(f"{service}:latency=50ms", f"{service}:status=418", f"{service}:close", f"{other}:status=502")
    assert status_of(raw(sandbox, service)) == 418
    assert status_of(raw(sandbox, other)) == 502


@BOTH
def test_truncated(sandbox: Sandbox, service: str) -> None:
    """Half of the real body comes under the length of the whole."""
    head, _, body = raw(sandbox, service).partition(b"\r\n\r\n")
    sandbox.faults.set(f"{service}:truncated")
    cut, _, half = raw(sandbox, service).partition(b"\r\n\r\n")
    lengths = [int(found) for text in (head, cut) if (found := re.findall(rb"Content-Length: (\d+)", text)[0])]
    assert lengths[0] == len(body)
    assert len(half) == lengths[1] // 2 < lengths[1]
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(half)


@BOTH
def test_rubbish(sandbox: Sandbox, service: str) -> None:
    """Rubbish is bytes that are no HTTP, or HTTP with a body that is no JSON."""
    sandbox.faults.set(f"{service}:rubbish=http")
    assert raw(sandbox, service) == RUBBISH["http"]
    sandbox.faults.set(f"{service}:rubbish=json")
    answer = raw(sandbox, service)
    assert status_of(answer) == 200
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(answer.partition(b"\r\n\r\n")[2])


@BOTH
def test_portal(sandbox: Sandbox, service: str) -> None:
    """A captive portal answers with a page, or leads to one."""
    sandbox.faults.set(f"{service}:portal")
    page = raw(sandbox, service)
    assert status_of(page) == 200
    assert b"\r\nContent-Type: text/html" in page
    assert b"<form>" in page
    sandbox.faults.set(f"{service}:portal=redirect")
    redirect = raw(sandbox, service)
    assert status_of(redirect) == 302
    assert b"\r\nLocation: http://portal.invalid/" in redirect


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("status=400", 400, "InvalidRequestException"),
        ("status=403", 403, "AccessDeniedException"),
        ("status=404", 404, "ResourceNotFoundException"),
        ("status=429", 429, "ThrottlingException"),
        ("throttling", 429, "ThrottlingException"),
        ("status=500", 500, "InternalFailureException"),
        ("status=503", 503, "ServiceUnavailableException"),
    ],
)
def test_status_of_credentials(sandbox: Sandbox, fault: str, status: int, kind: str) -> None:
    """A status of the credentials provider comes with AWS's message, error type and request id, and is noted."""
    sandbox.faults.set(f"credentials:{fault}")
    answer = ask(sandbox)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (status, kind)
    assert answer.json()["message"]
    assert answer.headers["x-amzn-RequestId"]
    assert [seen.status for seen in sandbox.exchanges] == [status]


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("status=400", 400, "AccessDeniedException"),
        ("status=429", 429, "TooManyRequestsException"),
        ("throttling", 400, "ThrottlingException"),
        ("status=500", 500, "InternalServiceError"),
        ("status=503", 503, "ServiceUnavailableException"),
        ("expired-token", *EXPIRED[:2]),
    ],
)
def test_status_of_secrets_manager(sandbox: Sandbox, fault: str, status: int, kind: str) -> None:
    """A status of Secrets Manager comes with AWS's code and request id, and is noted; the operator is still served."""
    credentials = keys(sandbox)
    sandbox.faults.set(f"secretsmanager:{fault}")
    answer = refused(client(sandbox, credentials).get_secret_value, SecretId="sandbox/app")
    assert answer[:2] == (status, kind)
    assert [seen.error for seen in sandbox.requests] == [kind]
    assert sandbox.rotate("sandbox/app", {"GREETING": "meanwhile"})


@BOTH
def test_a_status_that_is_not_aws_s(sandbox: Sandbox, service: str) -> None:
    """Any other status comes with a body that AWS would not send."""
    sandbox.faults.set(f"{service}:status=511")
    answer = raw(sandbox, service)
    assert status_of(answer) == 511
    assert b"text/plain" in answer


def test_expired_token_of_credentials(sandbox: Sandbox) -> None:
    """The credentials that are given expired an hour ago, and whoever uses them is refused; others are not."""
    good = keys(sandbox)
    sandbox.faults.set("credentials:expired-token")
    given = ask(sandbox).json()["credentials"]
    assert datetime.fromisoformat(given["expiration"]) < datetime.now(UTC)
    assert refused(client(sandbox, keys(sandbox)).get_secret_value, SecretId="sandbox/app") == EXPIRED
    assert client(sandbox, good).get_secret_value(SecretId="sandbox/app")["VersionId"]
    sandbox.faults.set("credentials:expired-token", "credentials:status=503")
    assert ask(sandbox).status_code == 503


@pytest.mark.parametrize(
    ("offset", "words"), [("+10m", "Signature expired: "), ("-10m", "Signature not yet current: ")]
)
def test_clock(sandbox: Sandbox, offset: str, words: str) -> None:
    """AWS's clock goes differently for devices; the operator goes on."""
    secretsmanager = client(sandbox)
    sandbox.faults.set(f"clock={offset}")
    assert refused(secretsmanager.get_secret_value, SecretId="sandbox/app")[2].startswith(words)
    expiration = datetime.fromisoformat(ask(sandbox).json()["credentials"]["expiration"])
    assert ((expiration - datetime.now(UTC)).total_seconds() > 3600) == (offset == "+10m")
    assert sandbox.rotate("sandbox/app", {"GREETING": "meanwhile"})


def test_a_hook_comes_first(sandbox: Sandbox) -> None:
    """A test's own hook is asked before any fault, and works beside it."""
    sandbox.faults.set("credentials:status=503")
    sandbox.on_request = lambda _: Reply(status=429, body=b"{}")
    assert ask(sandbox).status_code == 429
    sandbox.on_request = lambda _: None
    assert ask(sandbox).status_code == 503


def test_switching_under_load(sandbox: Sandbox) -> None:
    """Faults may be switched by one thread while others are being answered."""
    statuses: set[int] = set()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(raw, sandbox, "secretsmanager") for _ in range(60)]
        while not all(one.done() for one in asked):
            sandbox.faults.set("secretsmanager:status=503")
            sandbox.faults.clear()
        statuses |= {status_of(one.result()) for one in asked}
    assert statuses <= {400, 503}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no ''"),
        ("black-hole", "there is no 'black-hole'"),
        ("credential:close", "did you mean credentials"),
        ("credentials:blackhole", "did you mean black-hole"),
        ("credentials:", "''"),
        ("credentials:close=1", "close takes no value"),
        ("credentials:latency", "duration"),
        ("credentials:latency=fast", "duration"),
        ("credentials:status", "status from 300"),
        ("credentials:status=200", "status from 300"),
        ("credentials:status=³00", "status from 300"),
        ("secretsmanager:rubbish=xml", "xml"),
        ("secretsmanager:portal=door", "door"),
        ("clock=600s", "begins with"),
        ("clock", "begins with"),
        ("clock=+soon", "duration"),
    ],
)
def test_what_is_no_fault(sandbox: Sandbox, text: str, says: str) -> None:
    """A word that is no fault is an error that says why, with a hint that has all that are; nothing is switched."""
    sandbox.faults.set("clock=+1s")
    with pytest.raises(SettingsError, match=says) as caught:
        sandbox.faults.set("credentials:close", text)
    assert all(form in caught.value.hint for form in [*FORMS.values(), *SERVICES, "clock=+600s"])
    assert [fault.text for fault in sandbox.faults.current()] == ["clock=+1s"]
    with pytest.raises(SettingsError, match="not a fault"):
        serve(["true"], [text])


def test_words_with_values() -> None:
    """The words are read as durations, statuses and offsets are everywhere; a first choice may be left out."""
    assert parse(" credentials:latency=1m30s ").seconds == 90
    assert parse("clock=-2h").seconds == -7200
    assert parse("secretsmanager:portal") != parse("secretsmanager:portal=page")
    assert parse("secretsmanager:portal").value == parse("secretsmanager:portal=page").value == "page"


def test_a_file_switches_faults(tmp_path: Path) -> None:
    """A file that is followed is read for each request; a line that is no fault is told of, once."""
    file, complaints = tmp_path / "faults", list[SettingsError]()
    with Sandbox() as own:
        own.faults.set("secretsmanager:status=503")
        own.faults.follow(file, complaints.append)
        assert file.read_text() == "secretsmanager:status=503\n"
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_text("\n nonsense\n secretsmanager:status=429\n")
        assert [status_of(raw(own, "secretsmanager")) for _ in range(3)] == [429] * 3
        assert ["nonsense" in error.message for error in complaints] == [True]
        own.faults.set("secretsmanager:status=418")
        assert file.read_text() == "secretsmanager:status=418\n"
        file.unlink()
        assert status_of(raw(own, "secretsmanager")) == 400
