"""Why OpenSSL does not accept a certificate, a key or a pair of them: what is known of the files, as an error. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretenv.identity import messages, pem
from secretenv.identity.der import CERTIFICATE, KEY
from secretenv.identity.key_cipher import legacy_cipher

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from secretenv.errors import Message, SecretenvError
    from secretenv.settings import Device

# NO_CERTIFICATE_ASSIGNED: OpenSSL finds no certificate for a key of that type.
MISMATCH = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
# How OpenSSL says that a certificate, or one that signed it, is weaker than its security level allows.
TOO_WEAK = {
    "EE_KEY_TOO_SMALL": "its key is too short",
    "CA_KEY_TOO_SMALL": "the key of a certificate of its chain is too short",
    "CA_MD_TOO_WEAK": "it is signed with MD5 or SHA-1",
}

_ELSEWHERE = re.compile(r"-----BEGIN (TSS2 PRIVATE KEY|PKCS#11 PROVIDER URI)-----")
_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
# Content of a password file that nobody intends as a password.
_ODD: tuple[tuple[str, Callable[[bytes], object]], ...] = (
    ("UTF-16 text", lambda it: it.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in it),
    ("a byte order mark", lambda it: it.startswith(b"\xef\xbb\xbf")),
    ("PEM text", lambda it: b"-----BEGIN " in it),
    ("several lines", lambda it: b"\n" in it or b"\r" in it),
    ("spaces around the password", lambda it: it.strip() != it),
    ("quotes around the password", lambda it: len(it) > 1 and it[0] == it[-1] and it[:1] in {b'"', b"'"}),
)


def file(content: str, path: str, in_other_form: Message, usual: Message, reason: str = "") -> SecretenvError:
    """Return the error for a file that does not hold what it should.

    Args:
        content: its bytes, as Latin-1.
        path: where it is.
        in_other_form: says what it holds instead, where that is known.
        usual: the error for any other content.
        reason: what OpenSSL said, for `usual`.
    """
    raw = content.encode("latin-1")
    if in_other_form is messages.ROOTS_IN_OTHER_FORM:
        found = pem.form_of_roots(raw, path, usual.hint)
    else:
        found = pem.form(raw, KEY if in_other_form is messages.KEY_IN_OTHER_FORM else CERTIFICATE, path)
    return in_other_form(file=path, found=found[0], fix=found[1]) if found else usual(file=path, reason=reason)


def pair(error: ssl.SSLError, device: Device, key: str, password: bytes) -> SecretenvError:
    """Return the error for a pair that OpenSSL does not accept.

    Args:
        error: what OpenSSL said.
        device: names the files.
        key: the text of the key's file.
        password: the one that the key was tried with, empty if there was none.
    """
    path, reason = device.key or device.cert, getattr(error, "reason", None) or "no reason given"
    if reason in MISMATCH:
        return messages.KEY_MISMATCH(file=path, certificate=device.cert)
    if reason in TOO_WEAK:
        return messages.CERTIFICATE_TOO_WEAK(file=device.cert, weakness=TOO_WEAK[reason], reason=reason)
    if cipher := legacy_cipher(key):
        return messages.KEY_CIPHER_TOO_OLD(file=path, cipher=cipher)
    if _ENCRYPTED.search(key):
        return _closed(device, path, password)
    if _ELSEWHERE.search(key):
        return messages.KEY_IN_HARDWARE(file=path)
    return file(key, path, messages.KEY_IN_OTHER_FORM, messages.KEY_UNUSABLE, reason)


def _closed(device: Device, path: str, password: bytes) -> SecretenvError:
    """Return the error for a key that does not open with its password."""
    for found, fits in _ODD:
        if fits(password):
            return messages.PASSWORD_ODD(file=path, password_file=device.key_password_file, found=found)
    return messages.PASSWORD_WRONG(file=path)
