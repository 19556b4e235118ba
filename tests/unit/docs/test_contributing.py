"""docs/CONTRIBUTING.md shows commands and code that work."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "CONTRIBUTING.md").read_text("utf-8")


def test_the_python_example_shows_what_the_lifecycle_does(capsys: pytest.CaptureFixture[str]) -> None:
    """The example prints that a TERM that was sent is passed on and begins the end."""
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    exec(compile(block, "docs/CONTRIBUTING.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "STOPPING" in shown
    assert "Send(signum=<Signals.SIGTERM" in shown


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ([\w.]+)", PAGE)) - {"venv"}))
def test_modules_to_run_are_there(module: str) -> None:
    """Each `python -m` of the page names a module."""
    assert importlib.util.find_spec(module)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/.]+|\.ci/run)`", PAGE))))
def test_files_are_there(path: str) -> None:
    """Each file and folder of tests that the page names is there."""
    assert (PROJECT / path).exists()
