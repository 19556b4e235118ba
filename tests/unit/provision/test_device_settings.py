"""The settings file that provision writes is one that `secretenv run` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretenv.config import merge
from secretenv.provision import device_settings
from secretenv.provision.wanted import wanted

if TYPE_CHECKING:
    from pathlib import Path


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    """It is what `secretenv run --config` takes, and its paths start at its folder."""
    asked = wanted("fleet", secrets=["fleet", "common"], per_thing=True, thing="sensor-1", alias="odd=name")
    text = device_settings.text(asked, endpoint="c1.example", region="eu-west-1", roots=True)
    file = tmp_path / "config.toml"
    file.write_text(text, "utf-8")
    device = merge.read({"config": str(file)}, {}, ["true"])
    assert [each.id for each in device.secrets] == ["fleet/sensor-1", "common/sensor-1"]
    found = device.device
    paths = [str(tmp_path / name) for name in ("device.pem.crt", "private.pem.key", "ca.pem")]
    assert [found.cert, found.key, found.ca] == paths
    assert (found.endpoint, found.role_alias, found.thing_name, found.region) == (
        "c1.example",
        "odd=name",
        "sensor-1",
        "eu-west-1",
    )


def test_no_thing_name_without_need() -> None:
    """A thing's name is in the settings only where policies ask for it."""
    assert "thing_name" not in device_settings.text(wanted("myapp", folder="certs"), endpoint="e")


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("", "", []),
        ("[run]\n", '[run]\ninterval = "1h"\n', []),
        ('id = "app"', 'id = "app"\nprefix = "APP_"\n\n[[secret]]\nid = "more"', []),
        ('cert = "device.pem.crt"', 'cert = "/run/credentials/crt"', []),
        ('endpoint = "e"', 'endpoint = "f"', ["endpoint"]),
        ('role_alias = "secretenv-app"\n', "", ["role_alias"]),
        ('region = "r"', 'region = "s"', ["region"]),
        ('id = "app"', 'id = "other"', ["secret app"]),
        ("[run]", "[run", ["its form: it is not a settings file"]),
        ("[[secret]]", "[secret]", ["its form: it is not a settings file"]),
    ],
)
def test_what_an_operator_changed_is_kept(old: str, new: str, keys: list[str]) -> None:
    """A settings file that is there may say more, not another thing."""
    text = device_settings.text(wanted("app"), endpoint="e", region="r")
    assert old in text
    assert device_settings.differences(text.replace(old, new, 1), text) == keys
