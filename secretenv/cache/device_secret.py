"""The secret of the device: what only the holder of its private key can compute, each time the same.

With an RSA key it is the PKCS#1 v1.5 signature of a fixed text; a program that signs any text with the device's key
would give it away. With an EC key it is what ECDH makes of the key and its own public key: without the private key that
is as hard to compute as any secret of ECDH.
"""

from __future__ import annotations

import re

from secretenv.cache import messages
from secretenv.cache.device_certificate import read_file
from secretenv.cache.public_key import same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.cache.hardware_key import HardwareKey
    from secretenv.cache.software_key import SoftwareKey
    from secretenv.settings import Device

# Nothing that TLS signs begins like this: a handshake begins with a byte 1, what TLS 1.3 signs begins with 64 spaces.
TEXT = b"secretenv cache 1: the secret of this device. Do not sign this text for anyone."

_PEM = re.compile(r"-----BEGIN ((?:[A-Z0-9#]+ )*(?:PRIVATE KEY|PROVIDER URI))-----.*?-----END \1-----", re.DOTALL)
_IN_HARDWARE = re.compile(r"TSS2 PRIVATE KEY|.*PROVIDER URI")


def read(device: Device) -> bytes:
    """Return the secret, as quickly as possible; a key that belongs to another certificate gives another secret.

    Raises:
        CacheError: the key cannot be used.
    """
    return _secret(_load(device), _file(device))


def read_checked(device: Device, public_key: bytes) -> bytes:
    """Return the secret, if the key is right: what is sealed with it can be opened again.

    Args:
        device: names the files.
        public_key: of its certificate.

    Raises:
        CacheError: the key cannot be used, or belongs to another certificate.
    """
    file = _file(device)
    key = _load(device)
    if not same(key.public(), public_key):
        raise messages.KEY_OF_ANOTHER_CERTIFICATE(file=file, certificate=device.cert)
    secret = _secret(key, file)
    if secret != _secret(key, file):  # a signature with a random part
        raise messages.KEY_UNSTEADY(file=file)
    return secret


def _secret(key: SoftwareKey | HardwareKey, file: str) -> bytes:
    try:
        return key.secret(TEXT)
    except ValueError:  # the numbers of the key are wrong
        raise messages.KEY_UNUSABLE(file=file, reason="it is damaged") from None


def _file(device: Device) -> str:
    """Return where the key is: the certificate's file may hold it too."""
    return device.key or device.cert


def _load(device: Device) -> SoftwareKey | HardwareKey:
    """Return the key."""
    file = _file(device)
    content = read_file(file, messages.KEY_UNUSABLE)
    found = _PEM.search(content.decode("latin-1"))
    if not found:
        raise messages.KEY_UNUSABLE(file=file, reason="it holds no private key in PEM form")
    if _IN_HARDWARE.fullmatch(found[1]):
        from secretenv.cache import hardware_key

        return hardware_key.HardwareKey(file, _password(device) if device.key_password_file else b"")
    from secretenv.cache import software_key

    return software_key.load(file, found[1], found[0], lambda: _password(device))


def _password(device: Device) -> bytes:
    """Return the password of the key."""
    from secretenv.errors import CertificateError
    from secretenv.identity import key_password

    if not device.key_password_file:
        raise messages.KEY_UNUSABLE(file=_file(device), reason="it is encrypted, and no password file is given")
    try:
        return key_password.read(device.key_password_file)
    except CertificateError as error:
        raise messages.KEY_UNUSABLE(file=_file(device), reason=error.message) from None
