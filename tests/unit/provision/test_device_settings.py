"""The settings file that provision writes is one that `secretenv run` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretenv.config import merge
from secretenv.provision import device_settings
from secretenv.provision.wanted import wanted

if TYPE_CHECKING:
    from pathlib import Path


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    """What is printed is what `secretenv run --config` takes."""
    asked = wanted("fleet", secrets=["fleet", "common"], per_thing=True, thing="sensor-1", alias="odd=name")
    text = device_settings.text(asked, endpoint="c1.example", region="eu-west-1", cert='/a "b"/c', ca="/ca.pem")
    file = tmp_path / "config.toml"
    file.write_text(text, "utf-8")
    device = merge.read({"config": str(file)}, {}, ["true"])
    assert [each.id for each in device.secrets] == ["fleet/sensor-1", "common/sensor-1"]
    found = device.device
    assert (found.cert, found.key, found.ca) == ('/a "b"/c', device_settings.KEY, "/ca.pem")
    assert (found.endpoint, found.role_alias, found.thing_name, found.region) == (
        "c1.example",
        "odd=name",
        "sensor-1",
        "eu-west-1",
    )


def test_no_thing_name_without_need() -> None:
    """A thing's name is in the settings only where policies ask for it."""
    assert "thing_name" not in device_settings.text(wanted("myapp", folder="certs"), endpoint="e")
