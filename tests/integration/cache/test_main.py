"""The process of the cache: as a program and as a fork, what it loads, and what it says when it fails."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from secretenv.cache_protocol import Outcome
from tests.unit.identity.certificates import Key, ec_key, rsa_key

from .vaults import MARKER, found, known, process, vault

if TYPE_CHECKING:
    from pathlib import Path

as_both = pytest.mark.parametrize("forked", [pytest.param(False, id="program"), pytest.param(True, id="fork")])
KEYS = {"EC": ec_key(), "RSA": rsa_key()}
of_both_kinds = pytest.mark.parametrize("key", [pytest.param(key, id=name) for name, key in KEYS.items()])

# At its end, writes which modules were loaded.
_TOLD = "import os, sys; end = os._exit; os._exit = lambda s: (open({0!r}, 'w').write(' '.join(sys.modules)), end(s))"
FOREIGN = {"ssl", "_ssl", "requests", "urllib3", "boto3", "botocore", "typer", "subprocess", "pathlib", "socket"}


@as_both
@of_both_kinds
def test_seal_open_forget(tmp_path: Path, key: Key, *, forked: bool) -> None:
    """What was sealed is what is opened, with all that belongs to it; afterwards there is nothing."""
    here = vault(tmp_path, key)
    assert process(here.task("open"), forked=forked) == Outcome(known=None, sealed_at=0.0, error=None)
    what = known(refused={"app": "2"}, why="it ended with status 1", age=60.0, denied=5.0, denials=2)
    sealed = process(here.task("seal", what), forked=forked)
    assert (sealed.known, sealed.error) == (None, None)
    assert stat.S_IMODE(here.file.stat().st_mode) == 0o600
    opened = process(here.task("open"), forked=forked)
    assert opened.error is None
    assert opened.sealed_at == sealed.sealed_at > 1.7e9
    assert opened.known is not None
    assert opened.known.answer.found() == found().found()
    fields = {name: value for name, value in opened.known.to_json().items() if name not in {"answer", "age", "denied"}}
    assert fields == {"refused": {"app": "2"}, "why": "it ended with status 1", "denials": 2}
    assert opened.known.age == pytest.approx(60, abs=30)
    assert opened.known.denied == pytest.approx(5, abs=30)
    assert process(here.task("forget"), forked=forked) == Outcome(known=None, sealed_at=0.0, error=None)
    assert here.names() == []


@as_both
@of_both_kinds
def test_opening_loads_little(tmp_path: Path, key: Key, *, forked: bool) -> None:
    """Nothing that the network needs, and not the slow part of cryptography."""
    here = vault(tmp_path, key)
    process(here.task("seal", known()))
    told = tmp_path / "modules"
    assert process(here.task("open"), forked=forked, before=_TOLD.format(str(told))).known is not None
    modules = set(told.read_text("utf-8").split())
    assert "secretenv.cache.vault" in modules
    assert not modules & FOREIGN
    assert "cryptography.hazmat.primitives.serialization" not in modules
    assert "cryptography.x509" not in modules


@as_both
def test_neither_a_missing_file_nor_forgetting_loads_a_cipher(tmp_path: Path, *, forked: bool) -> None:
    """On a new device, and for `secretenv cache forget`, cryptography need not be there."""
    here = vault(tmp_path)
    without = "import sys; sys.modules['cryptography'] = None"
    assert process(here.task("open"), before=without).error is None
    assert process(here.task("forget"), before=without).error is None
    error = process(here.task("seal", known()), before=without).error
    assert error is not None
    assert error.message.startswith("the process of the cache cannot load cryptography")
    assert "pip check" in error.hint


@as_both
def test_a_configuration_of_openssl_is_the_systems(tmp_path: Path, *, forked: bool) -> None:
    """The OpenSSL in cryptography does not read it: it may name providers that this one has not."""
    here = vault(tmp_path)
    file = tmp_path / "openssl.cnf"
    file.write_text(
        "openssl_conf = all\n[all]\nproviders = p\nalg_section = a\n[p]\nnowhere = n\n[n]\nactivate = 1\n"
        "[a]\ndefault_properties = fips=yes\n"
    )
    variables = {"OPENSSL_CONF": str(file)}
    assert process(here.task("seal", known()), forked=forked, variables=variables).error is None
    assert process(here.task("open"), forked=forked, variables=variables).known is not None


@pytest.mark.parametrize("task", [b"", b"{", b"[]", b'{"wish": "open"}', b"\xff"], ids=repr)
def test_a_task_that_cannot_be_read(task: bytes) -> None:
    """It is a bug, and an outcome."""
    outcome = process(task)
    assert outcome.error is not None
    assert outcome.error.message.startswith("the process of the cache ran into an unexpected")
    assert (outcome.error.link, outcome.known, outcome.sealed_at) == ("cache", None, 0.0)


@as_both
@pytest.mark.parametrize("broken", [f"os.rename = lambda *a, **b: {{}}[{MARKER!r}]", "os.urandom = exit"])
def test_an_unexpected_exception(tmp_path: Path, broken: str, *, forked: bool) -> None:
    """Its text may hold a value, and is not shown; and nothing is left of what was begun."""
    here = vault(tmp_path)
    outcome = process(here.task("seal", known()), forked=forked, before=f"import os; {broken}")
    assert outcome.error is not None
    assert outcome.error.message.startswith("the process of the cache ran into an unexpected")
    assert MARKER not in outcome.error.message
    assert here.names() == []


def test_it_cannot_be_dumped_and_writes_no_keys(tmp_path: Path) -> None:
    """No core, no reading of its memory by other processes of the user; no file of the secrets of TLS."""
    here = vault(tmp_path)
    told = tmp_path / "told"
    program = (
        "import ctypes, os; end = os._exit; os._exit = lambda s: (open("
        f"{str(told)!r}, 'w').write(f\"{{ctypes.CDLL(None).prctl(3)}} {{os.environ.get('SSLKEYLOGFILE')}}\"), end(s))"
    )
    process(here.task("open"), before=program, variables={"SSLKEYLOGFILE": str(tmp_path / "keys")})
    assert told.read_text("utf-8") == "0 None"


def test_no_room_for_the_outcome(tmp_path: Path) -> None:
    """The error takes its place."""
    here = vault(tmp_path)
    process(here.task("seal", known()))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (350, 350))"
    outcome = process(here.task("open"), forked=True, before=limit)
    assert outcome.error is not None
    assert outcome.known is None
    assert outcome.error.message == "the process of the cache has no room for its answer: File too large"


@as_both
def test_a_value_is_in_no_file(tmp_path: Path, *, forked: bool) -> None:
    """Neither it nor its name is anywhere but as ciphertext."""
    here = vault(tmp_path)
    process(here.task("seal", known()), forked=forked)
    contents = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(contents) == 3
    assert not any(text in content for content in contents for text in (MARKER.encode(), b"PASSWORD"))
