"""The settings in words, each with its source."""

from __future__ import annotations

from pathlib import Path

from secretenv.config import described


def test_each_setting_has_its_source(tmp_path: Path) -> None:
    """A flag, a variable, a key of the file and a table of it: value and source; defaults are left out."""
    path = tmp_path / "config.toml"
    path.write_text(
        '[device]\ncert = "c.pem"\n[run]\nonce = true\nkeep = ["A*", "B"]\n'
        '[[secret]]\nid = "prod/app"\nprefix = "X_"\nupcase = true\n'
    )
    flags = {"config": str(path), "interval": "1m", "pristine": False, "key": None}
    assert described.lines(flags, {"SECRETENV_KEY": "/k.pem", "AWS_REGION": "eu-west-1", "SECRETENV_CA": ""}) == [
        f"the settings file {path} was read",
        f"cert = {tmp_path}/c.pem ({path}: [device] cert)",
        "key = /k.pem (SECRETENV_KEY)",
        "region = eu-west-1 (AWS_REGION)",
        "pristine = off (--pristine)",
        f"keep = A* B ({path}: [run] keep)",
        "interval = 1m (--interval)",
        f"once = on ({path}: [run] once)",
        f"secret = prod/app; prefix = X_; upcase = on ({path})",
    ]


def test_secrets_of_a_flag() -> None:
    """Given secrets replace those of the file."""
    lines = described.lines({"secret": ["a", "N=b"]}, {"XDG_CONFIG_HOME": "/nowhere"}, system=Path("/nowhere/x"))
    assert lines[1:] == ["secret = a N=b (--secret)"]
