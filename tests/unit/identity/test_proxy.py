"""Which proxy a connection goes through, by the variables."""

from __future__ import annotations

import pytest

from secretenv.identity.proxy import Proxy, decide, proxies

URL = "http://user:pAsswOrd@proxy.example:3128"
AWS = "https://aws.example/path"


@pytest.mark.parametrize(
    ("variables", "variable", "host", "port"),
    [
        pytest.param({"HTTPS_PROXY": URL}, "HTTPS_PROXY", "proxy.example", 3128, id="upper case"),
        pytest.param({"https_proxy": "other", "HTTPS_PROXY": URL}, "https_proxy", "other", 80, id="lower case first"),
        pytest.param({"HTTPS_PROXY": "https://other"}, "HTTPS_PROXY", "other", 443, id="a proxy by TLS"),
        pytest.param({"ALL_PROXY": URL, "HTTPS_PROXY": "other"}, "HTTPS_PROXY", "other", 80, id="ALL_PROXY last"),
        pytest.param({"all_proxy": URL, "HTTPS_PROXY": ""}, "all_proxy", "proxy.example", 3128, id="an empty one"),
        pytest.param({"HTTPS_PROXY": "http://[::1]:3128"}, "HTTPS_PROXY", "::1", 3128, id="IPv6"),
        pytest.param({"HTTPS_PROXY": "http://u:pAsswOrd@p:x"}, "HTTPS_PROXY", "p", 0, id="no port"),
        pytest.param({"HTTPS_PROXY": "http://[u:pAsswOrd"}, "HTTPS_PROXY", "", 0, id="no URL"),
        pytest.param({"HTTPS_PROXY": "http://pAsswOrd\u2100@p:1"}, "HTTPS_PROXY", "", 0, id="characters of no URL"),
    ],
)
def test_the_proxy_that_is_set(variables: dict[str, str], variable: str, host: str, port: int) -> None:
    """Lower case counts before upper case, the scheme's variable before ALL_PROXY; nothing of a password is shown."""
    found = decide(AWS, variables)
    assert found is not None
    assert (found.variable, found.host, found.port) == (variable, host, port)
    assert proxies(AWS, variables) == {"https": variables[variable]}
    assert "pAsswOrd" not in repr(found)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HTTP_PROXY": URL},
        {"https_proxy": "", "HTTPS_PROXY": URL},
        {"HTTPS_PROXY": URL, "no_proxy": "*"},
    ],
)
def test_no_proxy_is_set(variables: dict[str, str]) -> None:
    """HTTP_PROXY is not for https, and an empty variable in lower case switches the other off."""
    assert decide(AWS, variables) is None
    assert proxies(AWS, variables) == {}


@pytest.mark.parametrize(
    ("url", "exceptions", "direct"),
    [
        ("https://aws.example", "aws.example", True),
        ("https://AWS.example", "other, .Example", True),
        ("https://aws.example", "ws.example", False),
        ("https://aws.example", "aws.example.com", False),
        ("https://aws.example", ", ,", False),
        ("https://aws.example:8443", "aws.example:8443", True),
        ("https://aws.example:8443", "aws.example:443", False),
        ("https://aws.example", "aws.example:443", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.0.0.0/x,10.1.2.3", True),
        ("https://aws.example", "10.0.0.0/8", False),
        ("https://[::1]:8443", "::1", True),
        ("https://[::1]:8443", "[::1]:8443", True),
    ],
)
def test_exceptions(url: str, exceptions: str, direct: bool) -> None:  # noqa: FBT001
    """NO_PROXY names hosts, domains, HOST:PORT and networks."""
    assert (decide(url, {"HTTPS_PROXY": URL, "NO_PROXY": exceptions}) is None) == direct


def test_plain_http_stays_on_loopback() -> None:
    """ALL_PROXY does not lead plain HTTP, which is for loopback alone, off this machine."""
    assert decide("http://127.0.0.1:5000", {"ALL_PROXY": URL, "HTTPS_PROXY": URL}) is None
    assert isinstance(decide("http://127.0.0.1:5000", {"HTTP_PROXY": URL}), Proxy)
