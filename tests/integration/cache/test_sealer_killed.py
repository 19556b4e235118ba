"""A sealer that is killed, or refused, at any of its system calls: the old or the new cache opens, never none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.cache_protocol import read_outcome
from tests.running import PYTHON

from .vaults import FOLDER, Vault, found, known, vault

if TYPE_CHECKING:
    from pathlib import Path

TRACE = ["strace", "-f", "-qq", "-o", "/dev/null"]

pytestmark = pytest.mark.skipif(
    not shutil.which("strace")
    or subprocess.run([*TRACE, "-e", "inject=exit_group:signal=KILL", "true"], check=False).returncode != -9,
    reason="strace is not here, or may not trace",
)

# Other machines have other names for some; strace passes over a name with a question mark that it does not know.
CALLS = ["openat", "write", "fchmod", "flock", "fsync", "?rename", "?renameat", "?renameat2", "close", "?unlinkat"]
CALLS += ["?newfstatat", "?fstat", "?fstatat64", "?statx"]


def sealer(here: Vault, value: str, *inject: str) -> subprocess.CompletedProcess[bytes]:
    """Run a process that seals a value, with something done to its system calls at the cache."""
    paths = [str(here.folder), str(here.file), str(here.folder / ".cache.new")]
    program = f"import sys; sys.path.append({FOLDER!r}); from secretenv.cache.main import main; main()"
    return subprocess.run(
        [
            *TRACE,
            *(word for path in paths for word in ("-P", path)),
            *(word for each in inject for word in ("-e", f"inject={each}")),
            PYTHON,
            "-I",
            "-c",
            program,
        ],
        input=json.dumps(here.task("seal", known(found(value))).to_json()).encode(),
        check=False,
        capture_output=True,
        timeout=60,
    )


def killed(here: Vault, call: str) -> int:
    """Kill a sealer at each of its calls of this name, look at what is left, and return how often that was."""
    number = 0
    while True:
        here.seal(known(found("old")))
        ended = sealer(here, "new", f"{call}:signal=KILL:when={number + 1}")
        if ended.returncode == 0:
            assert here.value() == "new"
            assert here.names() == ["cache"]
            return number
        assert ended.returncode in {-9, 137}
        assert here.value() in {"old", "new"}
        assert set(here.names()) <= {"cache", ".cache.new"}
        if number % 2:
            here.seal(known(found("next")))
            assert here.value() == "next"
            assert here.names() == ["cache"]
        number += 1


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_call(tmp_path: Path, call: str) -> None:
    """Also while what an earlier one left behind is in the way; the next one leaves a single file."""
    killed(vault(tmp_path), call)


def test_it_was_killed(tmp_path: Path) -> None:
    """The test above kills at all that changes something."""
    here = vault(tmp_path)
    counts = {call: killed(here, call) for call in ("write", "fsync", "openat")}
    assert counts["write"] >= 1
    assert counts["fsync"] == 2
    assert counts["openat"] >= 3


@pytest.mark.parametrize(
    ("inject", "reason"),
    [
        ("openat:error=EMFILE:when=2", "Too many open files"),
        ("write:error=ENOSPC", "No space left on device"),
        ("write:error=EDQUOT", "Disk quota exceeded"),
        ("fsync:error=EIO:when=1", "Input/output error"),
        ("flock:error=EINTR:when=1", ""),
        ("flock:error=ENOLCK", ""),
        ("flock:error=EIO", "Input/output error"),
        ("fsync:error=EINVAL:when=2", ""),
    ],
)
def test_refused_by_the_system(tmp_path: Path, inject: str, reason: str) -> None:
    """Nothing of the new one is left, and its error is the system's; a lack of locks is no error."""
    here = vault(tmp_path)
    here.seal(known(found("old")))
    outcome = read_outcome(sealer(here, "new", inject).stdout, "")
    if reason:
        assert outcome.error is not None
        assert outcome.error.message == f"the cache {here.file} cannot be written: {reason}"
        assert outcome.sealed_at == here.now
    else:
        assert outcome.error is None
    assert here.names() == ["cache"]
    here.now = max(here.now, outcome.sealed_at)
    assert here.value() == ("old" if reason else "new")


@pytest.mark.parametrize("call", ["rename", "renameat"])
def test_a_rename_that_is_refused(tmp_path: Path, call: str) -> None:
    """The same at the last step, whatever its name is on this machine."""
    here = vault(tmp_path)
    here.seal(known(found("old")))
    outcome = read_outcome(sealer(here, "new", f"?{call}:error=EROFS", "?renameat2:error=EROFS").stdout, "")
    assert here.names() == ["cache"]
    here.now = max(here.now, outcome.sealed_at)
    assert here.value() == ("new" if outcome.error is None else "old")
    assert outcome.error is None or "Read-only file system" in outcome.error.message


def test_the_folder_may_not_be_on_the_disk(tmp_path: Path) -> None:
    """It is said, and the new one is in place."""
    here = vault(tmp_path)
    outcome = read_outcome(sealer(here, "new", "fsync:error=EIO:when=2").stdout, "")
    assert outcome.error is not None
    assert outcome.error.message.endswith("cannot be written: Input/output error")
    here.now = outcome.sealed_at
    assert here.value() == "new"
    assert os.listdir(here.folder) == ["cache"]  # noqa: PTH208
