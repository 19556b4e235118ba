"""The public key in the device's certificate, and since when the certificate is valid."""

from __future__ import annotations

from secretenv import files
from secretenv.cache import messages
from secretenv.identity import x509

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.errors import Message
    from secretenv.settings import Device

FOREIGN = "it belongs to {owner}, who could change it, and secretenv runs as root"


def read(device: Device) -> tuple[bytes, float]:
    """Return the SubjectPublicKeyInfo (DER) of the certificate, and when it becomes valid, in epoch seconds.

    Raises:
        CacheError: it cannot be read.
    """
    file = device.cert
    content = read_file(file, messages.CERTIFICATE_UNUSABLE)
    try:
        found = x509.read_pem(content.decode("latin-1"))
    except x509.UnreadableError:
        return _odd(file, content)
    return found.public_key, found.not_before


def read_file(file: str, unusable: Message) -> bytes:
    """Return the content of a file of the device.

    Args:
        file: its path.
        unusable: the error if it cannot be read, or if root must not trust its owner.

    Raises:
        CacheError: that.
    """
    try:
        content, status = files.read(file)
    except OSError as error:
        raise unusable(file=file, reason=error.strerror) from None
    if owner := files.stranger(status):
        raise unusable(file=file, reason=FOREIGN.format(owner=owner))
    return content


def _odd(file: str, content: bytes) -> tuple[bytes, float]:
    """Return the same for a certificate that the strict reader does not understand."""
    from cryptography import x509 as lenient
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        found = lenient.load_pem_x509_certificate(content)
        public_key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return public_key, found.not_valid_before_utc.timestamp()
    except Exception:  # noqa: BLE001 - of its many kinds none says more to a user
        raise messages.CERTIFICATE_UNUSABLE(file=file, reason="no certificate in PEM form can be read in it") from None
