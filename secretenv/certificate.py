"""The client certificate, its key and the trusted roots: from files to a TLS context.

Everything is read anew for each exchange, so a renewed pair is used without a restart. Who is talked to with the
context is the business of `credentials`.
"""

from __future__ import annotations

import os
import re
import ssl
import stat

from secretenv.errors import CertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from secretenv.settings import Device

LARGEST = 1 << 20  # of a PEM file: a full set of roots has a quarter of it
# OpenSSL has no certificate for a key of another type.
MISMATCH = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
LONGEST_PASSWORD = 1023  # PEM_BUFSIZE of OpenSSL, less its NUL

_KEY = re.compile(r"-----BEGIN ([A-Z0-9#]+ )*(PRIVATE KEY|PROVIDER URI)-----")
_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)


class Context(ssl.SSLContext):
    """A client's TLS context that knows whether its handshake is over, and says when one begins and ends."""

    handshaken = False
    at: Callable[[str, str], None] | None = None

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Shake hands."""
        self.handshaken = False
        where = str(kwargs.get("server_hostname") or "")
        if self.at:
            self.at("TLS", where)
        wrapped = super().wrap_socket(sock, *args, **kwargs)
        self.handshaken = True
        if self.at:
            self.at("endpoint", where)
        return wrapped


def load(device: Device) -> tuple[Context, list[str]]:
    """Return a context that shows the certificate and trusts the roots, and warnings.

    Raises:
        CertificateError: a file is missing, unreadable or not what it should be, or key and certificate do not match.
    """
    warnings: list[str] = []
    certificate = _read(device.cert, "certificate file", "--cert")
    _check_certificate(device.cert, certificate)
    key_file = device.key or device.cert
    key = _read(key_file, "key file", "--key")
    if not _KEY.search(key):
        _refuse("key file", f"the key file {key_file} holds no private key in PEM form", "--key names a PEM file")
    if warning := _exposed(key_file):
        warnings.append(warning)
    # Not ssl.create_default_context: that writes the session's secrets to the file of SSLKEYLOGFILE.
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, device.ca)
    _load_pair(context, device, encrypted=bool(_ENCRYPTED.search(key)))
    return context, warnings


def _refuse(link: str, message: str, hint: str) -> NoReturn:
    raise CertificateError(message, hint=hint, link=link) from None


def _read(path: str, link: str, flag: str) -> str:
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
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        hint = f"was it only half written? openssl x509 -noout -subject -in {path}"
        _refuse("certificate file", f"the certificate in {path} is damaged", hint)


def _exposed(path: str) -> str:
    """Return a warning if others than the owner can read the key."""
    mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - as above
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        return f"the key file {path} can be read by others (mode {mode:04o}): chmod 600 {path}"
    return ""


def _trust(context: ssl.SSLContext, ca: str) -> None:
    """Load the roots: the given file alone, or certifi's."""
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


def _load_pair(context: ssl.SSLContext, device: Device, *, encrypted: bool) -> None:
    """Load certificate and key; a password comes from its file, never from a prompt."""
    key_file = device.key or device.cert

    def password() -> bytes:
        if not device.key_password_file:
            hint = f"--key-password-file names the file with its password; or: openssl pkey -in {key_file} -out NEW"
            _refuse("key password", f"the key {key_file} is encrypted and there is no password for it", hint)
        return _password(device.key_password_file)

    try:
        context.load_cert_chain(device.cert, key_file, password=password)
    except ssl.SSLError as error:
        reason = error.reason or "no reason given"
        if reason in MISMATCH:
            _refuse(
                "key of another certificate",
                f"the key {key_file} belongs to another certificate than {device.cert}",
                "was one of them renewed without the other? compare: openssl x509 -noout -pubkey -in "
                f"{device.cert}; openssl pkey -pubout -in {key_file}",
            )
        if encrypted:
            hint = f"check the file of --key-password-file: openssl pkey -noout -in {key_file}"
            _refuse("key password", f"the key {key_file} does not open with the given password ({reason})", hint)
        _refuse(
            "key file",
            f"the key {key_file} cannot be used ({reason})",
            f"was it only half written? openssl pkey -noout -in {key_file}",
        )
    except OSError as error:
        _refuse("key file", f"the key {key_file} cannot be read: {error.strerror}", f"ls -l {key_file}")


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
