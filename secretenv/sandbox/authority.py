"""A throwaway certificate authority: a server's certificate, devices' certificates and their keys.

It knows X.509 and files, not which certificate is registered, active or permitted.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from typing import TYPE_CHECKING, Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

Kind = Literal["rsa", "ec"]
KeyFormat = Literal["pkcs8", "traditional"]  # traditional: PKCS#1 for RSA, SEC1 for EC

LIFE = dt.timedelta(days=365)  # longer than anybody leaves a sandbox running
EARLIER = dt.timedelta(days=2)  # valid for a client whose clock is behind, too


class Authority:
    """A CA whose key never leaves the process."""

    def __init__(self, name: str) -> None:
        self._key = make_key("ec")
        self._name = _name(name)
        usage = _usage(signs_certificates=True)
        builder = self._builder(self._name, self._key, ca=True).add_extension(usage, critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """The CA's certificate, for clients that have to trust those that it signs."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, key: PrivateKey) -> bytes:
        """Return a certificate (PEM) for `localhost` and 127.0.0.1."""
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = self._builder(_name("localhost"), key).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        return self._sign(builder, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, common_name: str, key: PrivateKey, *, expired: bool = False) -> bytes:
        """Return a device's certificate (PEM), valid now or, `expired`, until yesterday."""
        return self._sign(self._builder(_name(common_name), key, expired=expired), ExtendedKeyUsageOID.CLIENT_AUTH)

    def requested(self, csr: str) -> bytes:
        """Return the certificate (PEM) of a device that keeps its key, for its certificate signing request (PEM).

        Raises:
            ValueError: it is not a request, or its signature is wrong.
        """
        request = x509.load_pem_x509_csr(csr.encode())
        if not request.is_signature_valid:
            raise ValueError("wrong signature")
        return self._sign(self._builder(request.subject, request), ExtendedKeyUsageOID.CLIENT_AUTH)

    def _builder(
        self,
        subject: x509.Name,
        key: PrivateKey | x509.CertificateSigningRequest,
        *,
        ca: bool = False,
        expired: bool = False,
    ) -> x509.CertificateBuilder:
        public: Any = key.public_key()
        now = dt.datetime.now(dt.UTC)
        # The identifiers of both keys are there for OpenSSL's strict checks, the default since Python 3.13.
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(now - EARLIER / 2 if expired else now + LIFE)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _sign(self, builder: x509.CertificateBuilder, purpose: x509.ObjectIdentifier) -> bytes:
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make_key(kind: Kind) -> PrivateKey:
    """Return a new key: RSA 2048, as AWS IoT itself makes them, or EC P-256."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: PrivateKey, *, form: KeyFormat = "pkcs8", password: str = "") -> bytes:
    """Return the key as PEM, encrypted if there is a password."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8 if form == "pkcs8" else serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption(),
    )


def certificate_id(certificate: bytes) -> str:
    """Return AWS IoT's id of a certificate in PEM or DER: the SHA-256 of its DER."""
    pem = certificate.startswith(b"-----")
    loaded = x509.load_pem_x509_certificate(certificate) if pem else x509.load_der_x509_certificate(certificate)
    return loaded.fingerprint(hashes.SHA256()).hex()


def write_private(path: Path, content: bytes) -> Path:
    """Write a new file that only its owner can read, and return its path."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
