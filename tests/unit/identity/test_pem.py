"""What files hold in place of PEM text: each form is recognised, and the printed command puts it right."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509 import CertificateRevocationListBuilder, load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from secretenv.errors import CertificateError
from secretenv.identity import certificate, pem
from secretenv.identity.der import CERTIFICATE, KEY

from .certificates import certificate as make_certificate
from .certificates import ec_key, rsa_key, write
from .certificates import pem as key_pem
from .test_certificate import device

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THE_KEY = rsa_key()
CERT, PRIVATE = make_certificate(THE_KEY), key_pem(THE_KEY)
ENCODING, PLAIN = serialization.Encoding, serialization.NoEncryption()
EC = ec_key()
EC_CERT = make_certificate(EC)
LOADED = load_pem_x509_certificate(CERT)


def der(content: bytes) -> bytes:
    """Return the DER of PEM text."""
    return base64.b64decode(b"".join(content.splitlines()[1:-1]))


# What happens to PEM text on its way: the words for it.
TEXTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "UTF-16 with a mark": (lambda it: it.decode().encode("utf-16"), "UTF-16 text"),
    "UTF-16, little end first": (lambda it: it.decode().encode("utf-16-le"), "UTF-16 text"),
    "UTF-16, big end first": (lambda it: it.decode().encode("utf-16-be"), "UTF-16 text"),
    "backslash n": (lambda it: it.replace(b"\n", b"\\n"), r"PEM text with \n in place of its line ends"),
    "backslash r n": (lambda it: it.replace(b"\n", b"\\r\\n"), r"PEM text with \n in place of its line ends"),
    "two backslashes": (lambda it: it.replace(b"\n", b"\\\\n"), r"PEM text with \n in place of its line ends"),
    "a JSON string": (lambda it: json.dumps(it.decode()).encode(), r"PEM text with \n in place of its line ends"),
    "quotes": (lambda it: b'"' + it.strip() + b'"\n', "PEM text in quotes"),
    "single quotes": (lambda it: b"'" + it.strip() + b"'\n", "PEM text in quotes"),
    "a quote at its end": (lambda it: it.strip() + b"'\n", "PEM text in quotes"),
    "spaces for line ends": (lambda it: it.replace(b"\n", b" "), "PEM text without line ends around its markers"),
    "one line": (lambda it: it.replace(b"\n", b""), "PEM text without line ends around its markers"),
    "one line in quotes": (
        lambda it: b'"' + it.replace(b"\n", b" ").strip() + b'"',
        "PEM text without line ends around its markers",
    ),
    "indented": (lambda it: re.sub(rb"(?m)^(?=.)", b"    ", it), "PEM text with spaces at the start of its lines"),
    "a block of YAML": (
        lambda it: b"data: |\n" + re.sub(rb"(?m)^(?=.)", b"\t", it),
        "PEM text with spaces at the start of its lines",
    ),
    "only its first line indented": (lambda it: b" " + it, "PEM text with spaces at the start of its lines"),
    "all but its first line indented": (
        lambda it: it.replace(b"\n", b"\n  "),
        "PEM text with spaces at the start of its lines",
    ),
    "every other line empty": (lambda it: it.replace(b"\n", b"\n\n"), "PEM text with empty lines between its lines"),
    "carriage returns": (
        lambda it: it.replace(b"\n", b"\r"),
        "PEM text with the line ends of an old Macintosh",
    ),
    "base64 of it": (base64.b64encode, "PEM text in base64"),
    "base64 of it in lines": (base64.encodebytes, "PEM text in base64"),
}
PEM_OF = {CERTIFICATE: CERT, KEY: PRIVATE}


def found(tmp_path: Path, wanted: str, content: bytes) -> CertificateError:
    """Return the error for a pair one of whose files has this content."""
    files = {"cert": write(tmp_path / "it's.crt", CERT), "key": write(tmp_path / "it's.key", PRIVATE)}
    name = "cert" if wanted == CERTIFICATE else "key"
    write(tmp_path / f"it's.{'crt' if name == 'cert' else name}", content)
    with pytest.raises(CertificateError) as caught:
        certificate.load(device(**files))
    assert caught.value.link == ("certificate file" if name == "cert" else "key file")
    return caught.value


def fixed(tmp_path: Path, wanted: str, error: CertificateError) -> None:
    """Run the command of the next step, and load what it made."""
    command = error.hint.removeprefix("add -legacy if its ciphers are old: ")
    tool = next(word for word in ("jq", "iconv", "ssh-keygen", "openssl", "sed") if word in f"{command} sed")
    if not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    command = command.replace(" pkcs12 ", " pkcs12 -passin pass: ").replace("pkcs8 ", "pkcs8 -passin pass:p ")
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    new = tmp_path / "NEW"
    assert wanted == CERTIFICATE or new.stat().st_mode & 0o077 == 0
    good = write(tmp_path / "good.crt", CERT), write(tmp_path / "good.key", PRIVATE)
    pair = (str(new), good[1]) if wanted == CERTIFICATE else (good[0], str(new))
    certificate.load(device(cert=pair[0], key=pair[1]))


@pytest.mark.parametrize("wanted", [CERTIFICATE, KEY])
@pytest.mark.parametrize("text", TEXTS)
def test_text_that_was_changed(tmp_path: Path, wanted: str, text: str) -> None:
    """PEM text that a variable, an editor or another system changed: what happened to it, and how it is put right."""
    change, words = TEXTS[text]
    error = found(tmp_path, wanted, change(PEM_OF[wanted]))
    assert error.message.endswith(f"holds no {wanted} in PEM form, but {words}")
    fixed(tmp_path, wanted, error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CERT.replace(b"-----", "\u2013\u2013\u2013".encode()), "dashes or spaces of a word processor"),
        (CERT.replace(b"BEGIN ", "BEGIN\u00a0".encode()), "dashes or spaces of a word processor"),
        (CERT.replace(b"-----", b"----"), "markers lack their five dashes"),
        (CERT.replace(b"-----BEGIN CERTIFICATE-----", b"BEGIN CERTIFICATE"), "markers lack their five dashes"),
    ],
    ids=["dashes", "space", "four dashes", "no dashes"],
)
def test_text_that_cannot_be_put_right(tmp_path: Path, content: bytes, words: str) -> None:
    """What no command puts right is said all the same."""
    assert words in found(tmp_path, CERTIFICATE, content).message


ARCHIVE = pkcs12.serialize_key_and_certificates(
    b"x", THE_KEY, LOADED, None, serialization.BestAvailableEncryption(b"p")
)
OPEN_ARCHIVE = pkcs12.serialize_key_and_certificates(b"x", THE_KEY, LOADED, None, PLAIN)
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
JSON = {"certificatePem": CERT.decode(), "keyPair": {"PublicKey": "x", "PrivateKey": PRIVATE.decode()}}


@pytest.mark.parametrize(
    ("wanted", "content", "words"),
    [
        pytest.param(CERTIFICATE, der(CERT), "a certificate in DER form", id="a certificate in DER"),
        pytest.param(KEY, der(PRIVATE), "a private key in DER form", id="PKCS#8 in DER"),
        pytest.param(
            KEY,
            THE_KEY.private_bytes(ENCODING.DER, TRADITIONAL, PLAIN),
            "a private key in DER form",
            id="PKCS#1 in DER",
        ),
        pytest.param(
            KEY,
            THE_KEY.private_bytes(
                ENCODING.DER, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"p")
            ),
            "an encrypted private key in DER form",
            id="an encrypted key in DER",
        ),
        pytest.param(CERTIFICATE, OPEN_ARCHIVE, "a PKCS#12 archive", id="PKCS#12 for a certificate"),
        pytest.param(KEY, OPEN_ARCHIVE, "a PKCS#12 archive", id="PKCS#12 for a key"),
        pytest.param(KEY, base64.b64encode(OPEN_ARCHIVE), "a PKCS#12 archive in base64", id="PKCS#12 in base64"),
        pytest.param(
            CERTIFICATE,
            pkcs7.serialize_certificates([LOADED], ENCODING.DER),
            "PKCS#7 certificates in DER form",
            id="PKCS#7 in DER",
        ),
        pytest.param(
            CERTIFICATE, pkcs7.serialize_certificates([LOADED], ENCODING.PEM), "PKCS#7 certificates", id="PKCS#7 in PEM"
        ),
        pytest.param(
            CERTIFICATE,
            base64.b64encode(der(CERT)),
            "a certificate in base64 without its first and last line",
            id="a certificate without armour",
        ),
        pytest.param(
            KEY,
            b"\n".join(PRIVATE.splitlines()[1:-1]),
            "a private key in base64 without its first and last line",
            id="a key without armour",
        ),
        pytest.param(CERTIFICATE, json.dumps(JSON).encode(), "JSON with PEM text in it", id="AWS's JSON, certificate"),
        pytest.param(KEY, json.dumps(JSON, indent=2).encode(), "JSON with PEM text in it", id="AWS's JSON, key"),
        pytest.param(
            KEY,
            THE_KEY.private_bytes(ENCODING.PEM, serialization.PrivateFormat.OpenSSH, PLAIN),
            "a private key in OpenSSH's form",
            id="OpenSSH",
        ),
        pytest.param(CERTIFICATE, CERT.strip() + CERT, "PEM text without line ends around its markers", id="glued"),
    ],
)
def test_other_forms(tmp_path: Path, wanted: str, content: bytes, words: str) -> None:
    """A certificate or a key in another form than PEM: the form, and the command that converts it."""
    error = found(tmp_path, wanted, content)
    assert error.message.endswith(f"holds no {wanted} in PEM form, but {words}")
    fixed(tmp_path, wanted, error)


PUBLIC = THE_KEY.public_key().public_bytes(ENCODING.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
SSH_PUBLIC = THE_KEY.public_key().public_bytes(ENCODING.OpenSSH, serialization.PublicFormat.OpenSSH)


NOW = datetime(2026, 1, 1, tzinfo=UTC)
CRL = CertificateRevocationListBuilder(LOADED.subject, NOW, NOW).sign(THE_KEY, SHA256()).public_bytes(ENCODING.DER)


@pytest.mark.parametrize(
    ("wanted", "content", "words", "step"),
    [
        pytest.param(CERTIFICATE, PRIVATE, "a private key", "are they swapped?", id="a key for a certificate"),
        pytest.param(KEY, CERT, "a certificate and no key", "--key its private key", id="a certificate for a key"),
        pytest.param(KEY, der(CERT), "a certificate in DER form", "swapped?", id="a certificate in DER for a key"),
        pytest.param(KEY, PUBLIC, "a public key", "--key its private key", id="a public key"),
        pytest.param(KEY, der(PUBLIC), "a public key in DER form", "--key its private key", id="a public key in DER"),
        pytest.param(KEY, SSH_PUBLIC, "a public key of SSH", "--key its private key", id="a public key of SSH"),
        pytest.param(KEY, b"PuTTY-User-Key-File-3: ssh-rsa\n", "PuTTY's form", "puttygen", id="PuTTY"),
        pytest.param(CERTIFICATE, b"PK\x03\x04\x14", "a ZIP archive", "unzip", id="ZIP"),
        pytest.param(CERTIFICATE, b"\xfe\xed\xfe\xed\0", "a Java keystore", "keytool", id="JKS"),
        pytest.param(CERTIFICATE, b"\n<!DOCTYPE html>\n<p>", "a web page", "captive portal", id="HTML"),
        pytest.param(
            CERTIFICATE, PUBLIC.replace(b"PUBLIC KEY", b"X509 CRL"), "a revocation list", "AWS IoT gave", id="CRL"
        ),
        pytest.param(CERTIFICATE, CRL, "a revocation list in DER form", "AWS IoT gave", id="CRL in DER"),
        pytest.param(
            KEY,
            PUBLIC.replace(b"PUBLIC KEY", b"PGP PRIVATE KEY BLOCK"),
            "PGP PRIVATE KEY BLOCK",
            "its private",
            id="PGP",
        ),
        pytest.param(
            CERTIFICATE, PUBLIC.replace(b"PUBLIC KEY", b"THING"), "of another kind, THING", "AWS IoT gave", id="other"
        ),
    ],
)
def test_something_else(tmp_path: Path, wanted: str, content: bytes, words: str, step: str) -> None:
    """Something that is neither: what it is, and what belongs there."""
    error = found(tmp_path, wanted, content)
    assert words in error.message
    assert step in error.hint


def test_a_certificate_request(tmp_path: Path) -> None:
    """A request is no certificate yet: the command that has it signed."""
    request = tmp_path / "request"
    key = write(tmp_path / "key", PRIVATE)
    words = ["openssl", "req", "-new", "-key", key, "-subj", "/CN=d", "-out", str(request)]
    subprocess.run(words, check=True, capture_output=True)
    for content, words_ in ((request.read_bytes(), "request"), (der(request.read_bytes()), "request in DER form")):
        error = found(tmp_path, CERTIFICATE, content)
        assert error.message.endswith(f"a certificate {words_}")
        assert "create-certificate-from-csr" in error.hint


def test_only_the_certificate_is_given(tmp_path: Path) -> None:
    """Without --key the key is looked for in the certificate's file."""
    with pytest.raises(CertificateError) as caught:
        certificate.load(device(cert=write(tmp_path / "c", CERT)))
    assert caught.value.message.endswith("holds no private key in PEM form, but a certificate and no key")


@pytest.mark.parametrize(
    "content", [CERT, CERT.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + CERT, b"# text\n\n" + CERT], ids=range(4)
)
def test_what_works_as_it_is(tmp_path: Path, content: bytes) -> None:
    """Line ends of Windows, a byte order mark and text around the block are no fault."""
    certificate.load(device(cert=write(tmp_path / "c", content), key=write(tmp_path / "k", PRIVATE)))


@pytest.mark.parametrize("kind", ["EC PARAMETERS before the key", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"])
def test_other_blocks_that_work(tmp_path: Path, kind: str) -> None:
    """What `openssl ecparam -genkey` writes, and the two other labels that a certificate may have."""
    key, cert = key_pem(EC), EC_CERT
    if kind.startswith("EC"):
        words = ["openssl", "ecparam", "-name", "prime256v1"]
        key = subprocess.run(words, check=True, capture_output=True).stdout + key
    else:
        cert = cert.replace(b"CERTIFICATE", kind.encode())
    certificate.load(device(cert=write(tmp_path / "c", cert), key=write(tmp_path / "k", key)))


def test_a_byte_order_mark() -> None:
    """OpenSSL 1.1.1 does not read what begins with one."""
    assert pem.form(b"\xef\xbb\xbf" + CERT, CERTIFICATE, "f") == (
        "PEM text after a byte order mark",
        "tail -c +4 f > NEW",
    )


@pytest.mark.parametrize("variable", ["--ca", "AWS_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "words", "step"),
    [
        pytest.param(der(CERT), "a certificate in DER form", "openssl x509 -inform der -in", id="DER"),
        pytest.param(CERT.strip() + CERT, "without line ends around its markers", "sed -E", id="glued"),
        pytest.param(OPEN_ARCHIVE, "a PKCS#12 archive", "-cacerts -nokeys", id="PKCS#12"),
        pytest.param(PRIVATE, "a private key", "", id="a key"),
        pytest.param(PUBLIC, "a public key", "", id="a public key"),
        pytest.param(PUBLIC.replace(b"PUBLIC KEY", b"CERTIFICATE REQUEST"), "a certificate request", "", id="request"),
        pytest.param(b"<html>", "a web page", "download it again", id="HTML"),
    ],
)
def test_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str, step: str, variable: str
) -> None:
    """Roots in another form: the command that converts them, or the setting that must name others."""
    given = {"cert": write(tmp_path / "c", CERT), "key": write(tmp_path / "k", PRIVATE)}
    roots = write(tmp_path / "roots", content)
    if variable == "--ca":
        given["ca"] = roots
    else:
        monkeypatch.setenv(variable, roots)
    with pytest.raises(CertificateError) as caught:
        certificate.load(device(**given))
    assert caught.value.link == "roots file"
    assert words in caught.value.message
    assert (step or f"{variable} ") in caught.value.hint


@given(st.binary() | st.text().map(str.encode), st.sampled_from([CERTIFICATE, KEY]))
def test_any_content(content: bytes, wanted: str) -> None:
    """Whatever a file holds, looking at it raises nothing, and what is said shows nothing of it but a PEM label."""
    form = pem.form(content, wanted, "file")
    assert form is None or all(form)


@given(st.integers(0, len(CERT)), st.binary(max_size=4))
def test_any_damage(place: int, put_in: bytes) -> None:
    """A certificate with a few bytes changed is looked at without an error."""
    pem.form(CERT[:place] + put_in + CERT[place + 1 :], CERTIFICATE, "file")


def test_an_ec_key_in_der() -> None:
    """SEC1, the traditional form of EC keys, is a private key too."""
    raw = ec_key().private_bytes(ENCODING.DER, TRADITIONAL, PLAIN)
    found = pem.form(raw, KEY, "file")
    assert found
    assert found[0] == "a private key in DER form"
