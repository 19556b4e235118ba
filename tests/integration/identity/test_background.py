"""Work in a thread: its result, its exception, and a limit."""

from __future__ import annotations

import threading

import pytest

from secretenv.identity.background import Background


def test_what_work_returns() -> None:
    """The result is there for as often as it is asked for, with a limit and without."""
    work = Background(lambda: 7)
    assert work.result() == 7
    assert work.result(5.0) == 7


def test_what_work_raises() -> None:
    """An exception, of whatever kind, is raised where the result is asked for."""

    def fail() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        Background(fail).result(5.0)


def test_work_that_hangs() -> None:
    """Work that takes longer than the limit is left to itself: what `late` makes of the time is raised."""
    end = threading.Event()
    work = Background(end.wait)
    with pytest.raises(ValueError, match=r"^not within 0\.1 s$"):
        work.result(0.1, lambda span: ValueError(f"not within {span}"))
    end.set()
    assert work.result(5.0)
