"""The one place of the tests that sleeps: waiting for a condition until a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Generous: a loaded machine must not fail a test, and a test that passes never waits this long.
DEADLINE = 30.0


def until(condition: Callable[[], T], *, deadline: float = DEADLINE, what: str = "") -> T:
    """Call `condition` until it returns something true, and return that.

    Raises:
        AssertionError: it was not true within `deadline` seconds.
    """
    end = time.monotonic() + deadline
    while True:
        if outcome := condition():
            return outcome
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what or condition}")
        time.sleep(0.01)
