"""The settings of `secretenv cache forget`: the path from any source, and the device's files, if given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretenv.config import cache_alone
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_path_comes_from_any_source(tmp_path: Path) -> None:
    """A flag beats the variable, which beats the settings file, whose paths start at its folder."""
    system = tmp_path / "config.toml"
    system.write_text('[run]\ncache = "c"\n[device]\nkey = "k"\n', "utf-8")
    variable = {"SECRETENV_CACHE": "/v"}
    assert cache_alone.read({"cache": "/f"}, variable, system=system)[0] == "/f"
    assert cache_alone.read({}, variable, system=system)[0] == "/v"
    file, device = cache_alone.read({}, {}, system=system)
    assert (file, device.key) == (f"{tmp_path}/c", f"{tmp_path}/k")
    assert (device.cert, device.endpoint, device.batch) == ("", "", False)


def test_other_settings_do_not_matter(tmp_path: Path) -> None:
    """One that is missing or cannot be used is nothing to this command: not even the text of a key."""
    none = tmp_path / "none"
    given = {"SECRETENV_KEY": "-----BEGIN PRIVATE KEY-----", "SECRETENV_INTERVAL": "never", "SECRETENV_CERT": "/c"}
    file, device = cache_alone.read({"cache": "/f"}, given, system=none)
    assert (file, device.key, device.cert) == ("/f", "", "/c")


def test_no_path(tmp_path: Path) -> None:
    """Without one there is nothing to do."""
    with pytest.raises(SettingsError) as caught:
        cache_alone.read({}, {}, system=tmp_path / "none")
    assert caught.value.message.startswith("missing: --cache FILE or SECRETENV_CACHE; ")
    assert "--secret" not in caught.value.message
