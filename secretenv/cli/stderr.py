"""Lines of the commands on standard error: warnings, errors with their hints, notes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from secretenv.wording import printable

if TYPE_CHECKING:
    from secretenv.errors import SecretenvError


def say(text: str) -> None:
    """Write a line that cannot move the cursor of a terminal."""
    sys.stderr.write(f"secretenv: {printable(text)}\n")


def warn(text: str) -> None:
    """Write a warning."""
    say(f"warning: {text}")


def show(error: SecretenvError) -> None:
    """Write an error and its hint."""
    say(f"error: {error.link}: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
