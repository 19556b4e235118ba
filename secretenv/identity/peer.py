"""Who issued the certificate that a host presents, to name the issuer in an error.

Python shows no certificate that it does not trust. So a handshake of TLS 1.2, in which certificates are not encrypted,
is begun and broken off as soon as the certificate has arrived: nothing is sent, and nothing is trusted.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from secretenv.identity import connecting, proxy, x509
from secretenv.identity.provider_errors import plain

if TYPE_CHECKING:
    import socket

SECONDS = 3.0  # to connect, and for each step on the connection: this only adds to an error
_LARGEST = 1 << 16  # of what is read, in bytes
_HANDSHAKE, _CERTIFICATE = 22, 11  # kinds of records and of messages in them (RFC 5246, 6.2.1 and 7.4)


def issuer(endpoint: str) -> str:
    """Return the name of the issuer of the certificate at HOST[:PORT], empty where it cannot be found out.

    The connection is made like any other, except through proxies that use TLS.
    """
    url = urlsplit(f"https://{endpoint}")
    host, port = url.hostname or "", url.port or proxy.PORTS["https"]
    try:
        with _connect(host, port) as connection:
            connection.sendall(_hello(host))
            return plain(x509.read(_certificate(connection)).issuer, 80)
    except (OSError, ValueError):  # of ssl and of x509 too
        return ""


def _hello(host: str) -> bytes:
    """Return the beginning of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    hello = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname=host).do_handshake()
    return hello.read()


def _certificate(connection: socket.socket) -> bytes:
    """Return the first certificate of the other side's answer, DER.

    Raises:
        ValueError: there is none.
    """
    said = b""
    with connection.makefile("rb") as file:
        while len(said) < _LARGEST:
            head = file.read(5)
            if head[:1] != bytes([_HANDSHAKE]):
                break
            said += file.read(int.from_bytes(head[3:], "big"))
            if found := _message(said):
                # The lengths of the list and of its first certificate come before that.
                return found[6 : 6 + int.from_bytes(found[3:6], "big")]
    raise ValueError("no certificate")


def _message(said: bytes) -> bytes:
    """Return the message with the certificates, empty while it is incomplete."""
    while len(said) > 4:  # noqa: PLR2004 - the kind, and the length in three bytes
        end = 4 + int.from_bytes(said[1:4], "big")
        if said[0] == _CERTIFICATE:
            return said[4:end] if len(said) >= end else b""
        said = said[end:]
    return b""


def _connect(host: str, port: int) -> socket.socket:
    """Return a connection to a host, through the proxy if there is one."""
    way = proxy.decide(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")
    if way is None:
        return connecting.create_connection((host, port), SECONDS)
    if way.tls:
        raise OSError("TLS within TLS")
    connection = connecting.create_connection((way.host, way.port), SECONDS)
    to = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    login = f"Proxy-Authorization: {way.authorization}\r\n" if way.authorization else ""
    try:
        connection.sendall(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n".encode("ascii"))
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and len(answer) < _LARGEST and (part := connection.recv(1)):
            answer += part
    except BaseException:
        connection.close()
        raise
    return connection
