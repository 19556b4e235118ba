"""The secret of the device, from keys in every form; and `openssl` and `cryptography` agree on it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from secretenv.cache import device_certificate, device_secret
from secretenv.cache.hardware_key import HardwareKey
from secretenv.cache_protocol import CacheError
from tests.running import PYTHON
from tests.unit.identity.certificates import Key, ec_key, pem, rsa_key, write
from tests.waiting import until

from .vaults import FOLDER, changed, device

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.settings import Device

KEYS: dict[str, Key] = {
    "RSA 2048": rsa_key(),
    "RSA 3072": rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "RSA e=3": rsa.generate_private_key(public_exponent=3, key_size=2048),
    "P-256": ec_key(),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": ec.generate_private_key(ec.SECP256K1()),
}
PASSWORD = "of the key"

of_each = pytest.mark.parametrize("key", [pytest.param(key, id=name) for name, key in KEYS.items()])
with_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command")


def forms(key: Key) -> dict[str, bytes]:
    """Return a key in the forms that key files have."""
    plain = pem(key, traditional=True)
    return {
        "PKCS#8": pem(key),
        "traditional": plain,
        "CRLF": pem(key).replace(b"\n", b"\r\n"),
        "text around it": b"Bag Attributes\n    friendlyName: x\n" + plain + b"\ntrailing\n",
        "parameters before it": b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        + plain,
        "one line": plain.replace(b"\n", b"")
        .replace(b"KEY-----", b"KEY-----\n", 1)
        .replace(b"-----END", b"\n-----END"),
    }


def said(does: Callable[..., object], *words: object) -> str:
    """Return the message of the error."""
    with pytest.raises(CacheError) as raised:
        does(*words)
    return raised.value.message


def right(of: Device) -> bytes:
    """Return the secret with which something is sealed."""
    public_key, _ = device_certificate.read(of)
    return device_secret.read_checked(of, public_key)


@of_each
def test_one_key_in_every_form(tmp_path: Path, key: Key) -> None:
    """Each form gives the same secret, and the same each time; plain, encrypted, in a file with the certificate."""
    of = device(tmp_path, key)
    secrets = {right(of), device_secret.read(of)}
    for name, content in forms(key).items():
        made = changed(of, key=write(tmp_path / name, content))
        secrets |= {right(made), device_secret.read(made)}
    password = write(tmp_path / "password", f"{PASSWORD}\r\n".encode())
    for traditional in (False, True):
        content = pem(key, traditional=traditional, password=PASSWORD)
        made = changed(of, key=write(tmp_path / "encrypted", content), key_password_file=password)
        secrets |= {right(made), device_secret.read(made)}
    made = changed(of, cert=write(tmp_path / "both", Path(of.cert).read_bytes() + pem(key)), key="")
    secrets |= {right(made), device_secret.read(made)}
    # A password that is not needed is not looked at.
    secrets.add(device_secret.read(changed(of, key_password_file="/nowhere")))
    assert len(secrets) == 1
    assert len(secrets.pop()) >= 32


def test_other_keys_have_other_secrets(tmp_path: Path) -> None:
    """Also those of one kind."""
    keys = [*KEYS.values(), ec_key(), rsa_key()]
    assert len({device_secret.read(device(tmp_path, key)) for key in keys}) == len(keys)


@with_openssl
@of_each
def test_openssl_and_cryptography_agree(tmp_path: Path, key: Key) -> None:
    """A key that moves into hardware opens what was sealed before."""
    of = device(tmp_path, key)
    assert HardwareKey(of.key).secret(device_secret.TEXT) == device_secret.read(of)
    assert HardwareKey(of.key).public() == device_certificate.read(of)[0]
    encrypted = write(tmp_path / "encrypted", pem(key, password=PASSWORD))
    assert HardwareKey(encrypted, PASSWORD.encode()).secret(device_secret.TEXT) == device_secret.read(of)


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), dsa.generate_private_key(key_size=2048)], ids=["Ed25519", "DSA"]
)
def test_a_key_of_another_kind(tmp_path: Path, key: ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey) -> None:
    """It is said that it has to be RSA or EC."""
    of = device(tmp_path, ec_key())
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    of = changed(of, key=write(tmp_path / "other", content))
    assert said(device_secret.read, of) == (
        f"the key {tmp_path}/other cannot be used for the cache, which needs an RSA or an EC key"
    )
    if shutil.which("openssl"):
        assert "needs an RSA or an EC key" in said(HardwareKey(of.key).secret, b"x")


@of_each
def test_the_key_of_another_certificate(tmp_path: Path, key: Key) -> None:
    """Nothing is to be sealed with it."""
    of, other = device(tmp_path, key), device(tmp_path, ec_key(), name="other")
    mixed = changed(of, cert=other.cert)
    assert said(right, mixed) == (
        f"the cache is not written: the key {of.key} does not belong to the certificate {other.cert}"
    )


DAMAGED = {
    "empty": b"",
    "no key": b"hello",
    "a certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "half": pem(KEYS["P-256"])[:120],
    "no base64": b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
    "no DER": b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    "no number": b"-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n",
    "ends": b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in DAMAGED.items()])
def test_a_damaged_key(tmp_path: Path, content: bytes) -> None:
    """It is an error in words."""
    of = changed(device(tmp_path, ec_key()), key=write(tmp_path / "damaged", content))
    message = f"the key {tmp_path}/damaged cannot be used for the cache: "
    assert said(device_secret.read, of).removeprefix(message) in {
        "it holds no private key in PEM form",
        "it cannot be read",
    }


@pytest.mark.parametrize("name", ["RSA 2048", "P-256"])
def test_a_key_with_a_wrong_number(tmp_path: Path, name: str) -> None:
    """With any byte changed it is an error or another secret: nothing else comes out, and nothing is sealed with it."""
    of = device(tmp_path, KEYS[name])
    secret, public_key = device_secret.read(of), device_certificate.read(of)[0]
    der = KEYS[name].private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for place in range(0, len(der), 11):
        wrong = bytearray(der)
        wrong[place] ^= 0x04
        text = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(wrong) + b"-----END PRIVATE KEY-----\n"
        made = changed(of, key=write(tmp_path / "wrong", text))
        for does in (device_secret.read, lambda it: device_secret.read_checked(it, public_key)):
            try:
                found = does(made)
            except CacheError:
                continue
            # The public key in the file, or an unused number of RSA, may be wrong: the secret is not.
            assert found == secret or does is device_secret.read


@pytest.mark.parametrize("traditional", [False, True])
def test_passwords(tmp_path: Path, *, traditional: bool) -> None:
    """A missing, a wrong and an unreadable one are told apart."""
    content = pem(KEYS["P-256"], traditional=traditional, password=PASSWORD)
    of = changed(device(tmp_path, KEYS["P-256"]), key=write(tmp_path / "key", content))
    message = f"the key {tmp_path}/key cannot be used for the cache: "
    assert said(device_secret.read, of) == f"{message}it is encrypted, and no password file is given"
    wrong = changed(of, key_password_file=write(tmp_path / "password", b"wrong"))
    assert said(device_secret.read, wrong) == f"{message}it does not open with the given password"
    missing = changed(of, key_password_file=str(tmp_path / "missing"))
    assert said(device_secret.read, missing) == (
        f"{message}the password file {tmp_path}/missing cannot be read: No such file or directory"
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """The reason is the system's."""
    of = device(tmp_path, KEYS["P-256"])
    missing = str(tmp_path / "missing")
    assert said(device_secret.read, changed(of, key=missing)) == (
        f"the key {missing} cannot be used for the cache: No such file or directory"
    )
    assert said(device_certificate.read, changed(of, cert=missing)) == (
        f"the certificate {missing} cannot be used for the cache: No such file or directory"
    )
    for content in (b"", b"hello", Path(of.cert).read_bytes()[:300], pem(KEYS["P-256"])):
        made = changed(of, cert=write(tmp_path / "odd", content))
        assert said(device_certificate.read, made).endswith("no certificate in PEM form can be read in it")


def test_a_certificate_that_only_cryptography_reads(tmp_path: Path) -> None:
    """Its public key is the same."""
    of = device(tmp_path, KEYS["P-256"])
    odd = Path(of.cert).read_bytes().replace(b"CERTIFICATE", b"X509 CERTIFICATE")
    assert device_certificate.read(changed(of, cert=write(tmp_path / "odd", odd))) == device_certificate.read(of)


# openssl that leaves its arguments and its environment in files beside it, and does what it is told.
_OPENSSL = """#!/bin/sh
printf '%s\\n' "$@" >> "$0.words"
env >> "$0.env"
{does}
"""


def fake(tmp_path: Path, does: str) -> dict[str, str]:
    """Return variables with which the openssl command does this."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    write(tmp_path / "bin" / "openssl", _OPENSSL.format(does=does).encode(), 0o755)
    return {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}


@with_openssl
def test_what_openssl_is_given(tmp_path: Path) -> None:
    """The password is not among its words; it has the variables of its providers, and none of others."""
    path = write(tmp_path / "key", pem(KEYS["P-256"], password=PASSWORD))
    others = {"SSLKEYLOGFILE": "x", "AWS_PROFILE": "x", "SECRETENV_CERT": "x", "PYTHONPATH": "x"}
    ours = {"OPENSSL_CONF": "/dev/null", "TSS2_LOG": "all+none", "TPM2OPENSSL_TCTI": "x", "PKCS11_MODULE_PATH": "y"}
    variables = fake(tmp_path, f'exec {shutil.which("openssl")} "$@"')
    HardwareKey(path, PASSWORD.encode(), {**variables, **others, **ours}).secret(device_secret.TEXT)
    words = (tmp_path / "bin" / "openssl.words").read_text("utf-8")
    assert PASSWORD not in words
    env = (tmp_path / "bin" / "openssl.env").read_text("utf-8").splitlines()
    assert {line.partition("=")[0] for line in env} & {*others, *ours} == {*ours}


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("exit 3", "openssl ended with status 3"),
        ("exit 0", "openssl ended with status 0"),
        ("kill -9 $$", "openssl ended with status -9"),
        ("printf '\\n  no \\033[2Jprovider\\nmore' >&2; exit 1", "openssl says no ?[2Jprovider"),
        ("echo hello", "openssl does not show its public key"),
    ],
)
def test_an_openssl_that_fails(tmp_path: Path, does: str, words: str) -> None:
    """Its first line is shown, or how it ended."""
    key = HardwareKey("/key", environ=fake(tmp_path, does))
    assert said(key.secret, b"") == f"the key /key cannot be used for the cache: {words}"


def test_no_openssl(tmp_path: Path) -> None:
    """It is said that it is needed."""
    key = HardwareKey("/key", environ={"PATH": str(tmp_path)})
    assert said(key.secret, b"") == (
        "the key /key is in hardware: for the cache, the openssl command is needed, but it is not installed"
    )


def test_an_openssl_that_hangs(tmp_path: Path) -> None:
    """It is ended."""
    key = HardwareKey("/key", environ=fake(tmp_path, 'echo $$ > "$0.pid"; exec sleep 1000'), limit=0.5)
    before = time.monotonic()
    assert said(key.secret, b"") == "the key /key in hardware did not answer within 0.5 s"
    assert time.monotonic() - before < 30
    pid = (tmp_path / "bin" / "openssl.pid").read_text("ascii").strip()
    assert not Path(f"/proc/{pid}").exists()


TSS2 = b"-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----\n"
URI = b"-----BEGIN PKCS#11 PROVIDER URI-----\nAAAA\n-----END PKCS#11 PROVIDER URI-----\n"


@with_openssl
@pytest.mark.parametrize("content", [TSS2, URI], ids=["TSS2", "URI"])
def test_a_key_in_hardware_goes_to_openssl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """So does one with a random part in its signatures, which is no secret: nothing is sealed with it."""
    of = device(tmp_path, KEYS["RSA 2048"])
    secret = device_secret.read(of)
    made = changed(of, key=write(tmp_path / "hard", content), key_password_file=write(tmp_path / "pin", b"1234\n"))
    real = f'exec {shutil.which("openssl")} $(printf "%s\\n" "$@" | sed "s:/hard$:/device.key:")'
    monkeypatch.setenv("PATH", fake(tmp_path, real)["PATH"])
    assert right(made) == device_secret.read(made) == secret
    random = f"case $1 in pkey) {real};; *) head -c 256 /dev/urandom;; esac"
    monkeypatch.setenv("PATH", fake(tmp_path, random)["PATH"])
    assert said(right, made) == (
        f"the cache is not written: the key {tmp_path}/hard in hardware gives another result each time"
    )


@with_openssl
def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """The process of the cache may be killed when it is late."""
    variables = fake(tmp_path, 'echo $$ > "$0.pid.new"; mv "$0.pid.new" "$0.pid"; exec sleep 1000')
    code = (
        f"import sys; sys.path.append({FOLDER!r})\nfrom secretenv.cache.hardware_key import HardwareKey\n"
        f"HardwareKey('/key', environ={variables!r}).secret(b'')"
    )
    process = subprocess.Popen([PYTHON, "-c", code])
    file = tmp_path / "bin" / "openssl.pid"
    until(file.exists)
    pid = file.read_text("ascii").strip()
    process.kill()
    process.wait()
    until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text("ascii").split()[2])
