"""The reader of certificates agrees with `cryptography`, and whatever the bytes are, it fails in its own way only."""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl

import pytest
from cryptography import x509 as reference
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secretenv.identity import x509

from .certificates import Key, certificate, ec_key, rsa_key

EC, RSA = ec_key(), rsa_key()
UTC = dt.UTC
CERTIFICATE = ssl.PEM_cert_to_DER_cert(certificate(EC).decode())


def made(
    subject: list[tuple[reference.ObjectIdentifier, str]],
    start: dt.datetime = dt.datetime(2021, 5, 1, tzinfo=UTC),
    end: dt.datetime = dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
) -> bytes:
    """Return a certificate (DER) with these names and dates."""
    name = reference.Name([reference.NameAttribute(kind, text) for kind, text in subject])
    built = (
        reference.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(EC.public_key())
        .serial_number(reference.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(EC, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("key", [EC, RSA])
def test_a_certificate_as_cryptography_reads_it(key: Key) -> None:
    """Dates, names, serial number, fingerprint and public key are those of the certificate, whatever its key is."""
    pem = certificate(key, "device-7")
    theirs = reference.load_pem_x509_certificate(pem)
    ours = x509.read_pem(pem.decode())
    assert ours.not_before == theirs.not_valid_before_utc.timestamp()
    assert ours.not_after == theirs.not_valid_after_utc.timestamp()
    assert (ours.subject, ours.issuer) == ("device-7", "device-7")
    assert ours.serial == theirs.serial_number
    assert ours.fingerprint == theirs.fingerprint(hashes.SHA256()).hex()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    assert ours.public_key == theirs.public_key().public_bytes(serialization.Encoding.DER, form)


@settings(max_examples=50)
@given(
    st.datetimes(min_value=dt.datetime(1950, 1, 1), max_value=dt.datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=16),
)
@example(dt.datetime(1950, 1, 1, tzinfo=UTC), "the first year of UTCTime")
@example(dt.datetime(1970, 1, 1, tzinfo=UTC), "the epoch")
@example(dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), "the last second of UTCTime")
@example(dt.datetime(2050, 1, 1, tzinfo=UTC), "the first of GeneralizedTime")
@example(dt.datetime(9999, 12, 30, tzinfo=UTC), "Gerät ☃")
def test_dates_and_names(start: dt.datetime, name: str) -> None:
    """Two digits of a year are 1950 to 2049, later years have four; names are in any script."""
    start = start.replace(microsecond=0)
    end = start + dt.timedelta(days=1)
    found = x509.read(made([(NameOID.COMMON_NAME, name)], start, end))
    assert (found.not_before, found.not_after) == (start.timestamp(), end.timestamp())
    assert found.subject == name


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        pytest.param([], "", id="none"),
        pytest.param([(NameOID.ORGANIZATION_NAME, "Amazon.com Inc.")], "Amazon.com Inc.", id="organisation"),
        pytest.param(
            [(NameOID.ORGANIZATIONAL_UNIT_NAME, "Amazon Web Services"), (NameOID.ORGANIZATION_NAME, "Amazon")],
            "Amazon Web Services",
            id="unit, as in the issuer of AWS IoT",
        ),
        pytest.param(
            [(NameOID.COUNTRY_NAME, "DE"), (NameOID.COMMON_NAME, "device"), (NameOID.ORGANIZATION_NAME, "Us")],
            "device",
            id="common name",
        ),
        pytest.param([(NameOID.COMMON_NAME, "general"), (NameOID.COMMON_NAME, "own")], "own", id="two"),
    ],
)
def test_which_name_is_shown(names: list[tuple[reference.ObjectIdentifier, str]], shown: str) -> None:
    """The common name, else the unit, else the organisation; the last of two is the most particular."""
    assert x509.read(made(names)).subject == shown


def test_the_first_of_a_chain() -> None:
    """In a file with a chain, and with text around it, the first certificate is the device's."""
    device, ca = certificate(EC, "device").decode(), certificate(RSA, "ca").decode()
    assert x509.read_pem(f"Bag Attributes\n{device}\n{ca}".replace("\n", "\r\n")).subject == "device"


def test_openssls_trusted_form() -> None:
    """`TRUSTED CERTIFICATE` has more after the certificate; the fingerprint is the certificate's alone."""
    assert x509.read(CERTIFICATE + b"0\x00").fingerprint == hashlib.sha256(CERTIFICATE).hexdigest()
    pem = certificate(EC).decode().replace("CERTIFICATE", "TRUSTED CERTIFICATE")
    assert x509.read_pem(pem).subject == "device"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"210501000000Z", b"211301000000Z", id="a month 13"),
        pytest.param(b"210501000000Z", b"210431000000Z", id="31 April"),
        pytest.param(b"210501000000Z", b"2105010000000", id="no Z"),
        pytest.param(b"210501000000Z", b"21050100+0100", id="a time zone"),
        pytest.param(b"\x17\r210501000000Z", b"\x18\r210501000000Z", id="the other kind of time"),
        pytest.param(b"\x17\r210501000000Z", b"\x04\r210501000000Z", id="no time"),
        pytest.param(b"\x0c\x04name", b"\x0c\x04n\xffme", id="a name that is no UTF-8"),
        pytest.param(b"\x0c\x04name", b"\x0c\x05name", id="an element longer than what holds it"),
        pytest.param(b"\x0c\x04name", b"\x0c\x80name", id="an indefinite length"),
    ],
)
def test_what_is_not_understood(old: bytes, new: bytes) -> None:
    """A date, a name or a length that is not valid is an error of the reader's own."""
    good = made([(NameOID.COMMON_NAME, "name")])
    assert old in good
    x509.read(good)
    with pytest.raises(x509.UnreadableError):
        x509.read(good.replace(old, new, 1).replace(old, new, 1))


def test_more_than_two_dates() -> None:
    """A certificate has two dates; whatever has more is something else."""
    long = made([], end=dt.datetime(2050, 1, 1, tzinfo=UTC))
    assert b"\x18\x0f20500101000000Z" in long
    with pytest.raises(x509.UnreadableError):
        x509.read(long.replace(b"\x18\x0f20500101000000Z", b"\x17\x0d500101000000Z\x05\x00"))


def test_lengths_in_more_bytes_than_needed() -> None:
    """DER has one form for each length; another one is refused."""
    short = made([(NameOID.COMMON_NAME, "name")])
    assert short[:2] == b"\x30\x82"
    with pytest.raises(x509.UnreadableError):
        x509.read(b"\x30\x83\x00" + short[2:])


@given(st.binary(max_size=300))
@example(b"")
@example(b"\x30")
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\x30\x85\x01\x00\x00\x00\x00")
@example(b"\x30" * 300)
@example(b"\x00" * (x509.LARGEST + 1))
def test_any_bytes(der: bytes) -> None:
    """Arbitrary bytes are a certificate or an UnreadableError, never anything else."""
    try:
        x509.read(der)
    except x509.UnreadableError:
        return


@settings(max_examples=settings().max_examples * 5)
@given(st.data())
def test_any_damage(data: st.DataObject) -> None:
    """So is a certificate with some of its bytes changed, or cut short."""
    der = bytearray(CERTIFICATE)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        x509.read(bytes(der[: data.draw(st.integers(0, len(der)))]))
    except x509.UnreadableError:
        return


@given(st.text(max_size=200) | st.text("ABCabc0189+/=\n ", max_size=200))
@example("\xa0")
def test_any_text(text: str) -> None:
    """So is any text in place of base64."""
    with pytest.raises(x509.UnreadableError):
        x509.read_pem(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")


def test_nothing_of_a_size_that_no_certificate_has() -> None:
    """More than 64 KiB are not looked at: a device has better things to do."""
    with pytest.raises(x509.UnreadableError, match="large"):
        x509.read(CERTIFICATE + bytes(x509.LARGEST))
