"""The certificate, its key and the roots: which files load, and what is said of those that do not."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import pytest

from secretenv.defects import as_error
from secretenv.errors import CertificateError, FetcherError
from secretenv.identity import certificate
from secretenv.settings import Device

from .certificates import Key, ec_key, pem, rsa_key, write
from .certificates import certificate as make_certificate

if TYPE_CHECKING:
    from pathlib import Path

EC, RSA = ec_key(), rsa_key()
PASSWORD = "p4ssword-that-must-not-show"


def device(**paths: str) -> Device:
    """Return a device with these files."""
    return Device.from_json({**dict.fromkeys(Device.fields(), ""), **paths})


def pair(folder: Path, key: Key = EC, key_pem: bytes = b"", mode: int = 0o600, **more: str) -> Device:
    """Return a device with a certificate for a key, and the key's file."""
    return device(
        cert=write(folder / "device.crt", make_certificate(key)),
        key=write(folder / "device.key", key_pem or pem(key), mode),
        **more,
    )


def refusal(of: Device) -> CertificateError:
    """Return the error that loading leads to."""
    with pytest.raises(CertificateError) as caught:
        certificate.load(of)
    assert caught.value.hint
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    ("key", "traditional", "password"),
    [
        pytest.param(EC, False, "", id="EC, PKCS#8"),
        pytest.param(EC, True, "", id="EC, SEC1"),
        pytest.param(RSA, False, "", id="RSA, PKCS#8"),
        pytest.param(RSA, True, "", id="RSA, PKCS#1"),
        pytest.param(EC, False, PASSWORD, id="EC, encrypted PKCS#8"),
        pytest.param(EC, True, PASSWORD, id="EC, encrypted SEC1"),
        pytest.param(RSA, False, PASSWORD, id="RSA, encrypted PKCS#8"),
        pytest.param(RSA, True, PASSWORD, id="RSA, encrypted PKCS#1"),
    ],
)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_key_formats(tmp_path: Path, key: Key, traditional: bool, password: str, ending: str) -> None:  # noqa: FBT001
    """PEM keys load as PKCS#8, PKCS#1 and SEC1, encrypted too; a final newline of the password file is dropped."""
    file = write(tmp_path / "password", (password + ending).encode()) if password else ""
    given = pair(tmp_path, key, pem(key, traditional=traditional, password=password), key_password_file=file)
    context, warnings = certificate.load(given)
    assert warnings == []
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_certificate_and_key_in_one_file(tmp_path: Path) -> None:
    """The certificate's file may hold the key too."""
    both = write(tmp_path / "both.pem", make_certificate(EC) + pem(EC))
    certificate.load(device(cert=both, key=both))
    certificate.load(device(cert=both))


@pytest.mark.parametrize("which", ["cert", "key", "ca"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\n \n", "is empty", id="blank"),
        pytest.param(b"0\x82\x01\x0a\x02\x82\x01\x01", "PEM form", id="not PEM"),
        pytest.param(b"x" * 1_100_000, "larger than 1 MiB", id="too large"),
        pytest.param("folder", "cannot be read: not a regular file", id="a folder"),
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path: Path, which: str, content: bytes | str, words: str) -> None:
    """Each of the files may be missing, unreadable, empty or no PEM: the error names the file and the link."""
    path = str(tmp_path / "bad")
    if isinstance(content, bytes):
        write(tmp_path / "bad", content)
    elif content:
        path = str(tmp_path)
    fields = pair(tmp_path).to_json()
    error = refusal(device(**{**fields, which: path}))
    assert error.link == {"cert": "certificate file", "key": "key file", "ca": "roots file"}[which]
    assert words in error.message
    assert path in error.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("which", ["cert", "key", "ca"])
def test_unreadable_files(tmp_path: Path, which: str) -> None:
    """A file that this user may not read is said to be so."""
    path = write(tmp_path / "closed", b"x", 0o000)
    assert "Permission denied" in refusal(device(**{**pair(tmp_path).to_json(), which: path})).message


@pytest.mark.parametrize("which", ["cert", "key", "ca", "key_password_file"])
@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_what_is_no_file(tmp_path: Path, which: str, kind: str) -> None:
    """A FIFO without a writer, a folder or an endless device in place of a file is refused at once."""
    path = tmp_path / "odd"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    key = pem(EC, password="x" * (which == "key_password_file"))
    of = device(**{**pair(tmp_path, key_pem=key).to_json(), which: str(path)})
    assert "cannot be read: not a regular file" in refusal(of).message


def test_a_bundle_that_is_no_file(tmp_path: Path) -> None:
    """AWS_CA_BUNDLE is read as the other files are."""
    path = tmp_path / "odd"
    os.mkfifo(path)
    with pytest.raises(CertificateError, match="not a regular file"):
        certificate.bundle({"AWS_CA_BUNDLE": str(path)})


@pytest.mark.parametrize("step", ["load_verify_locations", "load_cert_chain"])
@pytest.mark.parametrize("error", [ssl.SSLError("[X509] malloc failure (_ssl.c:4154)"), OSError(12, "no memory")])
def test_no_memory_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: Exception) -> None:
    """A file that there is no memory for is not reported as damaged, which would be permanent at the start."""
    of = pair(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ssl.SSLContext, step, fail)
    with pytest.raises(CertificateError) as caught:
        certificate.load(of)
    told = as_error(caught.value, FetcherError, "the fetcher")
    assert (told.message, told.transient) == ("the fetcher ran out of memory", True)


@pytest.mark.parametrize("which", ["cert", "key", "ca"])
def test_damaged_files(tmp_path: Path, which: str) -> None:
    """A half-written file is said to be so, under the link of that file."""
    fields = pair(tmp_path).to_json()
    content = pem(EC) if which == "key" else make_certificate(EC)
    lines = content.splitlines(keepends=True)
    path = write(tmp_path / "half", b"".join([*lines[:2], *lines[-1:]]))
    error = refusal(device(**{**fields, which: path}))
    assert error.link == {"cert": "certificate file", "key": "key file", "ca": "roots file"}[which]
    assert path in error.message


@pytest.mark.parametrize(("key", "other"), [(EC, ec_key()), (RSA, rsa_key()), (EC, RSA), (RSA, EC)])
def test_key_of_another_certificate(tmp_path: Path, key: Key, other: Key) -> None:
    """A key that does not belong to the certificate is said to be so, of the same kind or of another."""
    error = refusal(pair(tmp_path, key, pem(other)))
    assert error.link == "key of another certificate"


def test_key_in_place_of_the_certificate(tmp_path: Path) -> None:
    """The two files swapped: the certificate's file holds no certificate."""
    given = pair(tmp_path)
    assert refusal(device(cert=given.key, key=given.cert)).link == "certificate file"


@pytest.mark.parametrize("traditional", [False, True])
def test_encrypted_key_without_password(tmp_path: Path, traditional: bool) -> None:  # noqa: FBT001
    """An encrypted key without a password file is an error, never a prompt."""
    error = refusal(pair(tmp_path, EC, pem(EC, traditional=traditional, password=PASSWORD)))
    assert error.link == "key password"
    assert "--key-password-file" in error.hint


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"wrong", "does not open with the given password", id="wrong"),
        pytest.param(PASSWORD.encode() + b"\n\n", "does not open with the given password", id="two newlines"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"x" * 1024, "holds more than 1023 bytes", id="too long"),
        pytest.param(None, "No such file", id="missing"),
    ],
)
@pytest.mark.parametrize("key", [EC, RSA])
def test_wrong_password(tmp_path: Path, key: Key, content: bytes | None, words: str, traditional: bool) -> None:  # noqa: FBT001
    """A password that does not open the key, or a file that holds none, is the link `key password`."""
    file = str(tmp_path / "password")
    if content is not None:
        write(tmp_path / "password", content)
    encrypted = pem(key, traditional=traditional, password=PASSWORD)
    error = refusal(pair(tmp_path, key, encrypted, key_password_file=file))
    assert words in error.message
    assert error.link == "key password"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_key_that_others_can_read(tmp_path: Path, mode: int) -> None:
    """A key that group or others can read is a warning, and works."""
    _, warnings = certificate.load(pair(tmp_path, mode=mode))
    assert len(warnings) == 1
    assert f"{mode:04o}" in warnings[0]


def test_a_credential_of_systemd_is_the_services_own(tmp_path: Path) -> None:
    """LoadCredential= gives the key by an ACL, which the mode shows as a group's: that is no exposure."""
    device = pair(tmp_path, mode=0o440)
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert certificate.exposed(device, given) == ""
    assert certificate.exposed(device, {"CREDENTIALS_DIRECTORY": str(tmp_path / "other")}) != ""
    assert certificate.exposed(pair(tmp_path, mode=0o444), given) != ""


def test_no_key_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSLKEYLOGFILE has no effect: the session's keys are written nowhere."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "log"))
    context, _ = certificate.load(pair(tmp_path))
    assert context.keylog_filename is None
    assert not (tmp_path / "log").exists()


def test_given_roots_are_the_only_ones(tmp_path: Path) -> None:
    """--ca replaces the usual roots; without it they are certifi's."""
    roots = write(tmp_path / "ca.pem", make_certificate(EC, "our roots"))
    alone, _ = certificate.load(pair(tmp_path, ca=roots))
    usual, _ = certificate.load(pair(tmp_path))
    assert alone.cert_store_stats()["x509"] == 1
    assert usual.cert_store_stats()["x509"] > 50


def test_read_again(tmp_path: Path) -> None:
    """Files are read for each exchange: a half-renewed pair fails, and works once it is complete."""
    given = pair(tmp_path)
    certificate.load(given)
    write(tmp_path / "device.crt", make_certificate(RSA))
    assert refusal(given).link == "key of another certificate"
    write(tmp_path / "device.key", pem(RSA))
    certificate.load(given)
