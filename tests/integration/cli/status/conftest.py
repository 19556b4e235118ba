"""Processes that hold a status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.cli.status import holder
from tests.running import PYTHON
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Program


class Holder(NamedTuple):
    """A started holder, and the pids that it printed."""

    program: Program
    pids: list[int]


@pytest.fixture
def hold(start: Callable[..., Program]) -> Callable[..., Holder]:
    """Return a function that starts a process that holds a status with these changes."""
    code = Path(holder.__file__).read_text("utf-8")

    def begin(changes: Any = None, mode: str = "", before: tuple[str, ...] = ()) -> Holder:
        program = start(
            *before, PYTHON, "-c", code, "secretenv", "run", json.dumps({} if changes is None else changes), mode
        )
        until(lambda: program.out.endswith("\n") or program.process.poll() is not None, what="a holder")
        return Holder(program, [int(pid) for pid in program.out.split()])

    return begin
