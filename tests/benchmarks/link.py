"""A slow network on loopback: a TCP relay that gives each connection a round-trip time.

Bytes arrive half a round trip after they were sent, in both directions. The kernel accepts a connection on loopback at
once, so the round trip of the TCP handshake is made up for by what is sent first: it leaves no earlier than a round
trip after the connection was opened. Everything above TCP, TLS and HTTP, pays its round trips by itself. Bandwidth
and loss are not modelled, nor the round trip that a name's lookup takes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

PIECE = 1 << 16


async def relay(to: int, round_trip: float, context: ssl.SSLContext | None = None) -> int:
    """Serve on a random port of loopback what is at the port `to`, and return that port.

    Args:
        to: a port of loopback.
        round_trip: in seconds.
        context: takes TLS off what arrives; without it bytes are bytes.
    """

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = asyncio.get_running_loop().time() + round_trip
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
            await asyncio.gather(
                _carry(reader, far_writer, round_trip / 2, opened),
                _carry(far_reader, writer, round_trip / 2, opened),
            )

    server = await asyncio.start_server(connect, "127.0.0.1", 0, ssl=context)
    return int(server.sockets[0].getsockname()[1])


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, not_before: float) -> None:
    """Carry the bytes of one direction to its end."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            at, piece = await waiting.get()
            if (left := at - loop.time()) > 0:
                await asyncio.sleep(left)
            if not piece:
                break
            writer.write(piece)
        writer.close()

    delivery = asyncio.create_task(deliver())
    while True:
        try:
            piece = await reader.read(PIECE)
        except OSError:
            piece = b""
        waiting.put_nowait((max(loop.time(), not_before) + delay, piece))
        if not piece:
            break
    with suppress(OSError):
        await delivery
