"""What bytes in DER are, judged by their first elements: a certificate, a key, an archive of both. Pure."""

from __future__ import annotations

import re

CERTIFICATE, REQUEST, REVOCATIONS, PUBLIC_KEY = "certificate", "certificate request", "revocation list", "public key"
KEY, ENCRYPTED_KEY = "private key", "encrypted private key"
PKCS7, PKCS12 = "PKCS#7", "PKCS#12"

# The beginning of a SEQUENCE (X.690): its tag and a length, even one that is not DER's, as Windows writes them.
_S = rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...)"
_RSADSI = rb"\x06.\x2a\x86\x48\x86\xf7\x0d\x01"  # an object identifier, up to the number of the PKCS
_KINDS = {
    # PKCS#8 and PKCS#1 have version 0, SEC1 has 1.
    KEY: _S + rb"\x02\x01(?:\x00[\x30\x02]|\x01[\x04\x30])",
    ENCRYPTED_KEY: _S + _S + _RSADSI + rb"[\x05\x0c]",
    PUBLIC_KEY: _S + _S + rb"(?:" + _RSADSI + rb"\x01|\x06\x07\x2a\x86\x48\xce\x3d\x02\x01|\x06\x03\x2b\x65)",
    PKCS12: _S + rb"\x02\x01\x03" + _S + _RSADSI + rb"\x07",
    PKCS7: _S + _RSADSI + rb"\x07\x02",
    REQUEST: _S + _S + rb"\x02\x01\x00\x30",
    REVOCATIONS: _S + _S + rb"\x02\x01\x01\x30",
    CERTIFICATE: _S + _S + rb"(?:\xa0\x03\x02\x01|\x02)",
}
_COMPILED = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in _KINDS.items()}


def kind_of(data: bytes) -> str:
    """Return which of these kinds bytes are, or nothing."""
    return next((kind for kind, pattern in _COMPILED.items() if pattern.match(data)), "")
