"""A shell takes the lines that follow a template as they are."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.provision import deploying
from secretenv.provision.deploying import Where
from secretenv.provision.wanted import Wanted, wanted
from tests.unit.provision.templates import WAYS, every_way

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", [deploying.cloudformation, deploying.terraform])
@pytest.mark.parametrize("asked", every_way(), ids=WAYS)
def test_the_lines_are_a_script(form: Any, asked: Wanted) -> None:
    """A shell reads them without an error, and what is not a command comes after a `#`."""
    for where in (Where(), Where(file="a b.json", source="it's.json", region="eu-west-1", profile="p q")):
        lines = form(asked, where)
        done = subprocess.run(["sh", "-n"], input="\n".join(lines), text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        last = [line for line in lines if not line.startswith("#")][-1]
        assert last.startswith(f"secretenv provision {asked.name}")
        assert all("--region eu-west-1" in line for line in lines if line.startswith("aws ") and where.region)


@pytest.mark.parametrize("form", [deploying.cloudformation, deploying.terraform])
def test_a_key_that_is_there_is_kept(form: Any, tmp_path: Path) -> None:
    """The lines make a key once, readable by its owner alone, and a request for it with the thing's name."""
    folder = tmp_path / "a folder"
    asked = wanted("app", folder=str(folder), thing="t:1")
    script = "\n".join(line for line in form(asked, Where()) if line.startswith(("mkdir", "test")))
    keys = []
    for _ in range(2):
        subprocess.run(["sh", "-euc", script], check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
        keys.append((folder / "private.pem.key").read_text())
    assert keys[0] == keys[1]
    assert (folder / "private.pem.key").stat().st_mode & 0o777 == 0o600
    show = ["openssl", "req", "-in", str(folder / "device.csr"), "-noout", "-verify", "-subject"]
    assert "t:1" in subprocess.run(show, check=True, capture_output=True, text=True).stdout
