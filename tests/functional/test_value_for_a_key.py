"""A value that was typed into the field of its key is not shown, whatever the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.running import Program

VALUE = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # of AWS's documents


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("run --secret {} -- true", 0),
        ("run --secret {} --dry-run -- true", 0),
        ("check --secret {} --verbose", 0),
        ("check --secret {} --json", 0),
        ("export --secret {} --format shell", 1),
        ("export --secret {} --format docker", 1),
    ],
)
@pytest.mark.parametrize("content", [{VALUE: "x\n"}, {VALUE: "a\nb", "PATH": "/x"}], ids=["alone", "beside"])
def test_a_value_in_the_place_of_a_key(
    start: Callable[..., Program], secret: SecretFile, words: str, status: int, content: dict[str, str]
) -> None:
    """Warnings, errors and tables show its beginning and its length."""
    secret.put(content)
    program = start(SECRETENV, *words.format(f"file://{secret.path}").split())
    assert program.ends() == status, program.err
    shown = program.out + program.err
    assert VALUE[4:] not in shown
    assert VALUE[:5] not in shown
    assert "wJal" in shown
