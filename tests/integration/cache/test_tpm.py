"""A key in a TPM: a software TPM, and OpenSSL with the provider of tpm2-openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.identity.certificates import ec_key
from tests.waiting import until

from .vaults import MARKER, changed, device, known, process, vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretenv.cache_protocol import CacheTask

_CONFIGURATION = """
openssl_conf = all
[all]
providers = p
alg_section = a
[a]
default_properties = ?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes
[p]
default = d
tpm2 = t
[d]
activate = 1
[t]
activate = 1
"""
KINDS = {
    "EC": ["-algorithm", "EC", "-pkeyopt", "group:P-256"],
    "RSA": ["-algorithm", "RSA", "-pkeyopt", "bits:2048"],
}


def _has_provider() -> bool:
    """Return whether OpenSSL has the provider, where its others are."""
    if not shutil.which("openssl"):
        return False
    found = subprocess.run(["openssl", "version", "-m"], check=False, capture_output=True, text=True).stdout
    return Path(found.partition('"')[2].rpartition('"')[0], "tpm2.so").exists()


pytestmark = pytest.mark.skipif(
    not shutil.which("swtpm") or not _has_provider(), reason="needs a software TPM: apt install swtpm tpm2-openssl"
)


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the variables with which OpenSSL uses a TPM of this test's own."""
    (tmp_path / "state").mkdir()
    (tmp_path / "openssl.cnf").write_text(_CONFIGURATION, "utf-8")
    # Its path is short: a socket's has room for 108 characters.
    folder = subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip()
    words = [
        "swtpm",
        "socket",
        "--tpm2",
        "--tpmstate",
        f"dir={tmp_path}/state",
        "--flags",
        "not-need-init,startup-clear",
    ]
    words += ["--server", f"type=unixio,path={folder}/tpm", "--ctrl", f"type=unixio,path={folder}/tpm.ctrl"]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(Path(f"{folder}/tpm.ctrl").exists)
    yield {"TPM2OPENSSL_TCTI": f"swtpm:path={folder}/tpm", "OPENSSL_CONF": str(tmp_path / "openssl.cnf")}
    running.kill()
    running.wait()
    shutil.rmtree(folder)


def openssl(variables: dict[str, str], *words: str) -> None:
    """Run the command."""
    subprocess.run(["openssl", *words], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", **variables})


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("forked", [False, True])
def test_a_key_in_a_tpm(tmp_path: Path, tpm: dict[str, str], kind: str, *, forked: bool) -> None:
    """What it sealed it opens; another key of the same TPM does not, nor can anything be sealed with it."""
    here = vault(tmp_path)
    pair = tmp_path / "pair"
    for name in ("mine", "other"):
        openssl(tpm, "genpkey", *KINDS[kind], "-out", str(pair / f"{name}.key"))
        assert "TSS2 PRIVATE KEY" in (pair / f"{name}.key").read_text("ascii")
        words = ["req", "-x509", "-new", "-key", str(pair / f"{name}.key"), "-subj", "/CN=device", "-days", "30"]
        openssl(tpm, *words, "-out", str(pair / f"{name}.crt"))
    mine = changed(here.device, cert=str(pair / "mine.crt"), key=str(pair / "mine.key"))

    def done(task: CacheTask) -> tuple[str, str]:
        outcome = process(task, forked=forked, variables=tpm)
        value = outcome.known.answer.variables["PASSWORD"] if outcome.known else ""
        return value, outcome.error.message if outcome.error else ""

    here.device = mine
    assert done(here.task("seal", known())) == ("", "")
    assert done(here.task("open")) == (MARKER, "")
    for stranger in (
        changed(mine, key=str(pair / "other.key")),
        changed(mine, cert=str(pair / "other.crt")),
        changed(mine, key=str(pair / "other.key"), cert=str(pair / "other.crt")),
        device(pair, ec_key()),
    ):
        here.device = stranger
        assert "was sealed with another key" in done(here.task("open"))[1]
    here.device = changed(mine, key=str(pair / "other.key"))
    assert "does not belong to the certificate" in done(here.task("seal", known()))[1]


def test_a_tpm_that_is_gone(tmp_path: Path, tpm: dict[str, str]) -> None:
    """It is an error in words of OpenSSL's."""
    here = vault(tmp_path)
    process(here.task("seal", known()))
    openssl(tpm, "genpkey", *KINDS["EC"], "-out", str(tmp_path / "key"))
    here.device = changed(here.device, key=str(tmp_path / "key"))
    error = process(here.task("open"), variables={**tpm, "TPM2OPENSSL_TCTI": "swtpm:path=/nowhere"}).error
    assert error is not None
    assert error.message.startswith(f"the key {tmp_path}/key cannot be used for the cache: openssl says ")
