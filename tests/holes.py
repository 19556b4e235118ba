"""Addresses of this machine that take no connection and refuse none, as a firewall that drops packets does."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hole(address: str, port: int = 0) -> Iterator[socket.socket]:
    """Yield a listening socket whose queue of connections is full: Linux drops what else is sent to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    waiting = []
    with socket.socket(family) as listener:
        listener.bind((address, port))
        listener.listen(0)
        try:
            while True:
                waiting.append(socket.socket(family))
                waiting[-1].settimeout(0.1)
                waiting[-1].connect(listener.getsockname())
        except TimeoutError:
            yield listener
        finally:
            for each in waiting:
                each.close()
