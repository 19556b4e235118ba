"""Public keys: of which kind, and whether two are one."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from secretenv.cache.public_key import is_ec, is_rsa, same
from tests.unit.identity.certificates import ec_key, rsa_key

DER, INFO = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
EC_KEY = ec_key()
EC, RSA = EC_KEY.public_key().public_bytes(DER, INFO), rsa_key().public_key().public_bytes(DER, INFO)
ED = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(DER, INFO)


def test_kinds() -> None:
    """RSA, a curve, or neither."""
    assert [(is_rsa(key), is_ec(key)) for key in (RSA, EC, ED, b"", b"0\0", EC[:20])] == [
        (True, False),
        (False, True),
        *[(False, False)] * 4,
    ]


def test_one_key_in_two_forms() -> None:
    """A point may be compressed."""
    public = EC_KEY.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    assert compressed != EC
    assert same(EC, compressed)
    assert same(RSA, RSA)


@pytest.mark.parametrize(
    "other",
    [RSA, ED, ec_key().public_key().public_bytes(DER, INFO), b"", EC[:-1]],
    ids=["RSA", "Ed25519", "EC", "empty", "cut"],
)
def test_different_keys(other: bytes) -> None:
    """Nothing that cannot be read is the same as anything else."""
    assert not same(EC, other)
    assert not same(other, EC)
