"""A name with addresses that swallow packets, as a network without a way for IPv6 has: all commands work as if not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.network import DEAD_IPV4, DEAD_IPV6, hosts, in_network, needs_networks
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.running import Program

pytestmark = needs_networks

# Both services by name.
_BOTH = "export AWS_ENDPOINT_URL_SECRETS_MANAGER=http://localhost:${AWS_ENDPOINT_URL_SECRETS_MANAGER##*:}; "


@pytest.fixture
def shell(start: Callable[..., Program], tmp_path: Path) -> Callable[..., Program]:
    """Return a function that runs a line of a shell in a sandbox where `localhost` has these addresses first."""

    def begin(line: str, *addresses: str) -> Program:
        names = hosts(tmp_path, "localhost", *addresses, "127.0.0.1")
        return start(*in_network(names, SECRETENV, "sandbox", "--", "sh", "-c", _BOTH + line))

    return begin


@pytest.mark.parametrize(
    ("line", "shows"),
    [
        ("run --start-timeout=20s -- printenv GREETING", "hello"),
        ("run --once -- printenv GREETING", "hello"),
        ("export --format json", '"GREETING"'),
        ("credentials", "AccessKeyId"),
    ],
)
def test_dead_addresses(shell: Callable[..., Program], line: str, shows: str) -> None:
    """Five IPv6 addresses before the one that answers, at both services: the next family is tried 250 ms later."""
    program = shell(f"timeout 20 secretenv {line}", *DEAD_IPV6)
    assert program.ends() == 0, program.err
    assert shows in program.out


def test_dead_addresses_of_one_family(shell: Callable[..., Program]) -> None:
    """Addresses of the same family are not waited for either."""
    program = shell("timeout 20 secretenv run -- printenv GREETING", *DEAD_IPV6[:3], *DEAD_IPV4)
    assert program.ends() == 0, program.err
    assert "hello" in program.out


def test_check_warns(shell: Callable[..., Program]) -> None:
    """`check` says which addresses do not answer, of each service, and that all is well but for them."""
    program = shell("secretenv check", *DEAD_IPV6)
    assert program.ends() == 0, program.err
    for link in ("connection", "secret"):
        (line,) = re.findall(rf"^warn +{link} .*", program.out, re.MULTILINE)
        assert "does not answer at" in line
        assert all(address in line for address in DEAD_IPV6)
    assert "all is well" in program.out


def test_all_addresses_dead(start: Callable[..., Program], tmp_path: Path) -> None:
    """Where no address answers, the link is `connection`, after the time for one connection."""
    names = hosts(tmp_path, "dead.example", *DEAD_IPV6, *DEAD_IPV4)
    line = "export SECRETENV_ENDPOINT=dead.example; secretenv check; secretenv export; secretenv credentials"
    program = start(*in_network(names, SECRETENV, "sandbox", "--", "sh", "-c", line))
    assert program.ends() == 1, program.err
    assert re.search(r"^FAIL +connection +no connection to dead.example within 5 s", program.out, re.MULTILINE)
    assert program.err.count("connection: no connection to dead.example in time") == 2


@pytest.mark.parametrize("dead", [DEAD_IPV6, DEAD_IPV4])
def test_dead_addresses_of_a_proxy(start: Callable[..., Program], tmp_path: Path, dead: list[str]) -> None:
    """The addresses of a proxy are tried in the same way: that it refuses connections is found out soon."""
    names = hosts(tmp_path, "proxy.example", *dead, "127.0.0.1")
    line = "export SECRETENV_ENDPOINT=aws.example HTTPS_PROXY=http://proxy.example:9; "
    line += "secretenv check; secretenv export"
    program = start(*in_network(names, SECRETENV, "sandbox", "--", "sh", "-c", line))
    assert program.ends() == 1, program.err
    assert re.search(r"^FAIL +proxy +proxy.example:9 refuses connections", program.out, re.MULTILINE)
    assert "proxy: the proxy on the way to aws.example cannot be reached" in program.err
