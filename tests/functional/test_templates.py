"""A template and the lines printed below it, run as they are, end with a device's folder that works."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.functional import cloudformation
from tests.functional.conftest import MARKER
from tests.running import BASE, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretenv.sandbox import Sandbox
    from tests.running import Program

PLUGINS = os.environ.get("TF_PLUGIN_DIR", "")  # a mirror of the provider: nothing is downloaded
WAYS = {
    "new": ["--from-file", "app.json"],
    "existing": ["--secret", "existing", "--duration", "12h", "--role-alias", "al=ias", "--thing", "th:ing"],
    "per-thing": ["--per-thing", "--thing", "one", "--from-file", "app.json", "--duration", "15m"],
}


@pytest.fixture
def operator(aws: Sandbox, tmp_path: Path) -> dict[str, str]:
    """Return the operator's variables; the secret's value is in app.json, and `aws` can deploy."""
    (tmp_path / "app.json").write_text(json.dumps({"GREETING": "it's\nme", "PASSWORD": MARKER}))
    tools = cloudformation.install(tmp_path / "tools")
    mirror = tmp_path / "terraformrc"
    mirror.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}\n}}\n')
    return {**aws.operator.environment(), "PATH": f"{tools}:{BASE['PATH']}", "TF_CLI_CONFIG_FILE": str(mirror)}


def leads_to_a_device(
    form: str, name: str, words: list[str], start: Callable[..., Program], operator: dict[str, str]
) -> None:
    """Write the template, run the lines, run the device, and prove that nothing of the stack is changed or removed."""
    options = " ".join([*words, "--new-certificate", "'a device'"])
    file = "stack.tf.json" if form == "terraform" else "stack.json"
    write = f"secretenv provision {name} {options} --output {form} > {file} 2> lines"
    written = start("sh", "-euc", write, variables=operator)
    assert written.ends() == 0
    folder = written.folder
    assert MARKER not in (folder / file).read_text() + (folder / "lines").read_text()

    deployed = start("sh", "-eu", "lines", variables=operator)
    assert deployed.ends(within=120) == 0, deployed.out + deployed.err
    assert "nothing changed in AWS" in deployed.err
    assert "config.toml: written" in deployed.err

    there = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": operator["AWS_ENDPOINT_URL"]}
    device = start(SECRETENV, "run", "--config", "a device/config.toml", "--", "printenv", "GREETING", variables=there)
    assert device.ends() == 0, device.err
    assert device.out == "it's\nme\n"

    gone = start(SECRETENV, "provision", "destroy", name, "--yes", variables=operator)
    assert gone.ends() == 0
    assert "removed" not in gone.err
    last = [line for line in (folder / "lines").read_text().splitlines() if not line.startswith("#")][-1]
    again = start("sh", "-euc", last, variables=operator)
    assert again.ends() == 0, again.err


@pytest.mark.parametrize("way", WAYS)
def test_cloudformation(way: str, aws: Sandbox, start: Callable[..., Program], operator: dict[str, str]) -> None:
    """With a new secret, with one that exists and other names, and with a secret of each thing."""
    if way == "existing":
        aws.secret("existing", {"GREETING": "it's\nme"}, readable=False)
    leads_to_a_device("cloudformation", f"my_{way}", WAYS[way], start, operator)


@pytest.mark.skipif(
    not (shutil.which("terraform") and PLUGINS),
    reason="terraform is not here, or TF_PLUGIN_DIR names no mirror of its AWS provider",
)
@pytest.mark.parametrize("way", ["new", "per-thing"])
def test_terraform(way: str, start: Callable[..., Program], operator: dict[str, str]) -> None:
    """The real Terraform, with its real provider, at the sandbox."""
    leads_to_a_device("terraform", f"tf_{way}", WAYS[way], start, operator)
