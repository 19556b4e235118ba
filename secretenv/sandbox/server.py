"""An HTTP/1.1 server on loopback, with or without mutual TLS, that leaves no thread, connection or port behind.

It turns a request into a value, asks a function for the reply and sends it. What the reply is, is the business of
the services.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any

from secretenv.sandbox.authority import key_pem, make_key, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from secretenv.sandbox.authority import Authority

HANDSHAKE_TIMEOUT = 10.0  # longer than any client of a test takes; a stuck one must not hold its thread for ever
LINGER = 2.0  # how long a client may take to read why it was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it arrived."""

    service: str  # "credentials", "data" or "aws"
    method: str
    path: str  # with the query, not decoded
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    certificate: bytes = b""  # the client's, DER
    server_name: str = ""  # what the client asked for in the handshake (SNI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back; the length and the date are added."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bool = False  # the body alone goes out, not as HTTP, and the connection is closed


def json_reply(
    status: int, content: Mapping[str, Any], *, kind: str = "", media_type: str = "application/json"
) -> Reply:
    """Return a reply as AWS writes it.

    Args:
        status: HTTP's.
        content: the body.
        kind: AWS's name of the error; empty: no error.
        media_type: Content-Type of the body.
    """
    headers = {"Content-Type": media_type, "x-amzn-RequestId": str(uuid.uuid4())}
    if kind:
        headers["x-amzn-ErrorType"] = kind
    return Reply(status=status, body=json.dumps(content, separators=(",", ":")).encode(), headers=headers)


class Server(ThreadingMixIn, TCPServer):
    """A server on a random port of 127.0.0.1, a thread for each connection.

    Args:
        service: the name that requests carry.
        answer: called in the connection's thread; a ConnectionError from it closes the connection without an answer,
            a ConnectionResetError resets it.
        now: the clock of the Date header.
        context: for TLS; the handshake happens in the connection's thread, so that a stuck client holds up nobody.
        refused: called with OpenSSL's reason when one side refuses the other in the handshake.
    """

    daemon_threads = False  # joined by `stop`, which closes their connections first
    allow_reuse_address = True  # so that connections in TIME_WAIT do not keep the port taken afterwards
    request_queue_size = 128

    def __init__(
        self,
        service: str,
        answer: Callable[[Request], Reply],
        now: Callable[[], datetime],
        *,
        context: ssl.SSLContext | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        self.service = service
        self.answer = answer
        self.now = now
        self._context = context
        self._refused = refused
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = int(self.server_address[1])
        self._thread = threading.Thread(target=self._accept, name=f"sandbox-{service}")

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for all threads."""
        with self._lock:
            self._stopping = True
            for connection in self._open:
                _hang_up(connection)
        _hang_up(self.socket)  # wakes accept()
        self._thread.join()
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection until the client or `stop` ends it."""
        if self._context is None:
            with self._tracked(request):
                self._serve(request, client_address)
            return
        connection = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        with connection, self._tracked(connection):
            connection.settimeout(HANDSHAKE_TIMEOUT)
            try:
                connection.do_handshake()
            except ssl.SSLEOFError:
                return  # the client went away; nobody refused anything
            except ssl.SSLError as error:
                if self._refused:
                    self._refused(error.reason)
                _let_read(connection)
                return
            connection.settimeout(None)
            self._serve(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore broken connections, which clients cause; show everything else, which is a bug."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _serve(self, connection: socket.socket, client_address: Any) -> None:
        try:
            _Handler(connection, client_address, self)
        except ConnectionResetError:
            # With a linger time of zero, closing a connection resets it (socket(7), SO_LINGER).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def _accept(self) -> None:
        # Not serve_forever: its stop takes up to a poll interval, and its polling wakes an idle machine.
        while not self._stopping:
            try:
                request, client_address = self.get_request()
            except OSError:
                continue
            self.process_request(request, client_address)

    @contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            if self._stopping:
                _hang_up(connection)
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one piece, else Nagle and delayed ACK make each reply 40 ms late
    server: Server

    def handle_request(self) -> None:
        """Read one request, ask for the reply, send it."""
        tls = self.connection if isinstance(self.connection, ssl.SSLSocket) else None
        request = Request(
            service=self.server.service,
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            certificate=(tls.getpeercert(binary_form=True) or b"") if tls else b"",
            server_name=getattr(tls, "asked_for", ""),
        )
        reply = self.server.answer(request)
        if reply.raw:
            self.wfile.write(reply.body)
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        self.send_header("Date", format_datetime(self.server.now(), usegmt=True))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    # The names are those that BaseHTTPRequestHandler looks for.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's own name
        """Keep standard error clean."""


def server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    """Return TLS as AWS has it: 1.2 or newer, and nobody gets in without a certificate that the authority signed."""
    key = make_key("ec")
    certificate = write_private(folder / "server.pem", authority.server(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem.decode())
    context.load_cert_chain(certificate, write_private(folder / "server.key", key_pem(key)))
    context.sni_callback = _remember_server_name
    return context


def _remember_server_name(connection: Any, name: str | None, _context: ssl.SSLContext) -> None:
    """Keep the name that the client asked for where the request finds it."""
    connection.asked_for = name or ""


def _hang_up(connection: socket.socket) -> None:
    # Of the plain socket class: SSLSocket.shutdown would take the TLS object away from the thread that uses it.
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _let_read(connection: socket.socket) -> None:
    """Wait until the refused client has closed: unread data would turn the alert into a reset."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)
        socket.socket.settimeout(connection, LINGER)
        while socket.socket.recv(connection, 4096):
            pass
