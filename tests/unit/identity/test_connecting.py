"""In which order the addresses of a name are tried."""

from __future__ import annotations

import socket

import pytest

from secretenv.identity import connecting


def entries(names: str) -> list[connecting.Entry]:
    """Return addresses: those that begin with a 6 are IPv6."""
    families = {"6": socket.AF_INET6, "4": socket.AF_INET}
    return [(families[name[0]], socket.SOCK_STREAM, 6, "", (name, 443)) for name in names.split()]


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        ("6a 6b 6c 4a 4b", "6a 4a 6b 4b 6c"),
        ("4a 6a 6b", "4a 6a 6b"),
        ("6a 6b 6c 6d 6e 4a", "6a 4a 6b 6c 6d 6e"),
        ("4a 4b", "4a 4b"),
        ("6a", "6a"),
    ],
)
def test_families_take_turns(found: str, tried: str) -> None:
    """The family of the system's first address begins; within a family the system's order counts."""
    assert connecting.in_turn(entries(found)) == entries(tried)
