"""`--key 'pkcs11:object=k?pin-value=1234'`: a URI in place of a path may hold a PIN, and no command shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import MARKER
from tests.functional.test_text_for_a_path import COMMANDS
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import World
    from tests.running import Program

URI = f"pkcs11:object=k?pin-value={MARKER}"


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("how", ["flag", "variable", "file"])
def test_a_pin(start: Callable[..., Program], world: World, tmp_path: Path, words: list[str], how: str) -> None:
    """Each command says that a path is wanted, and that keys in hardware are not supported."""
    variables = world.variables()
    del variables["SECRETENV_KEY"]
    if how == "flag":
        words = [words[0], f"--key={URI}", *words[1:]]
    elif how == "variable":
        variables["SECRETENV_KEY"] = URI
    else:
        (tmp_path / "config.toml").write_text(f'[device]\nkey = "{URI}"\n')
        variables["SECRETENV_CONFIG"] = str(tmp_path / "config.toml")
    program = start(SECRETENV, *words, variables=variables)
    assert program.ends() == (125 if words[0] == "run" else 2)
    said = program.out + program.err
    assert "a path is needed, not a URI (pkcs11:...)" in said
    assert "does not support keys in hardware" in said
    assert MARKER not in said
