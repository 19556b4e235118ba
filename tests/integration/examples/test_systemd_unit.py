"""The example for systemd, as it stands, read by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from secretenv.config import merge

FOLDER = Path(__file__).parents[3] / "examples" / "systemd"
UNIT = FOLDER / "secretenv@.service"

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="needs systemd-analyze: apt install systemd"
)


def analyze(*words: str) -> str:
    """Return what systemd-analyze says, which must be a success."""
    found = subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say of the unit; only its program has to stand where there is one."""
    text = UNIT.read_text("utf-8")
    assert text.count("ExecStart=/opt/secretenv/bin/secretenv ") == 1
    (tmp_path / UNIT.name).write_text(text.replace("=/opt/secretenv/bin/secretenv ", "=/bin/true "), "utf-8")
    assert analyze("verify", "--man=no", str(tmp_path / UNIT.name.replace("@", "@myapp"))) == ""


@needs_systemd
def test_the_unit_leaves_little_to_attack() -> None:
    """`systemd-analyze security` rates the exposure below 2 of 10: what is left is the network, which is needed."""
    rated = re.search(r"exposure level for \S+: ([\d.]+) ", analyze("security", "--offline=true", str(UNIT)))
    assert rated
    assert float(rated[1]) < 2


def test_the_unit_says_what_secretenv_reads(tmp_path: Path) -> None:
    """The variables that the unit sets, and the settings file that its README shows, are settings as they stand."""
    unit = dict(re.findall(r"^Environment=(SECRETENV_\w+)=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE))
    (block,) = re.findall(r"^```toml\n(.*?)^```", (FOLDER / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    file = tmp_path / "myapp.toml"
    file.write_text(block, "utf-8")
    credentials = "/run/credentials/secretenv@myapp.service"
    specifiers = {"%d": credentials, "%S": "/var/lib", "%i": "myapp"}
    variables = {name: re.sub("%.", lambda found: specifiers[found[0]], value) for name, value in unit.items()}
    read = merge.read({}, {**variables, "SECRETENV_CONFIG": str(file)}, ["myapp"])
    assert not read.warnings
    assert read.device.key == f"{credentials}/private.pem.key"
    assert read.refresh_signal == 1
    # In the folder of StateDirectory=%i.
    assert read.cache == "/var/lib/myapp/secretenv.cache"
