"""The client certificate, its key and the trusted roots: from files to a TLS context.

Everything is read again for each exchange, so a renewed pair is used without a restart. `provider` connects with the
context; `check` takes the steps of `load` one by one.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
import stat
import time

from secretenv import files
from secretenv.identity import messages, x509
from secretenv.wording import many, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from secretenv.errors import Link, Message, SecretenvError
    from secretenv.settings import Device

    At = Callable[[Link, str], None]

LARGEST = 1 << 20  # of a PEM file: a full set of roots has a quarter of it
DAY = 86400
SOON = 14 * DAY  # seconds; a certificate that ends within these gets a warning

_ROOM = 16 << 20  # bytes; a process that cannot get this much more cannot make an exchange either

_CERTIFICATE = re.compile(r"-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----")
_KEY = re.compile(r"-----BEGIN ([A-Z0-9#]+ )*(PRIVATE KEY|PROVIDER URI)-----")


class _Within(ssl.SSLObject):
    """TLS within the TLS of a proxy."""

    def do_handshake(self) -> None:
        """Shake hands; called until that is over."""
        super().do_handshake()
        if isinstance(self.context, Context):
            self.context.end(self)


class Context(ssl.SSLContext):
    """A client's TLS context that knows whether its handshake is over, and reports when one begins and ends.

    Attributes:
        begun: whether its handshake has begun.
        handshaken: whether it is over.
        version: the version of TLS that was agreed on.
        peer: the server's certificate, DER.
        ends: when the client's certificate ends, in seconds since the epoch; 0 where that is not known.
        at: called before each step with the link of the chain, and where.
    """

    sslobject_class = _Within
    begun = False
    handshaken = False
    version = ""
    peer = b""
    ends = 0.0
    at: At | None = None

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Shake hands."""
        self._begin(kwargs.get("server_hostname"))
        wrapped = super().wrap_socket(sock, *args, **kwargs)
        self.end(wrapped)
        return wrapped

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Return what shakes hands within the TLS of a proxy."""
        self._begin(kwargs.get("server_hostname"))
        return super().wrap_bio(*args, **kwargs)

    def _begin(self, where: str | None) -> None:
        self.begun, self.handshaken = True, False
        if self.at:
            self.at("TLS", where or "")

    def end(self, wrapped: ssl.SSLSocket | ssl.SSLObject) -> None:
        """Take the results of the completed handshake."""
        self.handshaken = True
        self.version, self.peer = wrapped.version() or "", wrapped.getpeercert(binary_form=True) or b""
        if self.at:
            self.at("endpoint", wrapped.server_hostname or "")


def _untraced(_link: Link, _path: str) -> None:
    """Do nothing before a file is read."""


def load(device: Device, clock: Callable[[], float] = time.time, at: At = _untraced) -> tuple[Context, list[str]]:
    """Return a context that presents the certificate and trusts the roots, and warnings.

    Args:
        device: names the files.
        clock: this machine's, in seconds since the epoch.
        at: called before each file is read with its link of the chain and its path: a disk may not answer.

    Raises:
        CertificateError: a file is missing, unreadable or not what it should be, key and certificate do not match, or
            the certificate is not valid by this machine's clock.
    """
    at("certificate file", device.cert)
    pem = read_certificate(device)
    at("key file", key_file(device))
    key = read_key(device)
    context = new_context()
    trust(context, device.ca, at)
    bundle(at=at)  # here: a wrong setting is then the same error on any network
    load_pair(context, device, key, at)
    certificate = said_by(pem)
    context.ends = certificate.not_after if certificate else 0.0
    warnings = [guard(link, path) for link, path in files_of(device)]
    warnings += [exposed(device), check_dates(device, certificate, clock())]
    return context, [warning for warning in warnings if warning]


def new_context() -> Context:
    """Return a context without certificates.

    Raises:
        CertificateError: this system's OpenSSL makes none.
        MemoryError: there is no memory left for one.
    """
    # Not ssl.create_default_context: that writes the session's secrets to the file of SSLKEYLOGFILE.
    try:
        context = Context(ssl.PROTOCOL_TLS_CLIENT)
    except ssl.SSLError as error:
        _blame_memory()
        raise messages.NO_TLS_CONTEXT(reason=getattr(error, "reason", None) or "no reason given") from None
    if 0 < context.maximum_version < ssl.TLSVersion.TLSv1_2:  # negative: no limit is set
        raise messages.NO_TLS_CONTEXT(reason="TLS 1.2 is turned off")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _blame_memory() -> None:
    """Raise a MemoryError if there is no memory left: OpenSSL may then say that it has no ciphers, or find no PEM."""
    bytearray(_ROOM)


def read_certificate(device: Device) -> str:
    """Return the text of the certificate's file, in which OpenSSL can read a certificate.

    Raises:
        CertificateError: the file cannot be read, or OpenSSL cannot read what it holds.
    """
    path = device.cert
    pem = _read(path, messages.CERTIFICATE_UNREADABLE, messages.CERTIFICATE_EMPTY, messages.CERTIFICATE_TOO_LARGE)
    # Looked at here, so that what fails later is the key's fault.
    if not _CERTIFICATE.search(pem):
        raise _other(pem, path, messages.CERTIFICATE_IN_OTHER_FORM, messages.NO_CERTIFICATE)
    try:
        new_context().load_verify_locations(path)
    except (ssl.SSLError, OSError):
        raise _other(pem, path, messages.CERTIFICATE_IN_OTHER_FORM, messages.CERTIFICATE_DAMAGED) from None
    return pem


def read_key(device: Device) -> str:
    """Return the text of the key's file, in which there is something like a key.

    Raises:
        CertificateError: it cannot be read, or holds no key.
    """
    path = key_file(device)
    key = _read(path, messages.KEY_UNREADABLE, messages.KEY_EMPTY, messages.KEY_TOO_LARGE)
    if not _KEY.search(key):
        raise _other(key, path, messages.KEY_IN_OTHER_FORM, messages.NO_KEY)
    return key


def files_of(device: Device, environ: Mapping[str, str] = os.environ) -> list[tuple[Link, str]]:
    """Return the files that decide who the device is and whom it trusts, each once and with its link."""
    found: list[tuple[Link, str]] = [
        ("certificate file", device.cert),
        ("key file", key_file(device)),
        ("key password", device.key_password_file),
        ("roots file", device.ca),
        ("roots file", environ.get("AWS_CA_BUNDLE", "").strip()),
    ]
    first = {path: link for link, path in reversed(found) if path}
    return [(link, path) for link, path in found if path and first.pop(path, "") == link]


def guard(link: Link, path: str) -> str:
    """Return a warning if others can change a file; an empty string if not, or if it has just been removed.

    Raises:
        CertificateError: this is root, and the file belongs to another user.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - pathlib costs the fetcher its import
    except OSError:  # it was there a moment ago; a renewal may be replacing it
        return ""
    if owner := files.stranger(status):
        error = messages.FILE_FOREIGN(file=path, owner=owner)
        error.link = link
        raise error
    who = files.exposed(path, status)
    return f"the {link.removesuffix(' file')} file {who}" if who else ""


def key_file(device: Device) -> str:
    """Return where the key is: the certificate's file may hold it too."""
    return device.key or device.cert


def said_by(pem: str) -> x509.Certificate | None:
    """Return the certificate's fields, or None where only OpenSSL understands it."""
    try:
        return x509.read_pem(pem)
    except x509.UnreadableError:
        return None


def check_dates(device: Device, certificate: x509.Certificate | None, now: float) -> str:
    """Return a warning if the certificate ends soon. Its text changes once a day.

    Raises:
        CertificateError: it is not valid by this machine's clock. Not yet valid is transient: a device without a clock
            battery starts in 1970 and gets the time a little later. Expired is permanent, like other faults of the
            files; a running command is kept, and a renewed pair is used.
    """
    if certificate is None:
        return ""
    if now < certificate.not_before:
        date = moment(certificate.not_before)
        raise messages.CERTIFICATE_NOT_YET_VALID(file=device.cert, date=date, now=moment(now))
    if now > certificate.not_after:
        date = moment(certificate.not_after)
        raise messages.CERTIFICATE_EXPIRED(file=device.cert, date=date, now=moment(now))
    left = certificate.not_after - now
    if left >= SOON:
        return ""
    days = int(left // DAY)
    span = many(days, "day") if days else "less than a day"
    return f"the certificate {device.cert} expires in {span}, on {moment(certificate.not_after)[:10]}"


def late(link: Link, path: str, span: str) -> SecretenvError:
    """Return the error for a file that was not read in time, with the link that `load` was at."""
    error = messages.FILE_LATE(file=path, time=span)
    error.link = link
    return error


def _read(path: str, unreadable: Message, empty: Message, too_large: Message) -> str:
    """Return the text of a PEM file."""
    try:
        content, _ = files.read(path, LARGEST)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise too_large(file=path) from None
        raise unreadable(file=path, reason=error.strerror) from None
    if not content.strip():
        raise empty(file=path)
    return content.decode("latin-1")


def _other(content: str, path: str, in_other_form: Message, usual: Message) -> SecretenvError:
    """Return the error for a file without what it should hold."""
    _blame_memory()
    from secretenv.identity import unusable  # most files are what they should be

    return unusable.file(content, path, in_other_form, usual)


def exposed(device: Device, environ: Mapping[str, str] = os.environ) -> str:
    """Return a warning if anyone but the owner can read the key.

    systemd gives a credential (LoadCredential=) to its service by an ACL, which the mode shows as a group's permission.
    """
    path = key_file(device)
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - pathlib costs the fetcher its import
    except OSError:  # it was there a moment ago; a renewal may be replacing it
        return ""
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    group = 0 if credentials and path.startswith(f"{credentials}/") else stat.S_IRGRP
    if mode & (group | stat.S_IROTH):
        return f"the key file {path} can be read by others (mode {mode:04o}): chmod 600 {path}"
    return ""


def trust(context: ssl.SSLContext, ca: str, at: At = _untraced) -> None:
    """Load the roots: the given file alone, or certifi's.

    Raises:
        CertificateError: the file is not what it should be.
    """
    if ca:
        at("roots file", ca)
        content = _read(ca, messages.ROOTS_UNREADABLE, messages.ROOTS_EMPTY, messages.ROOTS_TOO_LARGE)
    else:
        import certifi

        ca, content = certifi.where(), ""
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError):
        raise _other(content, ca, messages.ROOTS_IN_OTHER_FORM, messages.NO_ROOTS) from None


def bundle(environ: Mapping[str, str] = os.environ, context: ssl.SSLContext | None = None, at: At = _untraced) -> str:
    """Return the file of AWS_CA_BUNDLE with the roots for Secrets Manager; an empty one counts as not set: certifi's.

    Args:
        environ: the variables.
        context: takes the roots; otherwise they are only looked at.
        at: called before the file is read, see `load`.

    Raises:
        CertificateError: the file is not what it should be.
    """
    path = environ.get("AWS_CA_BUNDLE", "")
    if not path.strip():
        return ""
    at("roots file", path)
    content = _read(path, messages.BUNDLE_UNREADABLE, messages.BUNDLE_EMPTY, messages.BUNDLE_TOO_LARGE)
    try:
        (context or new_context()).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        raise _other(content, path, messages.ROOTS_IN_OTHER_FORM, messages.NO_BUNDLE) from None
    return path


def load_pair(context: ssl.SSLContext, device: Device, key: str, at: At = _untraced) -> None:
    """Load certificate and key, whose text is `key`; a password comes from its file, never from a prompt.

    Args:
        context: takes them.
        device: names the files.
        key: the text of the key's file.
        at: called before each file is read, see `load`.

    Raises:
        CertificateError: the key does not open, or belongs to another certificate.
    """
    path, given = key_file(device), b""

    def password() -> bytes:
        nonlocal given
        if not device.key_password_file:
            raise messages.PASSWORD_MISSING(file=path)
        at("key password", device.key_password_file)
        from secretenv.identity import key_password  # most keys have none

        given = key_password.read(device.key_password_file)
        return given

    at("key file", path)
    try:
        context.load_cert_chain(device.cert, path, password=password)
    except ssl.SSLError as error:
        _blame_memory()
        from secretenv.identity import unusable

        raise unusable.pair(error, device, key, given) from None
    except OSError as error:
        raise messages.KEY_UNREADABLE(file=path, reason=error.strerror) from None
