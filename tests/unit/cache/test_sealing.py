"""The cipher and the format: what is opened is what was sealed, with the same key, for the same settings."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secretenv.cache import sealing
from secretenv.cache.header import Header
from secretenv.cache_protocol import CacheError

NOW = 1767225600.0
KEY = sealing.key(b"secret", b"public")
BELONGS = {"endpoint": "a", "secrets": [{"id": "app"}]}
CONTENT = b"v4lue-that-must-not-show" * 10


def sealed() -> bytes:
    """Return a file."""
    return sealing.seal(CONTENT, KEY, BELONGS, NOW)


def refused(raw: bytes, using: bytes = KEY, belongs: dict[str, object] | None = None) -> str:
    """Return why a file is not opened."""
    with pytest.raises(CacheError) as raised:
        sealing.unseal("/cache", raw, using, BELONGS if belongs is None else belongs)
    return raised.value.message


DAMAGED = (
    "the cache /cache was sealed with another key pair, or is damaged",
    "the cache /cache is damaged, or was not written by this version of secretenv",
)


def test_the_format() -> None:
    """Another implementation, written down here, opens it."""
    raw = sealed()
    lines = raw.split(b"\n", 2)
    header = lines[0] + b"\n" + lines[1] + b"\n"
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"secretenv cache 1" + b"public").derive(b"secret")
    assert AESGCM(key).decrypt(lines[2][:12], lines[2][12:], header) == CONTENT
    assert sealing.unseal("/cache", raw, KEY, BELONGS) == CONTENT
    assert CONTENT[:9] not in raw


def test_never_the_same() -> None:
    """Each file has a nonce of its own."""
    assert len({sealed()[-300:] for _ in range(50)}) == 50


def test_every_bit() -> None:
    """With any bit changed nothing is opened."""
    raw = sealed()
    for place in range(len(raw)):
        for bit in (1, 0x20, 0x80):
            flipped = bytearray(raw)
            flipped[place] ^= bit
            assert refused(bytes(flipped)) in DAMAGED


def test_every_length() -> None:
    """Cut anywhere, or with more behind it, nothing is opened."""
    raw = sealed()
    for length in range(len(raw)):
        assert refused(raw[:length]) in DAMAGED
    assert refused(raw + b"\0") in DAMAGED


def test_another_header() -> None:
    """The lines of one file and the rest of another do not go together."""
    raw = sealed()
    size = len(raw.split(b"\n", 2)[0] + raw.split(b"\n", 2)[1]) + 2
    later = Header(NOW + 1, sealing.fingerprint(BELONGS)).lines()
    assert refused(later + raw[size:]) == DAMAGED[0]
    other = Header(NOW, sealing.fingerprint({})).lines()
    assert refused(other + raw[size:], belongs={}) == DAMAGED[0]


def test_another_key() -> None:
    """Another secret, or another public key, opens nothing."""
    for other in (sealing.key(b"other", b"public"), sealing.key(b"secret", b"other"), sealing.key(b"", b"")):
        assert refused(sealed(), other) == DAMAGED[0]


def test_other_settings() -> None:
    """That is said, as the file itself is right; the order in which they are given does not matter."""
    assert "sealed for other settings" in refused(sealed(), belongs={**BELONGS, "endpoint": "b"})
    assert sealing.unseal("/cache", sealed(), KEY, dict(reversed(BELONGS.items()))) == CONTENT
    assert sealing.fingerprint({"a": ("b",)}) == sealing.fingerprint({"a": ["b"]})
