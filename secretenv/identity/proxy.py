"""Which proxy a connection goes through: one decision for the exchange, Secrets Manager and `check`. Pure.

The lower-case variable counts before the upper-case one, that of the scheme before ALL_PROXY, and an empty one counts
as not set. NO_PROXY lists hosts, domains, HOST:PORT and networks, with commas or blanks between them, or `*`.
Plain HTTP, which is for this machine only, and addresses of loopback are always direct.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote, urlsplit

from secretenv.identity import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
    from urllib.parse import SplitResult

PORTS = {"https": 443, "http": 80}  # where a URL names none
HIGHEST_PORT = 65535

# A complete proxy URL. A `#`, `?`, `/` or `\` in a password would end the host part for the libraries: the rest of the
# password would become a path, or its beginning a host, which is shown.
_URL = re.compile(
    r"(?:(?P<scheme>https?)://|//)?"
    r"(?:(?P<user>[^/?#\\\[\]:\x00-\x1f\x7f]*)(?::(?P<password>[^/?#\\\[\]\x00-\x1f\x7f]*))?@)?"
    r"(?P<host>[\w.-]+|\[[0-9a-f:.]+(?:%[\w.-]+)?\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?!/)[^@?#\\\s]*)?",
    re.IGNORECASE,
)


class Proxy:
    """A proxy as a variable of the environment names it.

    Args:
        variable: the name of the variable.
        text: what is in it.

    Attributes:
        variable: the name of the variable.
        url: for the libraries alone: it may hold a password.
        host: its host, which may be shown.
        port: its port.
        tls: whether it is reached over TLS.
        authorization: the value of its header Proxy-Authorization, empty without a user.

    Raises:
        CredentialsError: it is not the complete URL of an HTTP proxy; no part of it is shown.
    """

    __slots__ = ("authorization", "host", "port", "tls", "url", "variable")

    def __init__(self, variable: str, text: str) -> None:
        self.variable = variable
        found = _URL.fullmatch(text.strip())
        if not found:
            message = messages.PROXY_OTHER_KIND if _scheme(text) else messages.PROXY_UNUSABLE
            raise message(variable=variable)
        scheme = (found["scheme"] or "http").lower()
        self.tls = scheme == "https"
        self.host = found["host"].strip("[]")
        self.port = int(found["port"] or PORTS[scheme])
        if not 0 < self.port <= HIGHEST_PORT:
            raise messages.PROXY_UNUSABLE(variable=variable)
        user, password = (None if part is None else unquote(part) for part in (found["user"], found["password"]))
        if not f"{user}{password}".isascii():
            raise messages.PROXY_NOT_ASCII(variable=variable)
        login = "" if user is None else quote(user, safe="")
        login += "" if password is None else f":{quote(password, safe='')}"
        # Rebuilt, so that all libraries read the same in it.
        self.url = f"{scheme}://{login}{'@' if login else ''}{found['host']}:{self.port}"
        self.authorization = _basic(user, password) if user and password else ""

    def __repr__(self) -> str:
        return f"Proxy({self.variable}: {self.host}:{self.port})"


def decide(url: str, environ: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy on the way to a URL, or None where the connection is direct.

    Args:
        url: where the connection goes, `https://HOST[:PORT]`.
        environ: the variables that decide.

    Raises:
        CredentialsError: the variable that decides is not the complete URL of an HTTP proxy.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    address = _address(host)
    if parts.scheme != "https" or (address is not None and address.is_loopback):
        return None
    variable = _set("https_proxy", environ) or _set("all_proxy", environ)
    if not variable or _excepted(host, _port(parts), environ.get(_set("no_proxy", environ), "")):
        return None
    return Proxy(variable, environ[variable])


def proxies(url: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the same in the form that requests and botocore take: the scheme of `url` with the proxy's URL."""
    found = decide(url, environ)
    return {urlsplit(url).scheme: found.url} if found else {}


def is_loopback(host: str) -> bool:
    """Tell whether a host, a name or an address without brackets, is this machine by definition."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _set(name: str, environ: Mapping[str, str]) -> str:
    """Return the name of the variable that is set, preferably in lower case; nothing if none is."""
    names = (name, *(each for each in environ if each != name and each.lower() == name))
    return next((each for each in names if environ.get(each, "").strip()), "")


def _scheme(text: str) -> bool:
    """Tell whether a text begins as the URL of another kind of proxy does."""
    return re.match(r"\s*(socks[45]?[ah]?|ftp|quic|file|ssl|tcp|pac\+https?)://", text, re.IGNORECASE) is not None


def _basic(user: str, password: str) -> str:
    import base64

    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _port(parts: SplitResult) -> int:
    """Return the port of a URL, 0 if it cannot be one."""
    try:
        port = parts.port
    except ValueError:
        return 0
    return PORTS.get(parts.scheme, 80) if port is None else port


def _excepted(host: str, port: int, exceptions: str) -> bool:
    """Tell whether NO_PROXY has a host, one of its domains, or the network of its address."""
    return any(_fits(host.lower(), port, entry) for entry in re.split(r"[\s,]+", exceptions.lower()) if entry)


def _fits(host: str, port: int, entry: str) -> bool:
    """Tell whether one entry of NO_PROXY has a host."""
    if entry == "*" or _in_network(host, entry):
        return True
    name, colon, number = entry.rpartition(":")
    if colon and re.fullmatch("[0-9]+", number) and (name.startswith("[") or ":" not in name):
        if int(number) != port:
            return False
        entry = name
    if _address(host) is not None:
        return _in_network(host, entry)
    name = entry.removeprefix("*").strip(".")
    return bool(name) and f".{host}".endswith(f".{name}")


def _in_network(host: str, network: str) -> bool:
    """Tell whether an address is in a network, or is the same address."""
    address = _address(host)
    if address is None:
        return False
    import ipaddress

    try:
        return address in ipaddress.ip_network(network.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False


def _address(host: str) -> Any:
    """Return the address that a host is (IPv4 for an IPv4-mapped IPv6 address), or None for a name."""
    if not re.fullmatch(r"[0-9a-f:.]+(%.*)?", host, re.IGNORECASE):
        return None
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
