"""A private key that is in its file, used by `cryptography`.

Keys in the usual plain forms are read here and handed over as numbers: cryptography's own reader of PEM files loads
what it needs for the keys of SSH, which takes as long as all the rest together.
"""

from __future__ import annotations

import binascii

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from secretenv.cache import messages
from secretenv.cache.public_key import EC, RSA
from secretenv.identity.x509 import INTEGER, OCTETS, OID, SEQUENCE, UnreadableError, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    Private = ec.EllipticCurvePrivateKey | RSAPrivateKey

PKCS8, PKCS1, SEC1 = "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"

_CURVES: dict[bytes, type[ec.EllipticCurve]] = {
    bytes.fromhex("2a8648ce3d030107"): ec.SECP256R1,
    bytes.fromhex("2b81040022"): ec.SECP384R1,
    bytes.fromhex("2b81040023"): ec.SECP521R1,
}
_PARAMETERS = 0xA0  # the tag of a curve in SEC1 (RFC 5915)


class SoftwareKey:
    """A key with what the cache needs of it.

    Args:
        private: the key.
    """

    def __init__(self, private: Private) -> None:
        self._private = private

    def secret(self, text: bytes) -> bytes:
        """Return what only this key gives, each time the same: EC: a shared secret; RSA: the signature of `text`."""
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            return self._private.exchange(ec.ECDH(), self._private.public_key())
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return self._private.sign(text, PKCS1v15(), SHA256())

    def public(self) -> bytes:
        """Return its SubjectPublicKeyInfo, DER."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load(file: str, label: str, block: str, password: Callable[[], bytes]) -> SoftwareKey:
    """Return the key of a PEM block.

    The numbers of an RSA key are not checked, which would take 30 ms: wrong ones open nothing.

    Args:
        file: where it is, for errors.
        label: of the block.
        block: all of it.
        password: called if it is encrypted.

    Raises:
        CacheError: it cannot be read, or is of another kind.
    """
    private: object
    try:
        private = _plain(label, block)
    except (ValueError, OverflowError):
        private = _any(file, block, password)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return SoftwareKey(private)
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(private, RSAPrivateKey):
        return SoftwareKey(private)
    raise messages.KEY_OF_OTHER_KIND(file=file)


def _plain(label: str, block: str) -> Private:
    """Return a key that is in one of the usual forms.

    Raises:
        ValueError: it is not.
    """
    der = binascii.a2b_base64("".join(block.splitlines()[1:-1]), strict_mode=True)
    content, _ = take(der, SEQUENCE)
    version, content = take(content, INTEGER)
    curve = b""
    if label == PKCS8:
        algorithm, content = take(content, SEQUENCE)
        kind, parameters = take(algorithm, OID)
        if kind == EC:
            curve, _ = take(parameters, OID)
        label = {EC: SEC1, RSA: PKCS1}.get(kind, "")
        content, _ = take(take(content, OCTETS)[0], SEQUENCE)
        version, content = take(content, INTEGER)
    if label == SEC1 and version == b"\1":
        return _of_curve(content, curve)
    if label == PKCS1 and version == b"\0":
        return _of_rsa(content)
    raise UnreadableError("another form")


def _of_curve(content: bytes, curve: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key of what follows the version in an ECPrivateKey (RFC 5915)."""
    number, content = take(content, OCTETS)
    if not curve:
        curve, _ = take(take(content, _PARAMETERS)[0], OID)
    if curve not in _CURVES:
        raise UnreadableError("another curve")
    # The public key is computed, not taken from the file.
    return ec.derive_private_key(int.from_bytes(number), _CURVES[curve]())


def _of_rsa(content: bytes) -> RSAPrivateKey:
    """Return the key of what follows the version in an RSAPrivateKey (RFC 8017)."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    numbers = []
    while content:
        number, content = take(content, INTEGER)
        numbers.append(int.from_bytes(number, signed=True))
    n, e, d, p, q, dmp1, dmq1, iqmp = numbers
    return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, rsa.RSAPublicNumbers(e, n)).private_key(
        unsafe_skip_rsa_key_validation=True
    )


def _any(file: str, block: str, password: Callable[[], bytes]) -> object:
    """Return a key in any form that cryptography reads."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem, given = block.encode("latin-1"), None
    try:
        try:
            return load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        except TypeError:  # it is encrypted
            given = password()
            return load_pem_private_key(pem, given, unsafe_skip_rsa_key_validation=True)
    except (ValueError, UnsupportedAlgorithm):
        reason = "it cannot be read" if given is None else "it does not open with the given password"
        raise messages.KEY_UNUSABLE(file=file, reason=reason) from None
