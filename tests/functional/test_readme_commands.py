"""Each command of README.md, run as it stands; the two that install are run by `.ci/run` in a clean checkout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.config import merge
from tests.running import BASE, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n\n?(?:    ([^\n]*)\n)?", README, re.DOTALL | re.MULTILINE)
INSTALLING = [block for block, _ in BLOCKS if "pip install -q" in block]
SHOWING = [(block, output) for block, output in BLOCKS if output]
DEVICE = next(block for block, _ in BLOCKS if "export SECRETENV_" in block)


def installed(block: str) -> str:
    """Return the commands with this installation in place of the README's."""
    return block.replace(".venv/bin/", f"{Path(SECRETENV).parent}/")


def test_every_block_is_covered() -> None:
    """A block that is added to README.md is run by a test."""
    assert len(BLOCKS) == len(INSTALLING) + len(SHOWING) + 1
    assert len(INSTALLING) == 2


@pytest.mark.parametrize(("block", "output"), SHOWING, ids=["file", "sandbox"])
def test_commands_print_what_the_readme_shows(start: Callable[..., Program], block: str, output: str) -> None:
    """A command of README.md prints what stands below it."""
    program = start("sh", "-euc", installed(block))
    assert program.ends() == 0, program.err
    assert program.out == f"{output}\n"


def test_the_device_block(start: Callable[..., Program], world: World, tmp_path: Path) -> None:
    """The variables of "On a device" are settings, and its last line runs with them."""
    exports = dict(re.findall(r"^export (\w+)=(.*)$", DEVICE, re.MULTILINE))
    read = merge.read({}, exports, ["myapp"])
    assert read.device.region == "eu-west-1"
    assert exports.keys() <= world.variables().keys()
    app = tmp_path / "myapp"
    app.write_text('#!/bin/sh\necho "$VALUE $*"\n')
    app.chmod(0o755)
    command = DEVICE.strip().splitlines()[-1]
    variables = {**world.variables(), "PATH": f"{tmp_path}:{BASE['PATH']}"}
    program = start("sh", "-euc", command, variables=variables)
    assert program.ends() == 0, program.err
    assert program.out == "one --its-own-option\n"


def test_provision_and_destroy(start: Callable[..., Program], world: World, tmp_path: Path) -> None:
    """The line that makes the AWS side makes a folder that runs anywhere; the one that removes it does."""
    (line,) = re.findall(r"^    (secretenv provision .*)$", README, re.MULTILINE)
    (removal,) = re.findall(r"`(secretenv provision destroy \w+)`", README)
    operator = world.sandbox.operator.environment()
    (tmp_path / "app.json").write_text('{"GREETING": "hello"}')
    made = start("sh", "-c", line, variables=operator)
    assert made.ends() == 0, made.err
    there = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": world.sandbox.url}
    (tmp_path / "certs").rename(tmp_path / "secretenv")
    config = "--config=secretenv/config.toml"
    device = start("secretenv", "run", config, "--", "/usr/bin/printenv", "GREETING", variables=there)
    assert device.ends() == 0, device.err
    assert device.out == "hello\n"
    removed = start("sh", "-c", f"{removal} --yes", variables=operator)
    assert removed.ends() == 0, removed.err
    assert start("secretenv", "run", config, "--", "true", variables=there).ends() == 125
