"""What the tests of the process that stays share: its command, and kernels that lack something."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.running import Program


def number(name: str) -> int:
    """Return a signal's number."""
    return int(getattr(signal, f"SIG{name}"))


def ready(program: Program) -> int:
    """Wait for the command and return its pid."""
    program.shows("ready ")
    return int(next(line for line in program.lines if line.startswith("ready ")).split()[1])
