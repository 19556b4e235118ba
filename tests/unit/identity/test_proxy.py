"""Which proxy a connection goes through, by the variables."""

from __future__ import annotations

import base64

import pytest

from secretenv.errors import CredentialsError
from secretenv.identity.proxy import Proxy, decide, is_loopback, proxies

URL = "http://user:pAsswOrd@proxy.example:3128"
AWS = "https://aws.example/path"


@pytest.mark.parametrize(
    ("variables", "variable", "url"),
    [
        pytest.param({"HTTPS_PROXY": URL}, "HTTPS_PROXY", URL, id="upper case"),
        pytest.param({"https_proxy": "other", "HTTPS_PROXY": URL}, "https_proxy", "http://other:80", id="lower case"),
        pytest.param({"https_proxy": "", "HTTPS_PROXY": URL}, "HTTPS_PROXY", URL, id="lower case, but empty"),
        pytest.param({"https_proxy": " ", "ALL_PROXY": URL}, "ALL_PROXY", URL, id="a blank"),
        pytest.param({"HTTPS_PROXY": "https://other"}, "HTTPS_PROXY", "https://other:443", id="a proxy by TLS"),
        pytest.param({"ALL_PROXY": URL, "HTTPS_PROXY": "other"}, "HTTPS_PROXY", "http://other:80", id="ALL_PROXY last"),
        pytest.param({"all_proxy": URL, "HTTPS_PROXY": ""}, "all_proxy", URL, id="an empty one"),
        pytest.param({"HTTPS_PROXY": "other:3128"}, "HTTPS_PROXY", "http://other:3128", id="no scheme"),
        pytest.param({"HTTPS_PROXY": "//other:3128/"}, "HTTPS_PROXY", "http://other:3128", id="half a scheme"),
        pytest.param({"HTTPS_PROXY": "HTTP://other/x"}, "HTTPS_PROXY", "http://other:80", id="a path, no port"),
        pytest.param({"HTTPS_PROXY": " http://[::1]:3128\r\n"}, "HTTPS_PROXY", "http://[::1]:3128", id="IPv6, blanks"),
        pytest.param({"HTTPS_PROXY": "user@other"}, "HTTPS_PROXY", "http://user@other:80", id="a user"),
        pytest.param({"HTTPS_PROXY": "http://u:p@s:s@o"}, "HTTPS_PROXY", "http://u:p%40s%3As@o:80", id="@ and :"),
        pytest.param(
            {"HTTPS_PROXY": "http://u:a%23b%25c%@o"}, "HTTPS_PROXY", "http://u:a%23b%25c%25@o:80", id="encoded"
        ),
        pytest.param({"HTTPS_PROXY": "http://u:a b@o"}, "HTTPS_PROXY", "http://u:a%20b@o:80", id="a blank in it"),
    ],
)
def test_the_proxy_that_is_set(variables: dict[str, str], variable: str, url: str) -> None:
    """Lower case counts before upper case, the scheme's variable before ALL_PROXY; empty is not set."""
    found = decide(AWS, variables)
    assert found is not None
    assert (found.variable, found.url) == (variable, url)
    assert proxies(AWS, variables) == {"https": url}
    assert repr(found) == f"Proxy({variable}: {found.host}:{found.port})"
    assert "pAsswOrd" not in repr(found)


def test_what_a_proxy_is_asked_with() -> None:
    """User and password are decoded for the proxy; without a password nothing is sent."""
    found = Proxy("HTTPS_PROXY", "http://user:p%40ss@proxy:3128")
    assert (found.host, found.port, found.tls) == ("proxy", 3128, False)
    assert found.authorization == f"Basic {base64.b64encode(b'user:p@ss').decode()}"
    assert not Proxy("HTTPS_PROXY", "http://token@proxy").authorization


@pytest.mark.parametrize(
    "text",
    [
        "http://u:pAsswOrd#w@proxy:8080",
        "http://u:p@ss#pAsswOrd@proxy:8080",
        "u:p@ss#pAsswOrd@proxy:8080",
        "http://u:p@ss/pAsswOrd@proxy:8080",
        "http://u:p?pAsswOrd@proxy:8080",
        "http://u:80/pAsswOrd@proxy:8080",
        "http://u:80\\pAsswOrd@proxy:8080",
        "http://u:p[pAsswOrd@proxy:8080",
        "http://u:p]pAsswOrd@proxy:8080",
        "http://u:p\npAsswOrd@proxy:8080",
        "http://u:pAsswOrd@proxy:x",
        "http://u:pAsswOrd@proxy:99999",
        "http://u:pAsswOrd@proxy:0",
        "http://u:pAsswOrd@proxy:-1",
        "http://u:pAsswOrd@pro xy:1",
        "http://u:pAsswOrd@",
        "http://[u:pAsswOrd",
        "http://u:pAsswOrd@[::1",
        "http://u:pAsswOrd@::1:8080",
        "http:/u:pAsswOrd@proxy:8080",
        "http:///pAsswOrd",
        "http:/pAsswOrd",
        "http://proxy:8080?pAsswOrd",
        "http://proxy:8080#pAsswOrd",
        "socks5://u:pAsswOrd@proxy:1080",
        "socks://u:pAsswOrd@proxy",
        "SOCKS5h://u:pAsswOrd@proxy",
        "ftp://u:pAsswOrd@proxy",
        "pAsswOrd://proxy",
        "http://pAsswOrd\u2100@p:1",
        "http://u:pAsswOrd\u00e4@p:1",
        "http://u:pAsswOrd%C3%A4@p:1",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_read_whole(variable: str, text: str) -> None:
    """It is a setting to be corrected: the variable is named, nothing of its text is shown, and it does not pass."""
    with pytest.raises(CredentialsError) as caught:
        decide(AWS, {variable: text})
    error = caught.value
    assert (error.link, error.transient) == ("proxy", False)
    assert variable in error.message
    assert not any(part in f"{error.message} {error.hint}" for part in ("pAsswOrd", "p@ss", "8080", "\u00e4"))


def test_how_a_password_is_written() -> None:
    """The hint says how a password with special characters is written."""
    with pytest.raises(CredentialsError) as caught:
        decide(AWS, {"HTTPS_PROXY": "http://u:p@ss#w@proxy:8080"})
    assert "percent-encode the password: # is %23, @ is %40" in caught.value.hint


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HTTPS_PROXY": "", "https_proxy": "", "all_proxy": "", "ALL_PROXY": " ", "NO_PROXY": ""},
        {"HTTP_PROXY": URL},
        {"HTTPS_PROXY": URL, "no_proxy": "*"},
        {"HTTPS_PROXY": "http://u:p#w@p", "no_proxy": "aws.example"},
        {"HTTPS_PROXY": URL, "no_proxy": "", "NO_PROXY": "aws.example"},
    ],
)
def test_no_proxy_is_set(variables: dict[str, str]) -> None:
    """HTTP_PROXY is not for https, empty variables count as not set, and a proxy that is not used is not looked at."""
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
        ("https://aws.example", "other aws.example", True),
        ("https://aws.example", "other,\taws.example.", True),
        ("https://aws.example.", "aws.example", True),
        ("https://a.aws.example", "*.example", True),
        ("https://a.aws.example", "aws.example:443", True),
        ("https://aws.example", "other,*", True),
        ("https://10.1.2.3", "10.1.0.0/255.255.0.0", True),
        ("https://10.1.2.3:8443", "10.1.2.3:8443", True),
        ("https://10.1.2.3:8443", "10.1.2.3:443", False),
        ("https://10.1.2.3", "1.2.3", False),
        ("https://[::ffff:10.1.2.3]", "10.0.0.0/8", True),
        ("https://[2001:db8::7]:8443", "2001:db8:0::7", True),
        ("https://[2001:db8::7]:8443", "[2001:db8::7]:8443", True),
        ("https://[2001:db8::7]:8443", "[2001:db8::7]:443", False),
        ("https://[2001:db8::7]", "2001:db8::/32", True),
        ("https://[2001:db8::7]", "[2001:db8::]/32", True),
        ("https://[2001:db9::7]", "2001:db8::/32", False),
        ("https://aws.example", "::1,[,/,.,:443", False),
    ],
)
def test_exceptions(url: str, exceptions: str, direct: bool) -> None:  # noqa: FBT001
    """NO_PROXY names hosts, domains, HOST:PORT and networks, with commas or blanks between them."""
    assert (decide(url, {"HTTPS_PROXY": URL, "NO_PROXY": exceptions}) is None) == direct


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10:5000", "[::1]", "[::ffff:127.0.0.1]:1", "localhost"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_plain_http_is_direct(variable: str, host: str) -> None:
    """No variable leads plain HTTP, which is for this machine alone, to a proxy; nor TLS with its own addresses."""
    assert decide(f"http://{host}", {variable: URL}) is None
    assert (decide(f"https://{host}", {variable: URL}) is None) == (
        host != "localhost" or variable[:5].lower() == "http_"
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *[(host, True) for host in ("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1")],
        *[(host, False) for host in ("", "localhost.example", "192.0.2.1", "128.0.0.1", "::2", "127.0.0.1.nip.io")],
    ],
)
def test_loopback(host: str, loopback: bool) -> None:  # noqa: FBT001
    """This machine is `localhost`, as RFC 6761 has it, and the addresses of loopback."""
    assert is_loopback(host) == loopback
