"""A stranger in place of Secrets Manager: a certificate of its own, and behind it the answers of the real one."""

from __future__ import annotations

import ssl
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from secretenv.sandbox.authority import Authority, key_pem, make_key
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program


class _Relay(BaseHTTPRequestHandler):
    """Passes each request on to the sandbox, as one who listens in would."""

    def do_POST(self) -> None:
        """Answer what the sandbox answers."""
        server = self.server
        assert isinstance(server, Stranger)
        server.overheard.append(str(self.headers["X-Amz-Security-Token"]))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        with urllib.request.urlopen(urllib.request.Request(server.behind, body, headers)) as answer:
            content = answer.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""


class Stranger(ThreadingHTTPServer):
    """Who answers in place of Secrets Manager.

    Attributes:
        overheard: the session tokens that it was given.
        behind: the address of the real one.
    """

    def __init__(self, behind: str, pair: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.behind = behind
        self.overheard: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair)

    def get_request(self) -> tuple[ssl.SSLSocket, object]:
        """Shake hands in the thread that accepts: there is one client at a time."""
        connection, address = super().get_request()
        try:
            return self._context.wrap_socket(connection, server_side=True), address
        except OSError:
            connection.close()
            raise


@pytest.fixture
def stranger(world: World, tmp_path: Path) -> Iterator[Stranger]:
    """Return a stranger with a self-made certificate for the right name."""
    key = make_key("ec")
    pair = tmp_path / "stranger.pem"
    pair.write_bytes(Authority("nobody's roots").server(key) + key_pem(key))
    with Stranger(world.sandbox.url, pair) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param("", id="no variable"),
        pytest.param(
            "AWS_CA_BUNDLE",
            id="an empty variable",
            # botocore before 1.43.54 turns verification off; later ones make no client.
        ),
    ],
)
@pytest.mark.parametrize(
    ("words", "status"),
    [(("run", "--", "true"), 125), (("check", "--json"), 1), (("export",), 1)],
    ids=["run", "check", "export"],
)
def test_a_stranger_gets_nothing(
    start: Callable[..., Program], world: World, stranger: Stranger, words: tuple[str, ...], status: int, empty: str
) -> None:
    """A certificate of nobody's is refused, and no token is sent; an empty AWS_CA_BUNDLE counts as not set."""
    address = f"https://localhost:{stranger.server_port}"
    variables = {**world.variables(), "AWS_ENDPOINT_URL_SECRETS_MANAGER": address, **({empty: ""} if empty else {})}
    program = start(SECRETENV, *words, variables=variables)
    assert program.ends() == status, program.out
    assert "certificate" in program.err + program.out
    assert stranger.overheard == []
