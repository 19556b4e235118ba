"""Seal bytes with the secret of the device, and open them: the format of the cache, and its cipher.

    secretenv cache 1
    {"belongs": "...", "sealed_at": ...}
    12 random bytes, and what AES-256-GCM makes of the content; the two lines are its associated data

The key comes from a secret that only the holder of the device's private key can compute, so that nobody else can make
such a file either: whatever is encrypted to a public key can be made by anyone.
"""

from __future__ import annotations

import hashlib
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secretenv.cache import messages
from secretenv.cache.header import FORMAT, Header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NONCE = 12  # bytes


def key(secret: bytes, public_key: bytes) -> bytes:
    """Return the key of the cipher.

    Args:
        secret: of the device.
        public_key: of its certificate.
    """
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=FORMAT + public_key).derive(secret)


def seal(content: bytes, using: bytes, belongs: Mapping[str, Any], now: float) -> bytes:
    """Return a file with this content.

    Args:
        content: to be sealed.
        using: the key of the cipher.
        belongs: the settings that it belongs to.
        now: seconds since the epoch.
    """
    lines = Header(sealed_at=now, belongs=fingerprint(belongs)).lines()
    nonce = os.urandom(_NONCE)
    return lines + nonce + AESGCM(using).encrypt(nonce, content, lines)


def unseal(file: str, raw: bytes, using: bytes, belongs: Mapping[str, Any]) -> bytes:
    """Return the content of a file.

    Args:
        file: where it is.
        raw: all that is in it.
        using: the key of the cipher.
        belongs: the settings that it has to belong to.

    Raises:
        CacheError: it was sealed with another key or for other settings, or is damaged.
    """
    header = Header.of(raw)
    if header is None:
        raise messages.NO_CACHE(file=file)
    lines = header.size
    nonce, sealed = raw[lines : lines + _NONCE], memoryview(raw)[lines + _NONCE :]
    if len(nonce) < _NONCE:
        raise messages.CACHE_SEALED_OTHERWISE(file=file)
    try:
        content = AESGCM(using).decrypt(nonce, sealed, raw[:lines])
    except InvalidTag:
        raise messages.CACHE_SEALED_OTHERWISE(file=file) from None
    # Only now is the header known to be the sealer's own.
    if header.belongs != fingerprint(belongs):
        raise messages.CACHE_OF_OTHER_SETTINGS(file=file)
    return content


def fingerprint(belongs: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of settings."""
    return hashlib.sha256(json.dumps(belongs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
