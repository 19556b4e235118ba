"""Pairs that this system's OpenSSL does not take: too weak, an old cipher, in hardware; and passwords that are odd."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import CertificateError
from secretenv.identity import certificate
from secretenv.identity.key_cipher import legacy_cipher
from tests.running import PYTHON

from .certificates import certificate as make_certificate
from .certificates import ec_key, pem, rsa_key, write
from .test_certificate import PASSWORD, device

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.settings import Device

KEY, CA = ec_key(), rsa_key()
LEGACY = ["-provider", "legacy", "-provider", "default"]


def openssl(folder: Path, *words: str) -> None:
    """Run openssl in a folder."""
    done = subprocess.run(["openssl", *words], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode and "legacy" in done.stderr:
        pytest.skip("needs OpenSSL's legacy provider")
    assert done.returncode == 0, done.stderr


def refusal(of: Device) -> CertificateError:
    """Return the error that loading leads to."""
    with pytest.raises(CertificateError) as caught:
        certificate.load(of)
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(
    ("key", "digest", "words"),
    [
        (
            ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
            "sha256",
            "its key is too short (EE_KEY_TOO_SMALL)",
        ),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp192k1"], "sha256", "its key is too short"),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "sha1", "it is signed with MD5 or SHA-1"),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "md5", "it is signed with MD5 or SHA-1"),
    ],
)
def test_too_weak(tmp_path: Path, key: list[str], digest: str, words: str, encrypted: bool) -> None:  # noqa: FBT001
    """A short key or an old digest is the certificate's fault, whether or not its key is encrypted: what is enough."""
    write(tmp_path / "ca.crt", make_certificate(CA, "ca"))
    write(tmp_path / "ca.key", pem(CA))
    openssl(tmp_path, "genpkey", *key, "-out", "key")
    openssl(tmp_path, "req", "-new", "-key", "key", "-subj", "/CN=d", "-out", "csr")
    openssl(tmp_path, "x509", "-req", "-in", "csr", "-CA", "ca.crt", "-CAkey", "ca.key", f"-{digest}", "-out", "cert")
    if encrypted:
        openssl(tmp_path, "pkey", "-in", "key", "-aes256", "-passout", f"pass:{PASSWORD}", "-out", "locked")
        (tmp_path / "locked").replace(tmp_path / "key")
    password = write(tmp_path / "password", PASSWORD.encode())
    given = {"cert": str(tmp_path / "cert"), "key": str(tmp_path / "key"), "key_password_file": password}
    error = refusal(device(**given))
    assert error.link == "certificate"
    assert f"the certificate {given['cert']} is too weak for this system's OpenSSL: {words}" in error.message
    assert "RSA 2048 or EC P-256 key and a SHA-256 signature" in error.hint


OLD = {
    **{f"-v1 {name}": cipher for name, cipher in (("PBE-MD5-DES", "DES"), ("PBE-SHA1-DES", "DES"))},
    **{f"-v1 PBE-SHA1-{name}": cipher for name, cipher in (("RC2-40", "RC2"), ("RC2-64", "RC2"), ("RC4-128", "RC4"))},
    **{
        f"-v2 {name}": cipher for name, cipher in (("des", "DES"), ("rc2", "RC2"), ("bf", "Blowfish"), ("seed", "SEED"))
    },
    "-v2 cast5-cbc": "CAST5",
    "-des": "DES-CBC",
    "-seed": "SEED-CBC",
}


def locked(folder: Path, how: str) -> Device:
    """Return a device whose key is encrypted like that."""
    clear = write(folder / "clear", pem(KEY))
    form = ["pkcs8", "-topk8"] if how.startswith("-v") else ["ec"]
    openssl(folder, *form, *LEGACY, *how.split(), "-in", clear, "-passout", f"pass:{PASSWORD}", "-out", "key")
    password = write(folder / "password", PASSWORD.encode())
    cert = write(folder / "cert", make_certificate(KEY))
    return device(cert=cert, key=str(folder / "key"), key_password_file=password)


@pytest.mark.parametrize("how", OLD)
def test_ciphers_that_openssl_has_no_more(tmp_path: Path, how: str) -> None:
    """A key in an old cipher, with the right password: the cipher is named, and the command converts the key."""
    of = locked(tmp_path, how)
    error = refusal(of)
    assert error.link == "key file"
    assert f"is encrypted with {OLD[how]}, which OpenSSL 3 no longer reads by itself" in error.message
    command = error.hint.replace("-aes256", f"-passin pass:{PASSWORD} -passout pass:{PASSWORD} -aes256")
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, capture_output=True)
    certificate.load(device(**{**of.to_json(), "key": str(tmp_path / "NEW")}))


@pytest.mark.parametrize(
    "how", ["-v1 PBE-SHA1-3DES", "-v2 aes-256-cbc", "-v2 des3", "-v2 camellia256", "-aes256", "-des3"]
)
def test_ciphers_that_openssl_has(tmp_path: Path, how: str) -> None:
    """A key in a cipher that OpenSSL has is not called old; with a wrong password it is the password."""
    of = locked(tmp_path, how)
    certificate.load(of)
    assert legacy_cipher((tmp_path / "key").read_text()) == ""
    write(tmp_path / "password", b"wrong")
    assert refusal(of).link == "key password"


@pytest.mark.parametrize(
    "key",
    ["", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n=\n-----END"],
)
def test_damaged_keys_have_no_cipher(key: str) -> None:
    """A key that cannot be read to its cipher has none."""
    assert legacy_cipher(key) == ""


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PASSWORD.encode("utf-16"), "UTF-16 text"),
        (PASSWORD.encode("utf-16-le"), "UTF-16 text"),
        (b"\xef\xbb\xbf" + PASSWORD.encode(), "a byte order mark"),
        (pem(KEY), "PEM text"),
        (f"{PASSWORD}\nmore\n".encode(), "several lines"),
        (f"{PASSWORD} \n".encode(), "spaces around the password"),
        (f'"{PASSWORD}"\n'.encode(), "quotes around the password"),
    ],
    ids=range(7),
)
def test_odd_passwords(tmp_path: Path, content: bytes, found: str) -> None:
    """A password file that holds more than a password, which does not open the key: what it holds."""
    of = locked(tmp_path, "-aes256")
    write(tmp_path / "password", content)
    error = refusal(of)
    assert error.link == "key password"
    assert error.message.endswith(f"the password file {of.key_password_file} holds {found}")


@pytest.mark.parametrize("label", ["TSS2 PRIVATE KEY", "PKCS#11 PROVIDER URI"])
def test_keys_in_hardware(tmp_path: Path, label: str) -> None:
    """A key that only a provider of OpenSSL could reach: that keys in hardware are not supported."""
    key = pem(KEY).replace(b"PRIVATE KEY", label.encode())
    cert = write(tmp_path / "c", make_certificate(KEY))
    error = refusal(device(cert=cert, key=write(tmp_path / "k", key)))
    assert error.link == "key file"
    assert "does not support keys in hardware" in error.hint


LEGACY_ALONE = "openssl_conf = a\n[a]\nproviders = b\n[b]\nlegacy = c\n[c]\nactivate = 1\n"
FIPS_WITHOUT_FIPS = """openssl_conf = a
[a]
providers = b
alg_section = d
[b]
base = c
[c]
activate = 1
[d]
default_properties = fips=yes
"""


@pytest.mark.parametrize("conf", [LEGACY_ALONE, FIPS_WITHOUT_FIPS], ids=["legacy alone", "fips without it"])
def test_an_openssl_without_its_ciphers(tmp_path: Path, conf: str) -> None:
    """A configuration of OpenSSL that leaves out the provider `default`: not the files are to blame."""
    file = tmp_path / "openssl.cnf"
    file.write_text(conf)
    given = {"cert": write(tmp_path / "c", make_certificate(KEY)), "key": write(tmp_path / "k", pem(KEY))}
    program = (
        "import json, sys\nfrom secretenv.errors import CertificateError\nfrom secretenv.identity import certificate\n"
        "from secretenv.settings import Device\n"
        "try: certificate.load(Device.from_json(json.loads(sys.argv[1])))\n"
        "except CertificateError as error: print(json.dumps(vars(error)))"
    )
    done = subprocess.run(
        [PYTHON, "-c", program, json.dumps(device(**given).to_json())],
        env={"OPENSSL_CONF": str(file)},
        check=True,
        capture_output=True,
        text=True,
    )
    error = json.loads(done.stdout)
    assert error["link"] == "TLS"
    assert "OPENSSL_CONF" in error["hint"]


def test_what_good_files_load(tmp_path: Path) -> None:
    """Files that are right cost none of the rooms that say what is wrong with others."""
    given = {"cert": write(tmp_path / "c", make_certificate(KEY)), "key": write(tmp_path / "k", pem(KEY))}
    program = (
        "import json, sys\nfrom secretenv.identity import certificate\nfrom secretenv.settings import Device\n"
        "certificate.load(Device.from_json(json.loads(sys.argv[1])))\n"
        "print(*(name for name in sys.modules if name.startswith('secretenv.identity.')))"
    )
    words = [PYTHON, "-c", program, json.dumps(device(**given).to_json())]
    loaded = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    rooms = {name.rpartition(".")[2] for name in loaded}
    assert "certificate" in rooms
    assert not rooms & {"unusable", "pem", "der", "key_cipher"}
