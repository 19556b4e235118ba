"""A device that `secretenv provision` has set up runs `secretenv run`, with nothing added by hand."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from tests.functional.conftest import MARKER
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretenv.sandbox import Sandbox
    from tests.running import Program
    from tests.screen import Screen


def test_a_device_set_up_by_provision_runs(
    aws: Sandbox, start: Callable[..., Program], run: Callable[..., Program], tmp_path: Path
) -> None:
    """The folder that provision makes is all that the device needs; each thing reads its own secret only."""
    operator, fleet = aws.operator.environment(), f"fleet-{uuid.uuid4().hex[:8]}"
    # What a device in the sandbox is told besides its settings, since no file has it: where Secrets Manager is.
    there = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url}
    for thing in ("one", "two"):
        (tmp_path / "app.json").write_text(json.dumps({"WHOSE": thing, "PASSWORD": MARKER}))
        words = ["--per-thing", "--thing", thing, "--from-file", "app.json", "--new-certificate", thing]
        made = start(SECRETENV, "provision", fleet, *words, variables=operator)
        assert made.ends() == 0, made.err
        assert MARKER not in made.out + made.err

    device = run("--config", "two/config.toml", "--", "/usr/bin/printenv", "WHOSE", variables=there)
    assert device.ends() == 0, device.err
    assert (device.out, device.err.count("warning")) == ("two\n", 0)

    thief = run("--config", "two/config.toml", "--secret", f"{fleet}/one", "--", "/usr/bin/env", variables=there)
    assert thief.ends() == 125
    assert f"secret {fleet}/one" in thief.err


def test_destroy_asks_on_a_terminal(aws: Sandbox, start: Callable[..., Program], screen: Callable[..., Screen]) -> None:
    """On a terminal destroy shows what is to go and asks; no is no. The value may come from standard input."""
    name, operator = f"asked-{uuid.uuid4().hex[:8]}", aws.operator.environment()
    made = start("sh", "-c", f"echo '{{}}' | {SECRETENV} provision {name} --from-file -", variables=operator)
    assert made.ends() == 0, made.err
    assert "(from" not in made.out

    seen = screen(SECRETENV, "provision", "destroy", name, variables=operator)
    seen.shows("[y/N]")
    assert f"to be removed: secret {name} (recoverable for 30 days)" in seen.text
    seen.type("n\n")
    seen.shows("not confirmed; nothing was removed")
    assert aws.operator.client("secretsmanager").describe_secret(SecretId=name)["Name"] == name
