"""Which proxy a connection goes through: one decision for the exchange, Secrets Manager and `check`. Pure.

The lower-case variable counts before the upper-case one, and that of the scheme before ALL_PROXY. NO_PROXY lists hosts,
domains, HOST:PORT and networks of IPv4 addresses, or is `*`.
"""

from __future__ import annotations

import os
from urllib.parse import SplitResult, urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PORTS = {"https": 443, "http": 80}  # where a URL names none
# Plain HTTP is for loopback only; ALL_PROXY does not lead it away from there.
_VARIABLES = {"https": ("https_proxy", "all_proxy"), "http": ("http_proxy",)}


class Proxy:
    """A proxy as the environment names it.

    Attributes:
        url: as it was written, for the libraries alone: it may hold a password.
        variable: the name of the variable that holds it.
        host: its host, which may be shown; empty if the URL has none.
        port: its port; 0 if that cannot be told.
    """

    __slots__ = ("host", "port", "url", "variable")

    def __init__(self, variable: str, url: str) -> None:
        self.variable = variable
        self.url = url
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
        except ValueError:  # whose text may be the URL's
            parts = urlsplit("")
        self.host = parts.hostname or ""
        self.port = _port(parts) if self.host else 0

    def __repr__(self) -> str:
        return f"Proxy({self.variable}: {self.host}:{self.port})"


def decide(url: str, environ: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy on the way to a URL, or None where the connection is direct.

    Args:
        url: where the connection goes, `https://HOST[:PORT]`.
        environ: the variables that decide.
    """
    parts = urlsplit(url)
    for kind in _VARIABLES.get(parts.scheme, ()):
        if variable := _set(kind, environ):
            break
    else:
        return None
    exceptions = environ.get(_set("no_proxy", environ), "")
    if _excepted((parts.hostname or "").lower(), _port(parts), exceptions):
        return None
    return Proxy(variable, environ[variable])


def proxies(url: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the same in the form that requests and botocore take: the scheme of `url` with the proxy's URL."""
    found = decide(url, environ)
    return {urlsplit(url).scheme: found.url} if found else {}


def _set(kind: str, environ: Mapping[str, str]) -> str:
    """Return the name of the variable that is set, or nothing. An empty one in lower case switches the other off."""
    if kind in environ:
        return kind if environ[kind] else ""
    return next((name for name, value in environ.items() if value and name.lower() == kind), "")


def _port(parts: SplitResult) -> int:
    """Return the port of a URL, 0 if it cannot be one."""
    try:
        port = parts.port
    except ValueError:
        return 0
    return PORTS.get(parts.scheme, 80) if port is None else port


def _excepted(host: str, port: int, exceptions: str) -> bool:
    """Tell whether NO_PROXY has a host, one of its domains, or the network of its address."""
    if exceptions.strip() == "*":
        return True
    names = (host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}")
    for entry in exceptions.lower().replace(" ", "").split(","):
        name = entry.lstrip(".")
        if name and any(f".{each}".endswith(f".{name}") for each in names):
            return True
        if "/" in name and _in_network(host, name):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.IPv4Address(host) in ipaddress.IPv4Network(network, strict=False)
    except ValueError:
        return False
