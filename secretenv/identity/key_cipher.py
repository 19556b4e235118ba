"""The cipher of an encrypted key, where OpenSSL 3 has it in its legacy provider only. Pure."""

from __future__ import annotations

import binascii
import re

_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END")
_DEK_INFO = re.compile(r"^DEK-Info: ([A-Z0-9-]{1,40}),", re.MULTILINE)
# Of traditional keys, by the beginning of the cipher's name; DES-EDE, which is triple DES, is not old.
_OLD = re.compile(r"DES-(?!EDE)|DESX|RC2|RC4|RC5|BF|CAST5|SEED|IDEA")
_HEAD = 200  # bytes, within which a key in PKCS#8 names its cipher: the key derivation comes before it

# Algorithms of PKCS#8 by object identifier: PKCS#5 1.5 and PKCS#12 name cipher and hash together, PBES2 separately.
_NAMES = {
    "2a864886f70d010501": "DES",
    "2a864886f70d010503": "DES",
    "2a864886f70d010504": "RC2",
    "2a864886f70d010506": "RC2",
    "2a864886f70d01050a": "DES",
    "2a864886f70d01050b": "RC2",
    "2a864886f70d010c0101": "RC4",
    "2a864886f70d010c0102": "RC4",
    "2a864886f70d010c0105": "RC2",
    "2a864886f70d010c0106": "RC2",
    "2b0e030207": "DES",
    "2a864886f70d0302": "RC2",
    "2a864886f70d0304": "RC4",
    "2b0601040197550102": "Blowfish",
    "2a864886f67d07420a": "CAST5",
    "2a831a8c9a440104": "SEED",
    "2b06010401813c0701010102": "IDEA",
}


def legacy_cipher(key: str) -> str:
    """Return the name of the old cipher that a key in PEM form is encrypted with, nothing if it is a newer one."""
    if found := _DEK_INFO.search(key):
        return found[1] if _OLD.match(found[1]) else ""
    if not (found := _ENCRYPTED.search(key)):
        return ""
    try:
        head = binascii.a2b_base64(found[1])[:_HEAD]
    except binascii.Error:
        return ""
    # With their tag and length in front nothing else looks like them.
    oids = {b"\x06" + bytes([len(hexed) // 2]) + bytes.fromhex(hexed): name for hexed, name in _NAMES.items()}
    return next((name for oid, name in oids.items() if oid in head), "")
