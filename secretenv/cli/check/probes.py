"""What `secretenv check` looks at, one function for a link of the chain: each returns the step, or raises what broke.

Which of them are asked, and in which order, is the business of `check`.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from secretenv.cli.check.report import Step
from secretenv.errors import CredentialsError
from secretenv.identity import certificate, connection_errors, messages, proxy, x509
from secretenv.identity.provider_errors import date_of, plain
from secretenv.wording import many, moment, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.credentials import Credentials
    from secretenv.errors import Link, SecretenvError
    from secretenv.fetcher.variables import Reading
    from secretenv.identity.certificate import Context
    from secretenv.settings import Device

CONNECT = 5  # seconds
SHOWN = 4  # addresses of a name
SKEW = 300  # seconds that AWS lets a signature's clock be wrong
SPOKEN_OF = 60  # seconds that a clock may be wrong without a word


def certificate_file(device: Device, said: x509.Certificate | None) -> Step:
    """Tell whose certificate it is."""
    if said is None:
        return Step("certificate file", ok=True, text=device.cert)
    details = (f"certificate id {said.fingerprint}", f"serial number {said.serial:x}")
    return Step("certificate file", ok=True, text=f"{device.cert}: {_names(said)}", details=details)


def key_file(device: Device) -> tuple[str, Step]:
    """Return the key's text, and the step."""
    key = certificate.read_key(device)
    locked = f", encrypted, its password in {device.key_password_file}" if device.key_password_file else ""
    return key, Step("key file", ok=True, text=f"{certificate.key_file(device)}{locked}")


def roots(device: Device, context: Context) -> Step:
    """Load the roots and count them."""
    certificate.trust(context, device.ca)
    count = context.cert_store_stats()["x509"]
    return Step("roots file", ok=True, text=f"{many(count, 'root')} of {device.ca or 'certifi'}")


def pair(device: Device, context: Context, key: str) -> Step:
    """Load certificate and key."""
    certificate.load_pair(context, device, key)
    return Step("key", ok=True, text="it is the certificate's")


def dates(device: Device, said: x509.Certificate | None, now: float) -> Step:
    """Tell how long the certificate is valid."""
    warning = certificate.check_dates(device, said, now)
    if said is None:
        return Step("certificate", ok=None, text="its dates cannot be read here; the TLS handshake will tell")
    days = many(int((said.not_after - now) // certificate.DAY), "day")
    text = f"valid from {date(said.not_before)} to {date(said.not_after)}, {days} left"
    return Step("certificate", ok=True, text=text, warnings=(warning,) if warning else ())


def permissions(device: Device) -> Step:
    """Tell who can read the key."""
    warning = certificate.exposed(device)
    try:
        mode = f"mode {stat.S_IMODE(os.stat(certificate.key_file(device)).st_mode):04o}"  # noqa: PTH116
    except OSError:
        mode = "the file has just gone"
    return Step("key permissions", ok=True, text=mode, warnings=(warning,) if warning else ())


class Target(NamedTuple):
    """Where the first connection goes: to the endpoint, or to the proxy on the way to it."""

    host: str
    port: int
    where: str
    proxy: bool


def target(endpoint: str) -> Target:
    """Return where the connection to an endpoint HOST[:PORT] goes by the environment's proxies.

    A proxy's address may hold a password: nothing but host and port is kept of it.
    """
    found = proxy.decide(f"https://{endpoint}")
    if found is None:
        own = urlsplit(f"https://{endpoint}")
        return Target(own.hostname or "", own.port or proxy.PORTS["https"], endpoint, proxy=False)
    if not found.port:
        raise CredentialsError("HTTPS_PROXY is not a URL", hint=messages.PROXY_FORM, link="proxy")
    return Target(found.host, found.port, f"the proxy {found.host}:{found.port}", proxy=True)


def lookup(to: Target) -> Step:
    """Tell the addresses of the name."""
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unreachable(error, to) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    more = f" and {len(addresses) - SHOWN} more" if len(addresses) > SHOWN else ""
    name = f"the proxy {to.host}" if to.proxy else to.host
    return Step("DNS", ok=True, text=f"{name} is {', '.join(addresses[:SHOWN])}{more}")


def unresolved(to: Target, span: str) -> CredentialsError:
    """Return the error for a lookup that was given up."""
    hint = f"check the network and the name servers: getent hosts {to.host}"
    link: Link = "proxy" if to.proxy else "DNS"
    return CredentialsError(f"the name {to.host} was not resolved within {span}", hint=hint, link=link)


def connect(to: Target) -> Step:
    """Tell whether somebody listens."""
    begin = time.monotonic()
    try:
        with socket.create_connection((to.host, to.port), timeout=CONNECT) as connection:
            peer = connection.getpeername()[0]
    except TimeoutError:
        raise CredentialsError(
            f"{to.where} could not be connected in {CONNECT} s",
            hint=messages.CHECK_NETWORK,
            link="proxy" if to.proxy else "connection",
        ) from None
    except OSError as error:
        raise _unreachable(error, to) from None
    spent = (time.monotonic() - begin) * 1000
    return Step("connection", ok=True, text=f"{to.where} listens, at {peer}, in {spent:.0f} ms")


def _unreachable(error: Exception, to: Target) -> SecretenvError:
    found = connection_errors.explain(error, f"{to.host}:{to.port}" if to.proxy else to.where)
    if to.proxy:
        found.link, found.hint = "proxy", messages.CHECK_PROXY
    return found


def handshake(context: Context, where: str) -> Step:
    """Tell what was agreed on in the handshake that is over."""
    try:
        server = x509.read(context.peer)
        whose = f"; its certificate: {_names(server)}, valid to {date(server.not_after)}"
    except x509.UnreadableError:
        whose = ""
    return Step("TLS", ok=True, text=f"{context.version or 'agreed'} with {where}{whose}")


def clocks(headers: Mapping[str, str], ours: float, where: str) -> Step:
    """Compare our clock with the `Date` of an answer that came at `ours`."""
    theirs = date_of(headers)
    if theirs is None:
        return Step("clock", ok=None, text=f"{where} does not say what time it is")
    ahead = ours - theirs
    if -1 <= ahead <= 2:  # noqa: PLR2004 - whole seconds, and an answer takes a moment
        return Step("clock", ok=True, text=f"as that of {where}: {moment(ours)}")
    off = f"{span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} {where}"
    if abs(ahead) > SKEW:
        raise CredentialsError(
            f"this machine's clock says {moment(ours)}, that of {where} {moment(theirs)}: it is {off}, and AWS takes "
            f"{span(SKEW)}",
            hint=messages.SET_CLOCK,
            link="clock",
        )
    warnings = (f"the clock is {off}; AWS takes {span(SKEW)}: {messages.SET_CLOCK}",) if abs(ahead) > SPOKEN_OF else ()
    return Step("clock", ok=True, text=f"{moment(ours)}, {off}", warnings=warnings)


def exchanged(device: Device, found: Credentials, certificate_id: str) -> Step:
    """Tell who we are to AWS, and for how long. The access key's id is a credential's, and stays here."""
    minutes = round((found.expiration - found.obtained) / 60)
    thing = f", thing {device.thing_name}" if device.thing_name else ""
    text = f"role alias {device.role_alias}{thing}: credentials for {minutes} min, to {moment(found.expiration)}"
    who = f"; to AWS we are the certificate {certificate_id}" if certificate_id else ""
    return Step("exchange", ok=True, text=text + who)


def read(link: str, reading: Reading, now: float) -> Step:
    """Tell what a secret is like: version, age, size, number of keys; never what it holds."""
    secret, content = reading.secret, reading.content
    size = many(len(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")), "byte")
    # The version of a file is a hash of what it holds, which may be short enough to be guessed from it.
    version = "" if link == "file" else f"version {plain(reading.version, 80)}, {secret.version_stage}, "
    age = "" if reading.created is None else f"made {_ago(now - reading.created)}, "
    return Step(link, ok=True, text=f"{secret.id}: {version}{age}{size}, {_keys(content)}")


def _ago(seconds: float) -> str:
    """Return how long ago something was, in days where they tell more than hours."""
    days = int(seconds // certificate.DAY)
    return f"{many(days, 'day')} ago" if days > 1 else f"{span(seconds)} ago"


def _keys(content: str | bytes) -> str:
    try:
        parsed: Any = json.loads(content)
    except (ValueError, RecursionError):
        return "not JSON"
    return many(len(parsed), "key") if isinstance(parsed, dict) else "no JSON object"


def _names(said: x509.Certificate) -> str:
    """Return whose certificate it is and who issued it."""
    return f"{plain(said.subject, 80) or 'no name'}, issued by {plain(said.issuer, 80) or 'no name'}"


def date(seconds: float) -> str:
    """Return the day of a time, in UTC."""
    return moment(seconds)[:10]
