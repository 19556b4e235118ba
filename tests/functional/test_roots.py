"""Roots that cannot be used are the same broken link in every command, and no command retries them at its start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.running import SECRETENV
from tests.waiting import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program


@pytest.mark.parametrize("variable", ["SECRETENV_CA", "AWS_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["folder", "missing", "empty", "text"])
def test_all_commands_name_the_roots(
    start: Callable[..., Program], world: World, tmp_path: Path, variable: str, kind: str
) -> None:
    """A roots file that is a folder, missing, empty or not PEM is the link `roots file`, and permanent."""
    file = tmp_path / kind
    if kind == "folder":
        file.mkdir()
    elif kind != "missing":
        file.write_text("roots\n" if kind == "text" else "")
    variables = {**world.variables(), variable: str(file)}
    for words in (["run", "--", "true"], ["run", "--once", "--", "true"], ["export"], ["credentials"]):
        program = start(SECRETENV, *words, variables=variables)
        # `run` would retry what may pass for a minute.
        assert program.ends(within=DEADLINE) == (125 if "run" in words else 1)
        assert f"error: roots file: the roots file {file} " in program.err
        assert "trying again" not in program.err
    check = start(SECRETENV, "check", "--json", variables=variables)
    assert check.ends() == 1
    broken = json.loads(check.out)["broken"]
    assert broken["link"] == "roots file"
    assert broken["text"].startswith(f"the roots file {file} ")
    assert world.exchanges == 0


def test_check_shows_both_roots(start: Callable[..., Program], world: World) -> None:
    """`check` says where the roots for each of the two services come from."""
    variables = {**world.variables(), "AWS_CA_BUNDLE": str(world.sandbox.ca)}
    check = start(SECRETENV, "check", "--json", variables=variables)
    assert check.ends() == 0
    (step,) = [step for step in json.loads(check.out)["steps"] if step["link"] == "roots file"]
    ca = world.sandbox.ca
    assert step["text"] == f"1 root from {ca}; for Secrets Manager 1 root from {ca}"
