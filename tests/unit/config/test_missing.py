"""The error for settings that are missing: what was nearly given comes first, and the file that was read is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretenv.config import merge
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def message(environ: dict[str, str], tmp_path: Path, system: str = "") -> str:
    """Return the message for these variables and this settings file of the system."""
    path = tmp_path / "system.toml"
    if system:
        path.write_text(system)
    with pytest.raises(SettingsError) as error:
        merge.read({}, {"XDG_CONFIG_HOME": str(tmp_path), **environ}, ["true"], system=path)
    return error.value.message


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SECRETENV_SECRETS", "SECRETENV_SECRET"),
        ("secretenv_cert", "SECRETENV_CERT"),
        ("SECRET_ENV_KEY", "SECRETENV_KEY"),
        ("SECRETENV_ROLEALIAS", "SECRETENV_ROLE_ALIAS"),
        ("SECRETSENV_ENDPOINT", "SECRETENV_ENDPOINT"),
    ],
)
def test_a_near_miss_comes_first(variable: str, meant: str, tmp_path: Path) -> None:
    """A variable that is nearly one that is missing is named before everything else; never its value."""
    said = message({variable: "MARKER"}, tmp_path)
    assert said.startswith(f"{variable} is not a setting; did you mean {meant}?; missing: ")
    assert "MARKER" not in said


def test_an_empty_variable_is_named(tmp_path: Path) -> None:
    """Compose's `${CERT}` of a variable that is not set gives an empty one, which counts as not set."""
    assert message({"SECRETENV_CERT": ""}, tmp_path).startswith("SECRETENV_CERT is empty; missing: --cert FILE")


def test_other_variables_are_left_alone(tmp_path: Path) -> None:
    """What is far from any missing one is not named."""
    assert message({"SECRETENV_INTERVAL": "5m", "HOME": "/", "SECRETS": "x"}, tmp_path).startswith("missing: ")


def test_the_file_that_was_read_is_named(tmp_path: Path) -> None:
    """A half-filled settings file: the error says which one was read."""
    said = message({}, tmp_path, '[device]\ncert = "c.pem"\n')
    assert said.endswith(f"; the settings file {tmp_path / 'system.toml'} was read")
    assert "--cert" not in said


def test_where_one_was_looked_for_is_named(tmp_path: Path) -> None:
    """Without a settings file the error says where one was looked for."""
    places = f"there is no {tmp_path / 'secretenv/config.toml'}, there is no {tmp_path / 'system.toml'}"
    assert message({}, tmp_path).endswith(f"; no settings file was read: {places}")
