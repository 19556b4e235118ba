"""`secretenv provision` on the network: whom it trusts, and what it shows of a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.fetcher.servers import device_with_pair, serve, tls
from tests.running import SECRETENV

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from tests.running import Program

OPERATOR = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_DEFAULT_REGION": "eu-west-1"}
PASSWORD = "pAsswOrd"


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("value", ["", " "])
def test_empty_variables_do_not_turn_verification_off(
    start: Callable[..., Program], tmp_path: Path, variable: str, value: str
) -> None:
    """An empty file of roots counts as not set: a stranger in place of AWS gets no request."""
    seen = []

    def stranger(connection: ssl.SSLSocket, end: threading.Event) -> None:
        seen.append(connection)

    with serve(tls(device_with_pair(tmp_path), stranger, whole=b"")) as port:
        there = {"AWS_ENDPOINT_URL": f"https://localhost:{port}", variable: value}
        program = start(SECRETENV, "provision", "app", variables={**OPERATOR, **there})
        assert program.ends() == 1
    assert "certificate verify failed" in program.err
    assert not seen


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (f"http://u:p@ss#{PASSWORD}@proxy:8080", "proxy"),
        (f"socks5://u:{PASSWORD}@127.0.0.1:1", "proxy"),
        (f"http://u:{PASSWORD}@127.0.0.1:99999", "proxy"),
        ("http://http:tp@127.0.0.1:9", "aws"),
        (f"http://h:{PASSWORD}@127.0.0.1:9", "aws"),
    ],
)
def test_the_password_of_a_proxy_is_not_shown(start: Callable[..., Program], url: str, link: str) -> None:
    """Neither of a URL that cannot be read whole, nor where botocore's stars do not cover the password."""
    program = start(SECRETENV, "provision", "app", variables={**OPERATOR, "HTTPS_PROXY": url, "HOME": "/nonexistent"})
    assert program.ends() == 1
    assert f"error: {link}: " in program.err
    assert not any(part in program.err for part in (PASSWORD, "@ss", "tp@", "127.0.0.1", "socks"))
