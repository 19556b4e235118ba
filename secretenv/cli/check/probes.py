"""The probes of `secretenv check`, one function for each link of the chain: it returns the step or raises the error.

`walk` decides which of them run, and in which order.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from secretenv.cli import messages
from secretenv.cli.check.report import Step
from secretenv.cli.edges import edges
from secretenv.fetcher.variables import listed
from secretenv.identity import certificate, connecting, connection_errors, proxy, x509
from secretenv.identity.messages import CHECK_PROXY, SET_CLOCK
from secretenv.identity.provider_errors import date_of, plain
from secretenv.wording import many, moment, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretenv.credentials import Credentials
    from secretenv.errors import SecretenvError
    from secretenv.fetcher.variables import Reading
    from secretenv.identity.certificate import At, Context
    from secretenv.settings import Device

CONNECT = 5  # seconds
PATIENCE = 1  # seconds within which the other addresses of a name have to answer, once one of them has
SHOWN = 4  # addresses of a name
SILENT = 8  # of them that are shown if they do not answer
SKEW = 300  # seconds that AWS accepts between its clock and that of a signature
TOLERATED = 60  # seconds that a clock may be wrong without a warning


def certificate_file(device: Device, said: x509.Certificate | None) -> Step:
    """Show the subject and the issuer of the certificate."""
    if said is None:
        return Step("certificate file", ok=True, text=device.cert)
    details = (f"certificate id {said.fingerprint}", f"serial number {said.serial:x}")
    return Step("certificate file", ok=True, text=f"{device.cert}: {_names(said)}", details=details)


def key_file(device: Device) -> tuple[str, Step]:
    """Return the key's text, and the step."""
    key = certificate.read_key(device)
    locked = f", encrypted, password in {device.key_password_file}" if device.key_password_file else ""
    return key, Step("key file", ok=True, text=f"{certificate.key_file(device)}{locked}")


def roots(device: Device, context: Context, at: At) -> Step:
    """Load the roots and count them; those for Secrets Manager too, where AWS_CA_BUNDLE names others.

    `at` is called before each file is read.
    """
    certificate.trust(context, device.ca, at)
    text = f"{_count(context)} from {device.ca or 'certifi'}"
    others = certificate.new_context()
    if file := certificate.bundle(context=others, at=at):
        text += f"; for Secrets Manager {_count(others)} from {file}"
    return Step("roots file", ok=True, text=text)


def _count(context: Context) -> str:
    return many(context.cert_store_stats()["x509"], "root")


def pair(device: Device, context: Context, key: str, at: At) -> Step:
    """Load certificate and key; `at` is called before each file is read."""
    certificate.load_pair(context, device, key, at)
    return Step("key", ok=True, text="matches the certificate")


def dates(device: Device, said: x509.Certificate | None, now: float) -> Step:
    """Show how long the certificate is valid."""
    warning = certificate.check_dates(device, said, now)
    if said is None:
        return Step(
            "certificate",
            ok=None,
            text="its dates cannot be read here; the TLS handshake will show whether it is valid",
        )
    days = many(int((said.not_after - now) // certificate.DAY), "day")
    text = f"valid from {date(said.not_before)} to {date(said.not_after)}, {days} left"
    return Step("certificate", ok=True, text=text, warnings=(warning,) if warning else ())


def permissions(device: Device) -> Step:
    """Show the mode of the key file; warn if others can read it, or change it or one of the other files."""
    warnings = [certificate.exposed(device)]
    warnings += [certificate.guard(link, path) for link, path in certificate.files_of(device)]
    try:
        mode = f"mode {stat.S_IMODE(os.stat(certificate.key_file(device)).st_mode):04o}"  # noqa: PTH116
    except OSError:
        mode = "the file has just been removed"
    return Step("key permissions", ok=True, text=mode, warnings=tuple(warning for warning in warnings if warning))


class Target(NamedTuple):
    """Where the first connection goes: to the endpoint, or to the proxy that a variable names."""

    host: str
    port: int
    where: str
    variable: str = ""

    @property
    def proxy(self) -> bool:
        """Whether it goes to a proxy."""
        return bool(self.variable)


def target(endpoint: str, scheme: str = "https") -> Target:
    """Return where the connection to an endpoint HOST[:PORT] goes, given the proxies of the environment.

    A proxy's URL may contain a password: only host and port are kept.

    Raises:
        CredentialsError: the variable that names a proxy cannot be used.
    """
    found = proxy.decide(f"{scheme}://{endpoint}")
    if found is None:
        own = urlsplit(f"{scheme}://{endpoint}")
        return Target(own.hostname or "", own.port or proxy.PORTS[scheme], endpoint)
    return Target(found.host, found.port, f"the proxy {found.host}:{found.port}", found.variable)


def lookup(to: Target) -> Step:
    """Resolve the name."""
    try:
        found = connecting.look_up(to.host, to.port)
    except OSError as error:
        raise _unreachable(error, to) from None
    addresses = [str(entry[4][0]) for entry in found]
    name = f"the proxy {to.host}" if to.proxy else to.host
    return Step("DNS", ok=True, text=f"{name} is {_listed(addresses)}")


def unresolved(to: Target, span: str) -> SecretenvError:
    """Return the error for a lookup that took too long."""
    error = messages.PROXY_UNRESOLVED if to.proxy else messages.NAME_UNRESOLVED
    return error(host=to.host, time=span)


def connect(to: Target) -> Step:
    """Open a TCP connection to each address and close it; warn of those that do not answer."""
    try:
        found = connecting.look_up(to.host, to.port)
        address, spent, silent = connecting.survey(found, CONNECT, PATIENCE)
    except TimeoutError:
        error = messages.PROXY_NOT_CONNECTED if to.proxy else messages.NOT_CONNECTED
        raise error(host=to.where, time=f"{CONNECT} s") from None
    except OSError as error:
        raise _unreachable(error, to) from None
    text = f"connected to {to.where} at {address} in {spent * 1000:.0f} ms"
    return Step("connection", ok=True, text=text, warnings=_silence(to, silent))


def silent_addresses(to: Target) -> tuple[str, ...]:
    """Return a warning if addresses of a host that can be reached do not answer."""
    try:
        return _silence(to, connecting.survey(connecting.look_up(to.host, to.port), CONNECT, PATIENCE)[2])
    except OSError:  # it could be reached a moment ago
        return ()


def _silence(to: Target, silent: Sequence[str]) -> tuple[str, ...]:
    name = f"the proxy {to.host}" if to.proxy else to.host
    where = _listed(silent, SILENT)
    words = f"{name} does not answer at {where}, which makes connections slower: check routes and firewall: ip route"
    return (words,) if silent else ()


def _listed(addresses: Sequence[str], most: int = SHOWN) -> str:
    """Return the first few of some addresses."""
    more = f" and {len(addresses) - most} more" if len(addresses) > most else ""
    return f"{', '.join(addresses[:most])}{more}"


def _unreachable(error: Exception, to: Target) -> SecretenvError:
    found = connection_errors.explain(error, f"{to.host}:{to.port}" if to.proxy else to.where)
    if to.proxy:
        found.link, found.hint = "proxy", CHECK_PROXY.format(variable=to.variable)
    return found


def handshake(context: Context, where: str) -> Step:
    """Show the TLS version of the completed handshake, and the certificate of the other side."""
    try:
        server = x509.read(context.peer)
        whose = f"; its certificate: {_names(server)}, valid to {date(server.not_after)}"
    except x509.UnreadableError:
        whose = ""
    return Step("TLS", ok=True, text=f"{context.version or 'agreed'} with {where}{whose}")


def clocks(headers: Mapping[str, str], ours: float, where: str) -> Step:
    """Compare the `Date` of an answer with this machine's clock at its arrival, `ours`."""
    theirs = date_of(headers)
    if theirs is None:
        return Step("clock", ok=None, text=f"the answer from {where} has no valid date")
    ahead = ours - theirs
    if -1 <= ahead <= 2:  # noqa: PLR2004 - `Date` has whole seconds, and an answer takes a moment
        return Step("clock", ok=True, text=f"agrees with {where}: {moment(ours)}")
    off = f"{span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} {where}"
    if abs(ahead) > SKEW:
        raise messages.CLOCK_OFF(
            time=moment(ours), host=where, other_time=moment(theirs), difference=off, limit=span(SKEW)
        )
    warnings = (
        (f"the clock is {off}, and AWS accepts at most {span(SKEW)}: {SET_CLOCK}",) if abs(ahead) > TOLERATED else ()
    )
    return Step("clock", ok=True, text=f"{moment(ours)}, {off}", warnings=warnings)


def exchanged(device: Device, found: Credentials, certificate_id: str) -> Step:
    """Show the identity that AWS sees, and for how long; not the access key's id, which is part of a credential."""
    minutes = round((found.expiration - found.obtained) / 60)
    thing = f", thing {device.thing_name}" if device.thing_name else ""
    text = f"role alias {device.role_alias}{thing}: credentials for {minutes} min, until {moment(found.expiration)}"
    who = f"; AWS sees the certificate {certificate_id}" if certificate_id else ""
    return Step("exchange", ok=True, text=text + who)


def read(link: str, reading: Reading, now: float, whole: Sequence[str] = ()) -> Step:
    """Show a secret's version, age, size and number of keys; never its content.

    Args:
        link: `secret` or `file`.
        reading: what it held.
        now: this machine's time, in seconds since the epoch.
        whole: the variables that get the whole secret.
    """
    secret, content = reading.secret, reading.content
    if content is None:
        return Step(link, ok=True, text=f"{secret.id}: does not exist; it is optional")
    size = many(len(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")), "byte")
    # The version of a file is a hash of its content, from which a short secret could be guessed.
    version = "" if link == "file" else f"version {plain(reading.version, 80)}, {secret.version_stage}, "
    age = "" if reading.created is None else f"created {_ago(now - reading.created)}, "
    warnings = (reading.note,) if reading.note else ()
    what = _keys(content)
    if isinstance(content, bytes):
        what = f"{listed(whole)}: base64 of a binary value" if whole else what
    elif whole and content.endswith("\n") and not edges(content):  # else it is a warning of the link `variables`
        what += ", ends with a newline"
    return Step(link, ok=True, text=f"{secret.id}: {version}{age}{size}, {what}", warnings=warnings)


def _ago(seconds: float) -> str:
    """Return how long ago something was; in days, from two days on."""
    days = int(seconds // certificate.DAY)
    return f"{many(days, 'day')} ago" if days > 1 else f"{span(seconds)} ago"


def _keys(content: str | bytes) -> str:
    try:
        parsed: Any = json.loads(content)
    except (ValueError, RecursionError):
        return "binary, not JSON" if isinstance(content, bytes) else "not JSON"
    return many(len(parsed), "key") if isinstance(parsed, dict) else "not a JSON object"


def _names(said: x509.Certificate) -> str:
    """Return the subject and the issuer of a certificate."""
    return f"{plain(said.subject, 80) or 'no name'}, issued by {plain(said.issuer, 80) or 'no name'}"


def date(seconds: float) -> str:
    """Return the day of a time, in UTC."""
    return moment(seconds)[:10]
