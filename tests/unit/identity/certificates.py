"""Certificates and keys for the tests, as files."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def ec_key() -> Key:
    """Return a new key, made in no time."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> Key:
    """Return a new key of the smallest size that OpenSSL takes."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def ed_key() -> Key:
    """Return a new key that can sign, and nothing else."""
    return ed25519.Ed25519PrivateKey.generate()


def certificate(
    key: Key, name: str = "device", *, start: dt.datetime | None = None, end: dt.datetime | None = None
) -> bytes:
    """Return a self-signed certificate in PEM form, for a host or a device of this name.

    It is valid from `start` to `end`, or from yesterday on for a year.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start or now - dt.timedelta(days=1))
        .not_valid_after(end or now + dt.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def pem(key: Key, *, traditional: bool = False, password: str = "") -> bytes:
    """Return a key in PEM form: PKCS#8, or PKCS#1 and SEC1; encrypted if there is a password."""
    form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def write(path: Path, content: bytes, mode: int = 0o600) -> str:
    """Write a file and return its path."""
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)
