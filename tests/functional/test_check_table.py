"""The table "from secret to variables", the same rows as in the unit tests, through the installed command."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

from tests.running import PYTHON
from tests.unit.fetcher.test_variables import MARKER, NAMES, REFUSED, VALUES, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.functional.conftest import World
    from tests.running import Program

# Raw bytes: the locale of this interpreter must not decide the test.
SHOW = (PYTHON, "-c", "print({k: v for k, v in __import__('os').environb.items() if k not in (b'LC_CTYPE',)})")


def flags(changes: dict[str, Any]) -> list[str]:
    """Return the flags that stand for these fields of a secret."""
    words = []
    for field, value in changes.items():
        name = f"--{field.removesuffix('_')}"
        texts = [value] if isinstance(value, str) else value
        words += [name] if value is True else [f"{name}={text}" for text in texts]
    return words


@pytest.fixture
def fetched(
    run: Callable[..., Program], world: World, secret: SecretFile
) -> Callable[[str | bytes, dict[str, Any]], Program]:
    """Return a function that runs `env` with a secret of this content: text from a file, binary from the sandbox."""

    def begin(content: str | bytes, changes: dict[str, Any]) -> Program:
        name = changes.pop("name", "")
        words = ["--once", "--pristine", *flags(changes)]
        if isinstance(content, str):
            secret.path.write_bytes(content.encode())
            return run(*words, f"--secret={name}{'=' * bool(name)}file://{secret.path}", "--", *SHOW)
        world.sandbox.rotate(world.name, content)
        variables = world.variables(secret=f"{name}{'=' * bool(name)}{world.name}")
        return run(*words, "--", *SHOW, variables=variables)

    return begin


def variables(program: Program) -> dict[str, str]:
    """Return the environment of the command."""
    assert program.ends() == 0, program.err
    found = ast.literal_eval(program.out)
    return {name.decode(): value.decode() for name, value in found.items()}


@pytest.mark.parametrize(("content", "expected"), VALUES)
def test_values(fetched: Callable[..., Program], content: str | bytes, expected: dict[str, str]) -> None:
    """Each row: the keys of the JSON object reach a real command."""
    assert variables(fetched(content, {})) == expected


@pytest.mark.parametrize(("content", "changes", "names"), NAMES)
def test_names(fetched: Callable[..., Program], content: str, changes: dict[str, Any], names: list[str]) -> None:
    """Each row: --only, --except, --prefix, --upcase and --sanitize as flags."""
    assert list(variables(fetched(content, changes))) == names


@pytest.mark.parametrize(("content", "value"), WHOLE)
def test_whole_secret(fetched: Callable[..., Program], content: str | bytes, value: str) -> None:
    """Each row: NAME=ID."""
    assert variables(fetched(content, {"name": "Name", "prefix": "P_", "upcase": True})) == {"Name": value}


@pytest.mark.parametrize(("content", "changes", "words"), [row for row in REFUSED if row.values[2]])
def test_refused(fetched: Callable[..., Program], content: str | bytes, changes: dict[str, Any], words: str) -> None:
    """Each row: status 125, an error with a hint, no value, no traceback."""
    program = fetched(content, dict(changes))
    assert program.ends() == 125
    error, hint = program.err.splitlines()[-2:]
    assert error.startswith("secretenv: error: content: ")
    assert words.partition(" of secret app")[0].partition("secret app")[0] in error
    assert hint.startswith("secretenv: hint: ")
    assert MARKER not in program.err
    assert "Traceback" not in program.err
