"""The error boundary: an error becomes two lines and a status, and nothing else is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from secretenv.cli import main as command_line
from secretenv.config import merge
from secretenv.errors import SettingsError

RUN, EXPORT = ["run", "--dry-run", "--", "true"], ["export"]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes each command fail with an error of its choice."""

    def choose(error: Exception) -> None:
        def read(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(merge, "read", read)

    return choose


@pytest.mark.parametrize(("words", "status"), [(RUN, 125), (EXPORT, 1)], ids=["run", "export"])
@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (SettingsError("no", hint="yes"), ["error: settings: no", "hint: yes"]),
        (SettingsError("a\x1b[2J\nb"), ["error: settings: a?[2J?b"]),
        (OSError(28, "No space left on device", "/a/file"), ["error: secretenv: No space left on device: /a/file"]),
        (OSError(24, "Too many open files"), ["error: secretenv: Too many open files: cli/app.py:"]),
    ],
    ids=["with a hint", "without a hint", "about a file", "of the system"],
)
def test_an_error_is_lines_and_a_status(
    fails: Any, capsys: pytest.CaptureFixture[str], words: list[str], status: int, error: Exception, lines: list[str]
) -> None:
    """Link, message and hint stand on standard error; the status is 125 for `run`, else 1, or 2 for settings."""
    fails(error)
    assert command_line.main(words) == (2 if status == 1 and isinstance(error, SettingsError) else status)
    out, err = capsys.readouterr()
    assert out == ""
    shown = err.splitlines()
    assert all(each.startswith(f"secretenv: {line}") for each, line in zip(shown, lines, strict=False))
    assert len(shown) == (len(lines) if isinstance(error, SettingsError) else 2)


@pytest.mark.parametrize("words", [RUN, EXPORT], ids=["run", "export"])
@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(12, "Cannot allocate memory"), KeyError("x")], ids=["memory", "ENOMEM", "defect"]
)
def test_what_the_starter_handles_passes_through(fails: Any, words: list[str], error: Exception) -> None:
    """A lack of memory and a defect are for the one boundary of the process."""
    fails(error)
    with pytest.raises(type(error)):
        command_line.main(words)


@pytest.mark.parametrize(("words", "status"), [(["run", "--bogus"], 125), (["export", "--bogus"], 2)])
def test_usage(words: list[str], status: int) -> None:
    """A usage error is 125 for `run`, whose other statuses are the command's, and 2 else."""
    assert command_line.main(words) == status
