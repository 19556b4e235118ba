"""Servers that hang, drip, break off or speak something else, and proxies, on this machine."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from secretenv.credentials import Credentials
from tests.unit.identity.certificates import certificate, ec_key, pem, write

from .fetching import device, wired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretenv.settings import Device

# A fetcher that waits half a second for the credentials provider.
QUICK = wired("partial(provider.ask, timeouts=(0.5, 0.5))")
KEY = ec_key()
ANSWER = json.dumps({"VersionId": "v" * 32, "SecretString": '{"A": "1"}'}).encode()


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


def tls(
    who: Device,
    then: Callable[[ssl.SSLSocket, threading.Event], None],
    whole: bytes = b"\r\n\r\n",
    most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> Callable[..., None]:
    """Return a handler that shakes hands, reads the request and goes on with `then`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = most
    context.load_cert_chain(who.cert)

    def handle(connection: socket.socket, end: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            while not (part := wrapped.recv(65536)).endswith(whole):
                if not part:
                    return
            then(wrapped, end)

    return handle


def device_with_pair(folder: Path, name: str = "localhost") -> Device:
    """Return a device whose own certificate is the one that the server has too, for this host."""
    pair = write(folder / f"{name}.pem", certificate(KEY, name) + pem(KEY))
    return device(cert=pair, key=pair, ca=pair, role_alias="alias", region="eu-west-1")


def at(who: Device, port: int) -> Device:
    """Return the device with its endpoint on a port of this machine."""
    return device(**{**who.to_json(), "endpoint": f"localhost:{port}"})


def handed_on() -> Credentials:
    """Return credentials of an earlier fetch."""
    now = time.time()
    return Credentials(
        access_key_id="ASIA", secret_access_key="s", session_token="t", expiration=now + 3000, obtained=now - 600
    )


def secrets_manager(connection: ssl.SSLSocket, end: threading.Event) -> None:
    """Answer any request with a secret."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER))


@contextmanager
def proxy(status: int = 200, tls_of: Device | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Run a proxy that tunnels to wherever it is asked, or refuses; by TLS with somebody's certificate."""
    asked: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls_of:
        context.load_cert_chain(tls_of.cert)

    def handle(plain: socket.socket, end: threading.Event) -> None:
        connection = context.wrap_socket(plain, server_side=True) if tls_of else plain
        with connection:
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
