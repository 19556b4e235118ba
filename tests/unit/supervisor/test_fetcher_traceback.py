"""The end of a fetcher without an answer: its exception's kind and place, and nothing of what it wrote."""

from __future__ import annotations

import traceback

import pytest

from secretenv.supervisor.fetcher_traceback import died

MARKER = "v4lue-that-must-not-show"


def raised(source: str, file: str) -> str:
    """Return the traceback of this source, as Python writes it."""
    try:
        exec(compile(source, file, "exec"), {})
    except BaseException:  # noqa: BLE001
        return traceback.format_exc()
    return ""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("import gone", "ModuleNotFoundError at urllib3/util.py:1"),
        ("\nfrom os import gone", "ImportError at urllib3/util.py:2"),
        (f"raise ValueError('''{MARKER}\n  File \"{MARKER}\", line 7, in x\n{MARKER}: y''')", "ValueError at urllib3"),
        (
            f"try: 1 / 0\nexcept Exception as e: raise KeyError('{MARKER}') from e",
            "ZeroDivisionError at urllib3",
        ),
        ("raise MemoryError", "MemoryError at urllib3/util.py:1"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt at urllib3/util.py:1"),
    ],
)
def test_its_exception_is_named(said: str, shown: str) -> None:
    """The exception's kind and the line where it was raised; its text may hold a value."""
    error = died(1, raised(said, "/usr/lib/python3/site-packages/urllib3/util.py"))
    assert shown in error.message
    assert MARKER not in error.message + error.hint
    assert "status 1" in error.message
    assert "pip check" in error.hint
    assert (error.link, error.transient) == ("fetcher", True)


@pytest.mark.parametrize("said", ["", MARKER, f"{MARKER}Error: x", "Segmentation fault (core dumped)"])
def test_without_a_traceback(said: str) -> None:
    """Only the status is known; it is called neither the network's fault nor that of memory."""
    error = died(120, said)
    assert error.message == "the fetcher ended without an answer: it exited with status 120"
    assert "ulimit -a" in error.hint
    assert "network" not in error.hint
