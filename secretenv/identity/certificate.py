"""The client certificate, its key and the trusted roots: from files to a TLS context.

Everything is read anew for each exchange, so a renewed pair is used without a restart. Who is talked to with the
context is the business of `credentials`; `check` takes the steps of `load` one by one.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
import time

from secretenv.errors import CertificateError
from secretenv.identity import x509
from secretenv.wording import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from secretenv.errors import Link
    from secretenv.settings import Device

LARGEST = 1 << 20  # of a PEM file: a full set of roots has a quarter of it
# OpenSSL has no certificate for a key of another type.
MISMATCH = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
LONGEST_PASSWORD = 1023  # PEM_BUFSIZE of OpenSSL, less its NUL
DAY = 86400
SOON = 14 * DAY  # seconds to the certificate's end from which it is spoken of

_KEY = re.compile(r"-----BEGIN ([A-Z0-9#]+ )*(PRIVATE KEY|PROVIDER URI)-----")
_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)


class Context(ssl.SSLContext):
    """A client's TLS context that knows whether its handshake is over, and says when one begins and ends.

    Attributes:
        begun: whether its handshake has begun.
        handshaken: whether it is over.
        version: of TLS that was agreed on.
        peer: the server's certificate, DER.
        at: is told each step: the link of the chain, and where.
    """

    begun = False
    handshaken = False
    version = ""
    peer = b""
    at: Callable[[Link, str], None] | None = None

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Shake hands."""
        self.begun, self.handshaken = True, False
        where = str(kwargs.get("server_hostname") or "")
        if self.at:
            self.at("TLS", where)
        wrapped = super().wrap_socket(sock, *args, **kwargs)
        self.handshaken = True
        self.version, self.peer = wrapped.version() or "", wrapped.getpeercert(binary_form=True) or b""
        if self.at:
            self.at("endpoint", where)
        return wrapped


def load(device: Device, clock: Callable[[], float] = time.time) -> tuple[Context, list[str]]:
    """Return a context that shows the certificate and trusts the roots, and warnings.

    Raises:
        CertificateError: a file is missing, unreadable or not what it should be, key and certificate do not match, or
            the certificate is not valid by our clock.
    """
    pem = read_certificate(device)
    key = read_key(device)
    context = new_context()
    trust(context, device.ca)
    load_pair(context, device, key)
    warnings = [exposed(device), check_dates(device, said_by(pem), clock())]
    return context, [warning for warning in warnings if warning]


def new_context() -> Context:
    """Return a context without certificates."""
    # Not ssl.create_default_context: that writes the session's secrets to the file of SSLKEYLOGFILE.
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_certificate(device: Device) -> str:
    """Return the text of the certificate's file, which holds one that OpenSSL can read.

    Raises:
        CertificateError: it does not.
    """
    pem = _read(device.cert, "certificate file", "--cert")
    _check_certificate(device.cert, pem)
    return pem


def read_key(device: Device) -> str:
    """Return the text of the key's file, which holds something like a key.

    Raises:
        CertificateError: it does not.
    """
    key = _read(key_file(device), "key file", "--key")
    if not _KEY.search(key):
        message = f"the key file {key_file(device)} holds no private key in PEM form"
        _refuse("key file", message, "--key names a PEM file")
    return key


def key_file(device: Device) -> str:
    """Return where the key is: the certificate's file may hold it too."""
    return device.key or device.cert


def said_by(pem: str) -> x509.Certificate | None:
    """Return what the certificate says, or None where only OpenSSL understands it."""
    try:
        return x509.read_pem(pem)
    except x509.UnreadableError:
        return None


def check_dates(device: Device, certificate: x509.Certificate | None, now: float) -> str:
    """Return a warning if the certificate ends soon. Its text is another one each day, and the same all day.

    Raises:
        CertificateError: it is not valid by our clock. Not yet: transient, since a device without a clock battery
            starts in 1970 and learns the time a little later. No longer: that passes by no waiting, so it is permanent
            like the other troubles with the files; a running command is kept, and a renewed pair taken.
    """
    if certificate is None:
        return ""
    if not certificate.not_before <= now <= certificate.not_after:
        early = now < certificate.not_before
        date = moment(certificate.not_before if early else certificate.not_after)
        state = f"is not valid before {date}" if early else f"expired at {date}"
        raise CertificateError(
            f"the certificate {device.cert} {state}, and this machine's clock says {moment(now)}",
            hint="renew the certificate, or set the clock if that is what is wrong: date -u; timedatectl",
            transient=early,
        )
    left = certificate.not_after - now
    if left >= SOON:
        return ""
    days = int(left // DAY)
    span = f"{days} day{'' if days == 1 else 's'}" if days else "less than a day"
    return f"the certificate {device.cert} ends in {span}, on {moment(certificate.not_after)[:10]}"


def _refuse(link: Link, message: str, hint: str) -> NoReturn:
    raise CertificateError(message, hint=hint, link=link) from None


def _read(path: str, link: Link, flag: str) -> str:
    """Return the text of a PEM file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs the fetcher its import
            content = file.read(LARGEST + 1)
    except OSError as error:
        _refuse(link, f"the {link} {path} cannot be read: {error.strerror}", f"check {flag}: ls -l {path}")
    if not content.strip():
        _refuse(link, f"the {link} {path} is empty", "was it half written? write another file and rename it into place")
    if len(content) > LARGEST:
        _refuse(link, f"the {link} {path} is larger than 1 MiB", f"{flag} names a PEM file")
    return content.decode("latin-1")


def _check_certificate(path: str, pem: str) -> None:
    """Refuse what is no certificate, so that what fails later is the key's fault."""
    if "-----BEGIN CERTIFICATE-----" not in pem and "-----BEGIN TRUSTED CERTIFICATE-----" not in pem:
        hint = "--cert names a PEM file; from DER: openssl x509 -inform der -in FILE -out FILE.pem"
        _refuse("certificate file", f"the certificate file {path} holds no certificate in PEM form", hint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError):
        hint = f"was it only half written? openssl x509 -noout -subject -in {path}"
        _refuse("certificate file", f"the certificate in {path} is damaged", hint)


def exposed(device: Device, environ: Mapping[str, str] = os.environ) -> str:
    """Return a warning if others than the owner can read the key.

    systemd gives a credential (LoadCredential=) to its service by an ACL, which the mode shows as if a group had it.
    """
    path = key_file(device)
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except OSError:  # it was there a moment ago; a renewal may just replace it
        return ""
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    group = 0 if credentials and path.startswith(f"{credentials}/") else stat.S_IRGRP
    if mode & (group | stat.S_IROTH):
        return f"the key file {path} can be read by others (mode {mode:04o}): chmod 600 {path}"
    return ""


def trust(context: ssl.SSLContext, ca: str) -> None:
    """Load the roots: the given file alone, or certifi's.

    Raises:
        CertificateError: the file is not what it should be.
    """
    if ca:
        _read(ca, "roots file", "--ca")
    else:
        import certifi

        ca = certifi.where()
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError):
        hint = "--ca names a PEM file, https://www.amazontrust.com/repository/AmazonRootCA1.pem for one"
        _refuse("roots file", f"the roots file {ca} holds no certificates in PEM form", hint)


def load_pair(context: ssl.SSLContext, device: Device, key: str) -> None:
    """Load certificate and key, whose text is `key`; a password comes from its file, never from a prompt.

    Raises:
        CertificateError: the key does not open, or belongs to another certificate.
    """
    path = key_file(device)

    def password() -> bytes:
        if not device.key_password_file:
            hint = f"--key-password-file names the file with its password; or: openssl pkey -in {path} -out NEW"
            _refuse("key password", f"the key {path} is encrypted and there is no password for it", hint)
        return _password(device.key_password_file)

    try:
        context.load_cert_chain(device.cert, path, password=password)
    except ssl.SSLError as error:
        reason = getattr(error, "reason", None) or "no reason given"
        if reason in MISMATCH:
            _refuse(
                "key of another certificate",
                f"the key {path} belongs to another certificate than {device.cert}",
                "was one of them renewed without the other? compare: openssl x509 -noout -pubkey -in "
                f"{device.cert}; openssl pkey -pubout -in {path}",
            )
        if _ENCRYPTED.search(key):
            hint = f"check the file of --key-password-file: openssl pkey -noout -in {path}"
            _refuse("key password", f"the key {path} does not open with the given password ({reason})", hint)
        _refuse(
            "key file",
            f"the key {path} cannot be used ({reason})",
            f"was it only half written? openssl pkey -noout -in {path}",
        )
    except OSError as error:
        _refuse("key file", f"the key {path} cannot be read: {error.strerror}", f"ls -l {path}")


def _password(path: str) -> bytes:
    """Return the password in a file, without its final newline."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            content = file.read(LONGEST_PASSWORD + 3)
    except OSError as error:
        _refuse("key password", f"the password file {path} cannot be read: {error.strerror}", f"ls -l {path}")
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if not content or len(content) > LONGEST_PASSWORD:
        what = "is empty" if not content else f"holds more than {LONGEST_PASSWORD} bytes"
        _refuse("key password", f"the password file {path} {what}", "it holds the password of the key and nothing else")
    return content
