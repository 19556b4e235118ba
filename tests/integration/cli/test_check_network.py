"""`secretenv check` and `secretenv credentials` on a bad network: what never ends is given up, as in a fetch."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.cli.check import walk
from secretenv.config import merge
from tests.integration.fetcher.fetching import MARKER, device
from tests.integration.fetcher.servers import KEY, serve, tls
from tests.running import BASE, PYTHON
from tests.unit.identity.certificates import certificate, pem, write

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from secretenv.settings import Device


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Return what is set for a device whose own certificate is the one that the server has too."""
    pair = write(tmp_path / "pair.pem", certificate(KEY, "localhost") + pem(KEY))
    names = ("CERT", "KEY", "CA")
    others = {"ROLE_ALIAS": "alias", "REGION": "eu-west-1", "SECRET": "app other"}
    return {f"SECRETENV_{name}": text for name, text in {**dict.fromkeys(names, pair), **others}.items()}


@pytest.fixture
def who(variables: dict[str, str]) -> Device:
    """Return the device of these variables."""
    return device(cert=variables["SECRETENV_CERT"])


def checked(variables: dict[str, str]) -> dict[str, Any]:
    """Return the document of a check that gives up after a second."""
    out = io.StringIO()
    assert walk.present(merge.read({}, variables, []), out, as_json=True, budget=1.0) == 1
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def impatiently(program: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program that gives up after a second, as a process: what it leaves hanging must not keep it."""
    begin = "import os; from secretenv.config import merge; settings = merge.read({}, os.environ, []); "
    given = [PYTHON, "-c", begin + program]
    return subprocess.run(given, env={**BASE, **variables}, capture_output=True, text=True, timeout=60, check=False)


def broken(document: dict[str, Any]) -> list[str]:
    """Return the links that broke."""
    return [step["link"] for step in document["steps"] if step["ok"] is False]


def drip(connection: socket.socket, end: threading.Event) -> None:
    """Answer byte by byte."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    while not end.wait(0.1):
        connection.sendall(b" ")


def test_a_dripping_provider(variables: dict[str, str], who: Device) -> None:
    """An answer of the credentials provider that comes byte by byte breaks the link `endpoint`, and is given up."""
    with serve(tls(who, drip)) as port:
        document = checked({**variables, "SECRETENV_ENDPOINT": f"localhost:{port}"})
    assert broken(document) == ["endpoint"]
    assert "no full answer within 1 s" in document["broken"]["text"]


def test_a_dripping_handshake(variables: dict[str, str]) -> None:
    """So is a TLS handshake that never ends."""

    def hello(connection: socket.socket, end: threading.Event) -> None:
        connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")  # the beginning of a long record
        while not end.wait(0.1):
            connection.sendall(b"\0")

    with serve(hello) as port:
        document = checked({**variables, "SECRETENV_ENDPOINT": f"localhost:{port}"})
    assert broken(document) == ["TLS"]


@pytest.mark.parametrize("batch", ["no", "yes"])
def test_a_dripping_secrets_manager(variables: dict[str, str], who: Device, batch: str) -> None:
    """An answer of Secrets Manager that comes byte by byte breaks `connection`; the next secret is not waited for."""

    def credentials(connection: ssl.SSLSocket, end: threading.Event) -> None:
        names = ("accessKeyId", "secretAccessKey", "sessionToken")
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        body = json.dumps({"credentials": {**dict.fromkeys(names, MARKER), "expiration": moment}}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with ExitStack() as stack:
        port, aws = stack.enter_context(serve(tls(who, credentials))), stack.enter_context(serve(drip))
        there = {
            "SECRETENV_ENDPOINT": f"localhost:{port}",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{aws}",
        }
        program = "from secretenv.cli.check import walk; exit(walk.main(settings, [], as_json=True, budget=1.0))"
        done = impatiently(program, {**variables, **there, "SECRETENV_BATCH": batch})
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert broken(document) == ["connection"]
    assert document["broken"]["text"] == "secret app: no full answer within 1 s"
    assert MARKER not in done.stdout


def test_a_hanging_lookup(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup that hangs in libc breaks the link `DNS`."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: threading.Event().wait())
    document = checked({**variables, "SECRETENV_ENDPOINT": "localhost:443"})
    assert broken(document) == ["DNS"]


def test_credentials(variables: dict[str, str], who: Device) -> None:
    """`secretenv credentials` gives up too: the caller does not wait for ever."""
    program = "from secretenv.cli import credential_process as c; c.obtain(settings.device, print, budget=1.0)"
    with serve(tls(who, drip)) as port:
        done = impatiently(program, {**variables, "SECRETENV_ENDPOINT": f"localhost:{port}"})
    assert done.returncode == 1
    assert re.search(r"CredentialsError: localhost:\d+ gave no full answer within 1 s$", done.stderr.strip())
    assert done.stdout == ""
