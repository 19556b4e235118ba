"""The fetcher against the sandbox's Secrets Manager, and what it refuses."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.credentials import Credentials
from secretenv.errors import SecretError
from secretenv.sandbox import Reply, Request, Sandbox

from .fetching import MARKER, VALUE, device, device_of, fetch, secret
from .servers import handed_on, serve

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable

APP = secret("sandbox/app")


def credentials(**changes: Any) -> Credentials:
    """Return credentials to hand on, unknown to AWS."""
    now = time.time()
    made = {
        "access_key_id": "ASIAUNKNOWN",
        "secret_access_key": "x" * 40,
        "session_token": "y" * 40,
        "expiration": now + 3000,
        "obtained": now - 600,
    }
    return Credentials.from_json({**made, **changes})


def test_unknown_credentials(aws: Sandbox) -> None:
    """Credentials that AWS does not know are dropped and exchanged once more, at once."""
    found = fetch(device_of(aws), APP, credentials=credentials())
    assert found.answer.variables == VALUE
    assert found.answer.credentials is not None
    assert found.answer.credentials.access_key_id != "ASIAUNKNOWN"
    assert [bool(one.error) for one in aws.requests] == [True, False]
    assert len(aws.exchanges) == 1


def test_expired_credentials(aws: Sandbox) -> None:
    """Credentials that expired before their time are exchanged once more."""
    old = fetch(device_of(aws), APP).answer.credentials
    aws.expire_credentials()
    found = fetch(device_of(aws), APP, credentials=old)
    assert found.answer.variables == VALUE
    assert len(aws.exchanges) == 2


def test_refused_credentials_are_not_handed_on(aws: Sandbox) -> None:
    """Credentials that were refused are gone, even if there are no new ones to be had."""
    aws.on_request = lambda request: Reply(status=503) if request.service == "credentials" else None
    found = fetch(device_of(aws), APP, credentials=credentials())
    assert (found.error.link, found.error.transient) == ("endpoint", True)
    assert found.answer.credentials is None


def test_credentials_refused_again(aws: Sandbox) -> None:
    """Credentials that are refused once more are an error, and are not handed on."""
    body = json.dumps({"__type": "ExpiredTokenException", "message": "The security token is expired"}).encode()
    aws.on_request = lambda request: Reply(status=400, body=body) if request.service == "aws" else None
    found = fetch(device_of(aws), APP)
    assert found.error.link == "credentials"
    assert found.answer.credentials is None
    assert len(aws.exchanges) == 2


def test_missing_secret(aws: Sandbox) -> None:
    """A missing secret may look like a missing permission: the hint says both."""
    error = fetch(device_of(aws), secret("no/such")).error
    assert isinstance(error, SecretError)
    assert error.link in ("policy", "secret")
    assert "no/such" in error.message
    assert "describe-secret --secret-id 'no/such'" in error.hint


def test_no_permission(aws: Sandbox) -> None:
    """A role without the permission is named as the cause."""
    error = fetch(device_of(aws, role_alias=aws.alias("powerless")), APP).error
    assert (error.link, error.transient) == ("policy", False)
    assert "secretsmanager:GetSecretValue" in error.hint


def test_secret_without_value(aws: Sandbox) -> None:
    """A secret without a value has no version with the label."""
    error = fetch(device_of(aws), secret(aws.secret("valueless", None))).error
    assert (error.link, error.transient) == ("secret", False)
    assert "AWSCURRENT" in error.message + error.hint


def test_unknown_stage(aws: Sandbox) -> None:
    """A label that no version has is named."""
    error = fetch(device_of(aws), secret("sandbox/app", version_stage="BLUE")).error
    assert error.link == "secret"
    assert "BLUE" in error.hint


def test_deleted_secret(aws: Sandbox) -> None:
    """A secret that is marked for deletion can be restored: the hint says how."""
    name = aws.secret("deleted", VALUE)
    aws.operator.client("secretsmanager").delete_secret(SecretId=name)
    error = fetch(device_of(aws), secret(name)).error
    assert (error.link, error.transient) == ("secret", False)
    assert "restore-secret" in error.hint


@pytest.mark.parametrize(
    ("status", "body", "link", "transient"),
    [
        (400, {"__type": "ThrottlingException", "message": "Rate exceeded"}, "throttling", True),
        (
            400,
            {"__type": "com.amazonaws#AccessDeniedException", "Message": "Access to KMS is not allowed"},
            "KMS",
            False,
        ),
        (400, {"__type": "DecryptionFailure", "Message": "no"}, "KMS", False),
        (500, {"__type": "InternalServiceError", "message": "no"}, "secret", True),
        (200, {"SecretString": MARKER}, "connection", True),
        (200, {"VersionId": "x" * 32}, "connection", True),
        (200, {"VersionId": "x" * 32, "SecretBinary": "abc"}, "connection", True),
        (200, [MARKER], "connection", True),
        (200, MARKER, "connection", True),
        (200, None, "connection", True),
        (302, "<html>", "connection", True),
        (403, "<html>", "connection", True),
    ],
)
def test_answers_of_secrets_manager(aws: Sandbox, status: int, body: Any, link: str, transient: bool) -> None:  # noqa: FBT001
    """Each refusal has its link; an answer that is not AWS's passes, and nothing of it is shown."""
    raw = b"" if body is None else json.dumps(body).encode()
    aws.on_request = lambda request: Reply(status=status, body=raw) if request.service == "aws" else None
    error = fetch(device_of(aws), APP).error
    assert isinstance(error, SecretError)
    assert (error.link, error.transient) == (link, transient)
    assert "sandbox/app" in error.message
    assert error.hint


def test_nobody_listens(aws: Sandbox) -> None:
    """A Secrets Manager that cannot be reached passes, and the credentials are handed on."""
    found = fetch(device_of(aws, secretsmanager_endpoint="http://127.0.0.1:9"), APP)
    assert isinstance(found.error, SecretError)
    assert (found.error.link, found.error.transient) == ("connection", True)
    assert found.error.message == "secret sandbox/app: 127.0.0.1:9 refuses connections"
    assert found.answer.credentials is not None


def test_unknown_host(aws: Sandbox) -> None:
    """A name of Secrets Manager that cannot be resolved is the link `DNS`."""
    error = fetch(device_of(aws, secretsmanager_endpoint="https://no-such-host.invalid"), APP).error
    assert isinstance(error, SecretError)
    assert (error.link, error.transient) == ("DNS", True)


def test_secrets_manager_hangs_up(aws: Sandbox) -> None:
    """A connection that Secrets Manager closes passes."""

    def hang_up(request: Request) -> Reply | None:
        if request.service == "aws":
            raise ConnectionError
        return None

    aws.on_request = hang_up
    error = fetch(device_of(aws), APP).error
    assert isinstance(error, SecretError)
    assert (error.link, error.transient) == ("connection", True)
    assert error.message.startswith("secret sandbox/app: ")


# Answers without end.

GIVEN = handed_on()
ZEROS = gzip.compress(b"0" * (50 << 20))


def answered(content: bytes, *more: bytes) -> Callable[..., None]:
    """Return a handler that answers any request with this, and with `more` again and again."""

    def handle(connection: socket.socket, end: threading.Event) -> None:
        while not connection.recv(65536).endswith(b"}"):
            pass
        connection.sendall(content)
        while more and not end.is_set():
            connection.sendall(more[0])

    return handle


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BLOCK = b"x" * (1 << 20)


@pytest.mark.parametrize("batch", ["", "yes"])
@pytest.mark.parametrize(
    "handle",
    [
        pytest.param(answered(b"HTTP/1.1 200 OK\r\n\r\n", BLOCK), id="a body"),
        pytest.param(answered(b"HTTP/1.1 400 No\r\n\r\n", BLOCK), id="the body of an error"),
        pytest.param(answered(b"HTTP/1.1 500 No\r\n\r\n", BLOCK), id="the body of a failure"),
        pytest.param(answered(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", BLOCK), id="a length"),
        pytest.param(answered(CHUNKED, b"100000\r\n" + BLOCK + b"\r\n"), id="chunks"),
        pytest.param(answered(CHUNKED, b"1" * 65536), id="the length of a chunk"),
        pytest.param(answered(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 60_000 + b"\r\n"), id="headers"),
        pytest.param(answered(b"HTTP/1.1 200 OK\r\nX: ", BLOCK), id="a header"),
        pytest.param(answered(b"", BLOCK), id="no HTTP"),
        pytest.param(
            answered(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZEROS) + ZEROS),
            id="packed",
        ),
        pytest.param(answered(b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 400_000), id="nested"),
    ],
)
def test_answers_without_end(handle: Callable[..., None], batch: str) -> None:
    """Not more of an answer is read than a real one can have; it is not AWS's, it passes, and memory is bounded."""
    with serve(handle) as port:
        who = device(region="eu-west-1", batch=batch, secretsmanager_endpoint=f"http://127.0.0.1:{port}")
        # The most memory that was used goes with the warnings. Not getrusage: that counts this process before its exec.
        program = (
            "import re\nfrom secretenv.protocol import Answer\nto_json = Answer.to_json\n"
            "def told(answer):\n"
            "    answer.warnings += re.findall(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())\n"
            "    return to_json(answer)\n"
            "Answer.to_json = told"
        )
        found = fetch(who, APP, credentials=GIVEN, program=program)
    assert isinstance(found.error, SecretError)
    assert (found.error.link, found.error.transient) == ("connection", True)
    (kibibytes,) = found.answer.warnings
    assert int(kibibytes) < 100 << 10


@pytest.mark.parametrize("character", ["\x01", "\u20ac", "x"])
@pytest.mark.parametrize("batch", ["", "yes"])
def test_the_largest_answer(batch: str, character: str) -> None:
    """Secrets of 64 KiB are read, 20 of them in a batch, whatever JSON makes of their characters."""
    text = character * (65536 // len(character.encode()))
    names = [f"large/{number}" for number in range(20 if batch else 1)]
    values = [{"ARN": f"arn:{n}", "Name": n, "VersionId": "v" * 32, "SecretString": text} for n in names]
    body = json.dumps({"SecretValues": values} if batch else values[0]).encode()
    with serve(answered(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))) as port:
        who = device(region="eu-west-1", batch=batch, secretsmanager_endpoint=f"http://127.0.0.1:{port}")
        wanted = [secret(name, name=f"V{i}") for i, name in enumerate(names)]
        found = fetch(who, *wanted, credentials=GIVEN).answer
    if character == "\x01":  # no variable can hold one
        assert found.error is None or found.error.link == "content", found.error
    else:
        assert found.error is None, found.error
        assert set(found.variables.values()) == {text}
