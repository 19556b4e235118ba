"""Proxies that cannot be used are the same broken link in every command, and nothing of a password is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.fetcher.servers import proxy, serve
from tests.running import SECRETENV
from tests.waiting import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

COMMANDS = (
    ["run", "--log-level=debug", "--", "true"],
    ["run", "--log-level=debug", "--log-format=json", "--", "true"],
    ["run", "--once", "--", "true"],
    ["run", "--dry-run", "--", "true"],
    ["export"],
    ["credentials"],
)
PASSWORD = "pAsswOrd"


@pytest.fixture
def refused(start: Callable[..., Program], world: World) -> Callable[..., list[str]]:
    """Return a function that runs all commands with more variables; all blame the proxy at once, and show the words."""

    def begin(words: str, **more: str) -> list[str]:
        variables = {**world.variables(), **more}
        shown = []
        for command in COMMANDS:
            program = start(SECRETENV, *command, variables=variables)
            # `run` would retry what may pass for a minute.
            assert program.ends(within=DEADLINE) == (125 if command[0] == "run" else 1), program.err
            assert words in program.err
            assert "trying again" not in program.err
            assert ('"link": "proxy"' if "--log-format=json" in command else "error: proxy: ") in program.err
            shown.append(program.err + program.out)
        check = start(SECRETENV, "check", "--json", variables=variables)
        assert check.ends() == 1
        assert json.loads(check.out)["broken"]["link"] == "proxy"
        assert words in check.out
        shown += [check.err + check.out]
        verbose = start(SECRETENV, "check", "-v", variables=variables)
        assert verbose.ends() == 1
        assert world.exchanges == 0
        return [*shown, verbose.err + verbose.out]

    return begin


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HTTPS_PROXY", f"http://u:p@ss#{PASSWORD}@proxy:8080"),
        ("https_proxy", f"http://u:p@ss/{PASSWORD}@proxy:8080"),
        ("ALL_PROXY", f"u:p@ss?{PASSWORD}@proxy:8080"),
        ("all_proxy", f"socks5://u:p@ss{PASSWORD}@proxy:8080"),
    ],
)
def test_passwords_that_end_a_url(refused: Callable[..., list[str]], variable: str, url: str) -> None:
    """Of a URL that cannot be read whole nothing is shown, at no log level: the variable is named, once and for all."""
    for shown in refused(variable, **{variable: url}):
        assert not any(part in shown for part in (PASSWORD, "@ss", "p@", "8080"))


def test_a_proxy_that_wants_a_password(refused: Callable[..., list[str]]) -> None:
    """407 does not pass: how a password is written is said."""
    with proxy(407) as (port, _):
        for shown in refused("wants a password", HTTPS_PROXY=f"http://u:{PASSWORD}@127.0.0.1:{port}"):
            assert PASSWORD not in shown


def test_tls_with_a_plain_proxy(refused: Callable[..., list[str]]) -> None:
    """`https://` before a plain proxy is told from a proxy that cannot be reached."""
    with serve(lambda connection, end: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        refused("does not speak TLS", all_proxy=f"https://u:{PASSWORD}@127.0.0.1:{port}")


def test_a_dead_proxy_that_is_not_used(start: Callable[..., Program], world: World) -> None:
    """NO_PROXY=HOST:PORT counts in every command: a proxy that is not needed may be dead, or nonsense."""
    variables = world.variables()
    more = {"HTTPS_PROXY": "http://u:p#w@127.0.0.1:9", "NO_PROXY": f"other, {variables['SECRETENV_ENDPOINT']}"}
    for command in (*COMMANDS, ["check"]):
        program = start(SECRETENV, *command, variables={**variables, **more})
        assert program.ends() == 0, program.err
