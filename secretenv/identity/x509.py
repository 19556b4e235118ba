"""The fields of a certificate: its dates, names, serial number, public key and fingerprint, from DER. Pure.

The standard library has no public parser for a client's certificate, and `cryptography` is too much for a device that
needs six fields. Nothing is trusted because of what is read here: trust is OpenSSL's business. So the reader is strict,
and raises `UnreadableError` for all that it does not understand.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import NamedTuple

# Tags of ASN.1 (X.690, 8.1.2), and the encodings of those that a name may have (RFC 5280, 4.1.2.4).
INTEGER, OCTETS, OID, SEQUENCE, SET, VERSION = 0x02, 0x04, 0x06, 0x30, 0x31, 0xA0
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
ENCODINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}

# Of X.520, the better name first: common name, unit, organisation. AWS's own issuer has no common name, only a unit.
NAMES = (bytes.fromhex("550403"), bytes.fromhex("55040b"), bytes.fromhex("55040a"))

LONG_FORM = 0x80  # bit of a length's first byte: the length itself follows, in this many bytes
LONGEST_LENGTH = 4  # of these bytes: four gigabytes are enough
CENTURY = 50  # of UTCTime: years from here on are 19xx (RFC 5280, 4.1.2.5.1)

LARGEST = 1 << 16  # of a certificate: real ones have 1 or 2 KiB

_PEM = re.compile(r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END")


class UnreadableError(ValueError):
    """These bytes are not a certificate that this reader understands."""


class Certificate(NamedTuple):
    """The fields of a certificate. Times are epoch seconds; a name is the common name, else unit or organisation."""

    not_before: float
    not_after: float
    subject: str
    issuer: str
    serial: int
    fingerprint: str  # SHA-256 of the DER in hex: AWS IoT's certificate id
    public_key: bytes  # the whole SubjectPublicKeyInfo, DER


def read_pem(text: str) -> Certificate:
    """Return the fields of the first certificate of a PEM file; text around it is skipped.

    Raises:
        UnreadableError: there is no certificate, or it is not understood.
    """
    found = _PEM.search(text)
    if not found:
        raise UnreadableError("no certificate in PEM form")
    try:
        return read(binascii.a2b_base64(found[1].encode("ascii")))
    except (binascii.Error, UnicodeEncodeError):
        raise UnreadableError("not base64") from None


def read(der: bytes) -> Certificate:
    """Return the fields of a certificate; bytes after it are ignored, as OpenSSL's trusted certificates have them.

    Raises:
        UnreadableError: it is not understood.
    """
    if len(der) > LARGEST:
        raise UnreadableError("too large")
    content, rest = take(der, SEQUENCE)
    fields, _ = take(content, SEQUENCE)
    if fields[:1] == bytes([VERSION]):
        _, fields = take(fields, VERSION)
    serial, fields = take(fields, INTEGER)
    if not serial:
        raise UnreadableError("an integer without bytes")
    _, fields = take(fields, SEQUENCE)  # the signature's algorithm
    issuer, fields = take(fields, SEQUENCE)
    validity, fields = take(fields, SEQUENCE)
    subject, fields = take(fields, SEQUENCE)
    _, after = take(fields, SEQUENCE)  # the public key
    not_before, validity = _time(validity)
    not_after, validity = _time(validity)
    if validity:
        raise UnreadableError("more than two dates")
    return Certificate(
        not_before=not_before,
        not_after=not_after,
        subject=_name(subject),
        issuer=_name(issuer),
        serial=int.from_bytes(serial, signed=True),
        fingerprint=hashlib.sha256(der[: len(der) - len(rest)]).hexdigest(),
        public_key=fields[: len(fields) - len(after)],
    )


def take(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the element that `data` begins with, which has this tag, and what follows it.

    Raises:
        UnreadableError: it has another tag, or is not DER.
    """
    found, content, rest = _element(data)
    if found != tag:
        raise UnreadableError(f"tag {found:#04x} in place of {tag:#04x}")
    return content, rest


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first element, and what follows it."""
    if len(data) < 2:  # noqa: PLR2004 - a tag and a length
        raise UnreadableError("it ends too early")
    length, start = data[1], 2
    if length & LONG_FORM:
        size = length - LONG_FORM
        start += size
        length = int.from_bytes(data[2:start])
        # In DER a length has as few bytes as possible (X.690, 10.1).
        if not 0 < size <= LONGEST_LENGTH or length < LONG_FORM or length >> 8 * (size - 1) == 0:
            raise UnreadableError("not a valid length")
    if start + length > len(data):
        raise UnreadableError("it ends too early")
    return data[0], data[start : start + length], data[start + length :]


def _time(data: bytes) -> tuple[float, bytes]:
    """Return the epoch seconds of the time that `data` begins with, and what follows it."""
    tag, content, rest = _element(data)
    digits = {UTC_TIME: 12, GENERALIZED_TIME: 14}.get(tag)
    if digits is None or not re.fullmatch(rb"[0-9]{%d}Z" % digits, content):
        raise UnreadableError("not a valid date")
    year = int(content[: digits - 10])
    if tag == UTC_TIME:
        year += 1900 if year >= CENTURY else 2000
    numbers = [int(content[i : i + 2]) for i in range(digits - 10, digits, 2)]
    month, day, hour, minute, second = numbers
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp(), rest
    except ValueError:
        raise UnreadableError("not a valid date") from None


def _name(data: bytes) -> str:
    """Return the most telling part of a name: the last of its best kind, as parts go from general to specific."""
    found: dict[bytes, str] = {}
    while data:
        parts, data = take(data, SET)
        while parts:
            part, parts = take(parts, SEQUENCE)
            kind, value = take(part, OID)
            tag, text, _ = _element(value)
            if kind in NAMES and tag in ENCODINGS:
                try:
                    found[kind] = text.decode(ENCODINGS[tag])
                except UnicodeDecodeError:
                    raise UnreadableError("a name that is not text") from None
    return next((found[kind] for kind in NAMES if kind in found), "")
