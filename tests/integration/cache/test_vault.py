"""The cache against who would forge it, against damage, wrong clocks, and renewed certificates."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from secretenv.cache import contents, device_certificate, device_secret, sealing
from secretenv.cache_protocol import Known
from secretenv.protocol import LARGEST
from tests.unit.identity.certificates import certificate, ec_key, pem, rsa_key

from .vaults import BELONGS, DAY, END, MARKER, MONTH, NOW, Vault, changed, device, found, known, process, vault

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = {"EC": ec_key(), "RSA": rsa_key()}
OTHERS = {"EC": ec_key(), "RSA": rsa_key()}
KINDS = pytest.mark.parametrize("kind", list(KEYS))
SEALED_OTHERWISE = "was sealed with another key pair, or is damaged"
NOT_A_CACHE = "is damaged, or was not written by this version of secretenv"


@pytest.fixture
def here(tmp_path: Path) -> Vault:
    """Return a device with an EC key and a cache."""
    made = vault(tmp_path, KEYS["EC"])
    made.seal()
    return made


def unchanged(here: Vault, does: Callable[[], object]) -> None:
    """Do something that leaves the folder of the cache as it is."""
    before = {path.name: path.read_bytes() for path in here.folder.iterdir() if path.is_file()}
    does()
    assert {path.name: path.read_bytes() for path in here.folder.iterdir() if path.is_file()} == before


@KINDS
def test_another_key(tmp_path: Path, kind: str) -> None:
    """Neither another pair, nor the right certificate with another key, nor the right key with another certificate."""
    here = vault(tmp_path, KEYS[kind])
    here.seal()
    mine = here.device
    for name, key in OTHERS.items():
        other = device(tmp_path / "pair", key, name=name)
        for stranger in (other, changed(mine, key=other.key), changed(mine, cert=other.cert)):
            here.device = stranger
            error = here.refuses()
            assert error.message == f"the cache {here.file} {SEALED_OTHERWISE}"
            assert "a new one is written after the next fetch" in error.hint
            assert here.perform("open").sealed_at == NOW
            if stranger is not other:
                unchanged(here, lambda: here.refuses("seal"))
        here.device = mine
        assert here.value() == MARKER


@KINDS
def test_a_renewed_certificate(tmp_path: Path, kind: str) -> None:
    """With the same key it opens; with a new key it does not, and a new cache takes its place."""
    here = vault(tmp_path, KEYS[kind])
    here.seal()
    cert = Path(here.device.cert)
    old = cert.read_bytes()
    cert.write_bytes(certificate(KEYS[kind], "renewed", start=dt.datetime(2025, 12, 31, tzinfo=dt.UTC), end=END))
    assert cert.read_bytes() != old
    assert here.open().age == 0
    cert.write_bytes(certificate(OTHERS[kind], "renewed", end=END, start=dt.datetime(2025, 12, 31, tzinfo=dt.UTC)))
    Path(here.device.key).write_bytes(pem(OTHERS[kind]))
    assert SEALED_OTHERWISE in here.refuses().message
    here.seal(known(found("new")))
    assert here.value() == "new"
    cert.write_bytes(old)
    Path(here.device.key).write_bytes(pem(KEYS[kind]))
    assert SEALED_OTHERWISE in here.refuses().message


def test_a_file_of_another_device(tmp_path: Path, here: Vault) -> None:
    """It is right, but not here."""
    (tmp_path / "other").mkdir()
    other = vault(tmp_path / "other", OTHERS["EC"])
    other.seal(known(found("theirs")))
    here.file.write_bytes(other.file.read_bytes())
    assert SEALED_OTHERWISE in here.refuses().message


@KINDS
def test_forged_from_what_everybody_knows(tmp_path: Path, kind: str) -> None:
    """Whoever knows the certificate, the code and a file of this device cannot make another file for it."""
    here = vault(tmp_path, KEYS[kind])
    here.seal()
    public_key, _ = device_certificate.read(here.device)
    der = Path(here.device.cert).read_bytes()
    public = KEYS[kind].public_key()
    guesses = [b"", b"\0" * 32, b"\0" * 256, public_key, der, device_secret.TEXT, b"example.invalid"]
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        guesses += [numbers.x.to_bytes(32), numbers.y.to_bytes(32)]
        # A key of one's own with the device's public key: what anybody can do who encrypts to a certificate.
        own = ec.generate_private_key(ec.SECP256R1())
        guesses.append(own.exchange(ec.ECDH(), public))
    elif isinstance(public, rsa.RSAPublicKey):
        guesses.append(public.public_numbers().n.to_bytes(256))
    forged = contents.pack(known(found("forged")), NOW, None)
    for secret in guesses:
        raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"").derive(secret)
        for using in (sealing.key(secret, public_key), sealing.key(secret, b""), raw):
            here.file.write_bytes(sealing.seal(forged, using, BELONGS, NOW))
            assert SEALED_OTHERWISE in here.refuses().message


def test_another_certificate_in_its_place_gives_no_secret_away(here: Vault, tmp_path: Path) -> None:
    """Whoever can replace certificate and cache, but not the key, knows no secret: ECDH is with the key's own part."""
    own = ec.generate_private_key(ec.SECP256R1())
    Path(here.device.cert).write_bytes(certificate(own, end=END, start=dt.datetime(2025, 1, 1, tzinfo=dt.UTC)))
    public_key, _ = device_certificate.read(here.device)
    mine = KEYS["EC"].public_key()
    assert isinstance(mine, ec.EllipticCurvePublicKey)
    using = sealing.key(own.exchange(ec.ECDH(), mine), public_key)
    here.file.write_bytes(sealing.seal(contents.pack(known(found("forged")), NOW, None), using, BELONGS, NOW))
    assert SEALED_OTHERWISE in here.refuses().message


def test_one_flipped_bit(here: Vault) -> None:
    """At 20 places spread over the whole file, its header too: never opened, and the next one replaces it."""
    raw = here.file.read_bytes()
    for number in range(20):
        flipped = bytearray(raw)
        flipped[number * (len(raw) - 1) // 19] ^= 1 << number % 8
        here.file.write_bytes(flipped)
        message = here.refuses().message
        assert NOT_A_CACHE in message or SEALED_OTHERWISE in message
        assert here.perform("open").sealed_at >= 0
        here.seal(known(found("new")))
        assert here.value() == "new"
    here.file.write_bytes(raw)
    assert here.value() == MARKER


@pytest.mark.parametrize("length", [0, 1, 17, 18, 60, 120, 121, 133, 140, -17, -16, -1])
def test_a_file_that_was_cut(here: Vault, length: int) -> None:
    """Also to nothing at all, as a power cut may leave a file of another program."""
    here.file.write_bytes(here.file.read_bytes()[:length])
    message = here.refuses().message
    assert NOT_A_CACHE in message or SEALED_OTHERWISE in message
    here.seal()
    assert here.value() == MARKER


@pytest.mark.parametrize(
    "content",
    [b"\0" * 4096, b"\xff" * 4096, os.urandom(4096), b"secretenv cache 2\n"],
    ids=["zeros", "ones", "random", "another format"],
)
def test_something_else(here: Vault, content: bytes) -> None:
    """It is no cache, and is replaced by one."""
    here.file.write_bytes(content)
    assert here.refuses().message == f"the cache {here.file} {NOT_A_CACHE}"
    assert here.perform("open").sealed_at == 0
    here.seal()
    assert here.value() == MARKER


@pytest.mark.parametrize("content", [b"A=b\n" * 99, b"a", "é".encode() * 300, b"x" + "€".encode() * 300])
def test_a_text(here: Vault, content: bytes) -> None:
    """Somebody has written it: it is neither replaced nor removed."""
    here.file.write_bytes(content)
    for wish in ("open", "seal", "forget"):
        unchanged(here, lambda: here.refuses(wish))  # noqa: B023
        assert "but text: it is neither replaced nor removed" in here.refuses(wish).message


def test_a_file_that_is_too_large(here: Vault) -> None:
    """One byte more than 64 MiB; when it was sealed can still be said."""
    with here.file.open("r+b") as file:
        file.truncate(LARGEST + 1)
    assert here.refuses().message == f"the cache {here.file} is larger than 64 MiB"
    assert here.perform("open").sealed_at == NOW
    here.seal()
    assert here.value() == MARKER


def test_values_that_are_too_large(here: Vault) -> None:
    """Nothing is written that would not be read; the old one stays."""
    large = known(found("x" * LARGEST))
    unchanged(here, lambda: here.perform("seal", large))
    error = here.perform("seal", large).error
    assert error is not None
    assert error.message == f"the cache {here.file} is not written: the values take more than 64 MiB"


def test_an_old_file_put_back(here: Vault) -> None:
    """It opens, with its age: nothing can tell it from one that was never replaced."""
    old = here.file.read_bytes()
    here.now += 5 * DAY
    here.seal(known(found("new")))
    here.file.write_bytes(old)
    assert here.value() == MARKER
    assert here.open().age == 5 * DAY
    assert here.perform("open").sealed_at == NOW


@pytest.mark.parametrize(
    ("now", "age"),
    [
        pytest.param(0.0, None, id="1970"),
        pytest.param(NOW - DAY - 1, None, id="more than a day behind"),
        pytest.param(NOW - DAY, 0.0, id="a day behind"),
        pytest.param(NOW - 1, 3599.0, id="a second behind"),
        pytest.param(NOW, 3600.0, id="at once"),
        pytest.param(NOW + MONTH - 3600, MONTH, id="the last second"),
    ],
)
def test_clocks(here: Vault, now: float, age: float | None) -> None:
    """A clock that is far behind gives no age, and what is in the cache is used."""
    here.seal(known(age=3600.0, denied=10.0))
    here.now = now
    opened = here.open()
    assert opened.age == age
    assert opened.denied == max(now - NOW + 10.0, 0.0)


def test_a_clock_before_the_certificate(tmp_path: Path) -> None:
    """Sealed with such a clock, and opened with it: no age is known."""
    here = vault(tmp_path, KEYS["EC"])
    for here.now in (0.0, dt.datetime(2024, 12, 31, tzinfo=dt.UTC).timestamp()):
        here.seal()
        assert here.open().age is None
    here.now = dt.datetime(2025, 1, 1, tzinfo=dt.UTC).timestamp()
    assert here.open().age == DAY


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (NOW + MONTH + 1, "30 days ago, and --max-age is 30 days"),
        (NOW + MONTH + DAY, "31 days ago, and --max-age is 30 days"),
        (dt.datetime(2038, 1, 19, 3, 14, 8, tzinfo=dt.UTC).timestamp(), "4401 days ago, and --max-age is 30 days"),
    ],
)
def test_too_old(here: Vault, now: float, words: str) -> None:
    """It is not used, and kept: with the right clock it may be."""
    here.now = now
    unchanged(here, here.refuses)
    assert here.refuses().message == f"the cache {here.file} was last confirmed by AWS {words}"
    assert here.perform("open").sealed_at == NOW
    here.now = NOW
    assert here.value() == MARKER


def test_short_ages(here: Vault) -> None:
    """They are said in hours and minutes."""
    here.max_age, here.now = 600.0, NOW + 9000
    assert "2.5 h ago, and --max-age is 10 min" in here.refuses().message


def test_an_unknown_age_stays_what_it_was(here: Vault) -> None:
    """Sealed again by a run that could not trust its clock, with the same versions, it is as old as it was."""
    here.now = 1000.0
    here.seal(known(age=None, denied=0.0, denials=1))
    assert here.open().age is None
    here.now = NOW + 2 * DAY
    opened = here.open()
    assert (opened.age, opened.denials) == (2 * DAY, 1)
    # Other versions: nobody knows.
    here.seal(known(found("new", "2"), age=None))
    assert here.open().age is None
    here.file.unlink()
    here.seal(known(age=None))
    assert here.open().age is None


def test_other_settings(here: Vault) -> None:
    """It is said that it belongs to others; then it is replaced."""
    here.belongs["endpoint"] = "other.invalid"
    assert here.refuses().message == (
        f"the cache {here.file} was sealed for other settings: another endpoint, role alias, thing, region or other "
        "secrets"
    )
    assert here.perform("open").sealed_at == NOW
    here.seal()
    assert here.value() == MARKER


@pytest.mark.parametrize("what", ["cert", "key", "key_password_file", "ca"])
@pytest.mark.parametrize("wish", ["open", "seal", "forget"])
def test_a_file_of_the_device_in_its_place(tmp_path: Path, what: str, wish: Any) -> None:
    """A slip in --cache destroys no key."""
    here = vault(tmp_path, KEYS["EC"])
    pair = Path(here.device.key).parent
    precious = pair / "cache"
    made = here.device.to_json()
    precious.write_bytes(Path(made[what]).read_bytes() if made[what] else b"precious")
    here.device, here.folder = changed(here.device, **{what: str(precious)}), pair
    unchanged(here, lambda: here.refuses(wish))
    assert here.refuses(wish).message.startswith(f"--cache names {precious}, which is the device's ")


@pytest.mark.parametrize(
    "make", [lambda it: it.symlink_to("/nowhere"), os.mkfifo, lambda it: it.mkdir()], ids=["link", "FIFO", "folder"]
)
def test_something_else_in_its_place(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """It is neither used nor replaced nor removed."""
    here = vault(tmp_path, KEYS["EC"])
    make(here.file)
    for wish in ("open", "seal", "forget"):
        error = here.refuses(wish)
        assert f"the cache {here.file} is not a regular file, but a " in error.message
    assert here.names() == ["cache"]


def test_a_key_that_cannot_be_used(here: Vault) -> None:
    """The file stays, and when it was sealed is known."""
    here.device = changed(here.device, key="/nowhere")
    for wish in ("open", "seal"):
        unchanged(here, lambda: here.refuses(wish))  # noqa: B023
    assert here.perform("open").sealed_at == here.perform("seal", known()).sealed_at == NOW


@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses them")
@pytest.mark.parametrize("what", ["cert", "key"])
def test_files_of_the_device_that_others_own(here: Vault, what: str) -> None:
    """As with a fetch, root does not use them."""
    os.chown(here.device.to_json()[what], 65534, 65534)
    for wish in ("open", "seal"):
        assert "it belongs to user 65534, who could change it" in here.refuses(wish).message


def test_forget(here: Vault) -> None:
    """Nothing is left, and there is no error if nothing was there, in the folder or as a folder."""
    (here.folder / ".cache.new").write_bytes(b"left")
    outcome = here.perform("forget")
    assert (outcome.known, outcome.sealed_at, outcome.error) == (None, 0.0, None)
    assert here.names() == []
    assert here.perform("forget") == outcome
    here.folder.rmdir()
    assert here.perform("forget") == outcome
    assert here.perform("open") == outcome
    assert "No such file or directory" in here.refuses("seal").message
    assert not here.folder.exists()


def test_what_another_version_sealed(here: Vault) -> None:
    """What is opened but not understood is no cache of this version."""
    public_key, _ = device_certificate.read(here.device)
    using = sealing.key(device_secret.read(here.device), public_key)
    fields = json.loads(contents.pack(known(), NOW, None))
    wrong: list[dict[str, Any]] = [{"answer": {}}, {"more": 1}, {"looked_at": "x"}, {"answer": None}, {"denied_at": {}}]
    for changes in wrong:
        here.file.write_bytes(sealing.seal(json.dumps({**fields, **changes}).encode(), using, BELONGS, NOW))
        assert NOT_A_CACHE in here.refuses().message
    here.file.write_bytes(sealing.seal(json.dumps(fields).encode(), using, BELONGS, NOW))
    assert isinstance(here.open(), Known)


def test_by_the_real_clock(tmp_path: Path) -> None:
    """In the process itself."""
    here = vault(tmp_path, KEYS["RSA"])
    sealed = process(here.task("seal", known(age=60.0)))
    opened = process(here.task("open"))
    assert opened.known is not None
    assert opened.known.age == pytest.approx(60.0, abs=60)
    assert sealed.sealed_at == opened.sealed_at
