"""`SECRETENV_KEY="$(cat key.pem)"`: a key's text in the place of a path is shown by no command, in no form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import MARKER
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

KEY = f"-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----"
COMMANDS = {
    "run": ["run", "--", "true"],
    "json": ["run", "--log-format=json", "--log-level=debug", "--", "true"],
    "once": ["run", "--once", "--", "true"],
    "dry-run": ["run", "--dry-run", "--", "true"],
    "check": ["check"],
    "check verbose": ["check", "--verbose"],
    "check json": ["check", "--json"],
    "export": ["export"],
    "credentials": ["credentials"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_key_in_the_place_of_its_path(start: Callable[..., Program], world: World, words: list[str]) -> None:
    """Each command names the variable and says that a path is wanted."""
    program = start(SECRETENV, *words, variables={**world.variables(), "SECRETENV_KEY": KEY})
    assert program.ends() == (125 if words[0] == "run" else 2)
    said = program.out + program.err
    assert "SECRETENV_KEY: a path is wanted, and not a text with a newline" in said
    assert MARKER not in said


@pytest.mark.parametrize("words", [["run", KEY, "--", "true"], ["check", KEY], ["run", "--cert", KEY, "--", "true"]])
def test_a_key_among_the_words(start: Callable[..., Program], words: list[str]) -> None:
    """A text that is taken for an option, or is one's value, is not quoted either."""
    program = start(SECRETENV, *words)
    assert program.ends() == (125 if words[0] == "run" else 2)
    assert "wanted, and not a text with a newline" in program.err
    assert MARKER not in program.out + program.err


def test_a_command_may_have_such_words(run: Callable[..., Program], tmp_path: object) -> None:
    """The words of the command are its own: a script with newlines is no mistake."""
    (secret := tmp_path / "s.json").write_text('{"A": "b"}')  # type: ignore[operator]
    program = run("--secret", f"file://{secret}", "sh", "-c", 'echo "$A"\necho {}')
    assert program.ends() == 0
    assert program.out == "b\n{}\n"
