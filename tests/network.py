"""A network of a test's own, in a namespace: loopback, a wire that swallows all packets, and its own /etc/hosts."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Documentation addresses (RFC 3849, RFC 5737); nobody answers at the other end of the wire.
DEAD_IPV6 = [f"2001:db8::{number}" for number in range(101, 106)]
DEAD_IPV4 = [f"192.0.2.{number}" for number in range(101, 106)]

# $0: the file to show as /etc/hosts. Without ARP packets leave for addresses that nobody has.
_NETWORK = r"""
set -eu
ip link set lo up
ip link add wire type veth peer name end
for side in wire end; do ip link set $side arp off; done
ip addr add 192.0.2.1/24 dev wire
ip addr add 2001:db8::1/64 dev wire nodad
for side in wire end; do ip link set $side up; done
mount --bind "$0" /etc/hosts
exec "$@"
"""


def in_network(hosts: Path, *words: str) -> list[str]:
    """Return the words that run a program in a network of its own, whose names are those of a file."""
    return ["unshare", "--net", "--mount", "sh", "-c", _NETWORK, str(hosts), *words]


needs_networks = pytest.mark.skipif(
    os.geteuid() != 0
    or subprocess.run(["unshare", "--net", "ip", "link", "add", "wire", "type", "veth"], check=False).returncode != 0,
    reason="needs root, ip (apt install iproute2), and network namespaces",
)


def hosts(folder: Path, name: str, *addresses: str) -> Path:
    """Write a hosts file in which a name has these addresses, and return its path."""
    file = folder / "hosts"
    file.write_text("".join(f"{address} {name}\n" for address in addresses), "utf-8")
    return file
