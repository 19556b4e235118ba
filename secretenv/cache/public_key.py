"""Public keys as certificates hold them (SubjectPublicKeyInfo, DER): their kind, and whether two are the same."""

from __future__ import annotations

from secretenv.identity.x509 import OID, SEQUENCE, UnreadableError, take

RSA = bytes.fromhex("2a864886f70d010101")  # rsaEncryption (RFC 8017)
EC = bytes.fromhex("2a8648ce3d0201")  # id-ecPublicKey (RFC 5480)


def is_rsa(public_key: bytes) -> bool:
    """Return whether it is an RSA key."""
    return _kind(public_key) == RSA


def is_ec(public_key: bytes) -> bool:
    """Return whether it is a key on an elliptic curve, with which secrets can be shared."""
    return _kind(public_key) == EC


def same(one: bytes, other: bytes) -> bool:
    """Return whether two are the same key, however it is encoded: a point may be compressed."""
    if one == other:
        return True
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

    try:
        return load_der_public_key(one).public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        ) == load_der_public_key(other).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001 - one that cannot be read is not the other
        return False


def _kind(public_key: bytes) -> bytes:
    try:
        return take(take(take(public_key, SEQUENCE)[0], SEQUENCE)[0], OID)[0]
    except UnreadableError:
        return b""
