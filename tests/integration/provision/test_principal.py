"""What may use the role alias: the members of a group, each thing with its own secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretenv.sandbox.devices import Device
from tests.integration.sandbox.asking import ask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.provision.operating import Operator


def test_a_thing_group_lets_its_members_in(operator: Operator) -> None:
    """--thing-group: the members' certificates inherit the policy; there has to be such a group."""
    device = operator.sandbox.device("member", permitted=False)
    missing = operator("grouped", "--from-file", "app.json", "--thing-group", "members")
    assert (missing.status, missing.changes) == (1, [])
    assert "thing group members does not exist" in missing.err
    operator.iot.create_thing_group(thingGroupName="members")
    operator.iot.add_thing_to_thing_group(thingGroupName="members", thingName="member")

    operator.does("grouped", "--from-file", "app.json", "--thing-group", "members")

    assert ask(operator.sandbox, device, alias="secretenv-grouped").status_code == 200


def test_a_secret_of_each_thing(operator: Operator, tmp_path: Path) -> None:
    """--per-thing: one role for all; each thing's secret is made by a run of its own, and goes with the fleet."""
    for thing in ("s-1", "s-2"):
        ended = operator.does(
            "fleet", "--per-thing", "--thing", thing, "--from-file", "app.json", "--new-certificate", f"fleet/{thing}"
        )
        folder = tmp_path / "fleet" / thing
        settings = (folder / "config.toml").read_text()
        assert f'thing_name = "{thing}"' in settings
        assert f'id = "fleet/{thing}"' in settings
        device = Device(
            name=thing,
            cert=folder / "device.pem.crt",
            key=folder / "private.pem.key",
            password_file=None,
            certificate_id="",
            certificate_arn="",
        )
        assert ask(operator.sandbox, device, alias="secretenv-fleet", thing=thing).status_code == 200
    assert ended.err.count("unchanged") == 3
    gone = operator.does("destroy", "fleet", "--yes")
    assert re.findall(r"(?:thing|secret) ([\w/-]+)", gone.err) == ["s-1", "s-2", "fleet/s-1", "fleet/s-2"]
    again = operator("fleet", "--per-thing", "--thing", "s-1", "--from-file", "app.json")
    assert "secret fleet/s-1 is scheduled for deletion" in again.err
