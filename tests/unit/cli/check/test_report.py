"""How the steps of `secretenv check` are shown: lines, a table, the last lines."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from secretenv.cli.check import cost, report
from secretenv.cli.check.report import Step

from .checking import Terminal, settings, terminal_of_60

if TYPE_CHECKING:
    import pytest


STEPS = [
    Step("settings", ok=True, text="1 secret"),
    Step("key permissions", ok=True, text="mode 0644", warnings=("others can read it",)),
    Step("DNS", ok=False, text="no such\x1b[2J name\nok", hint="getent"),
    Step("key of another certificate", ok=None, text="not tried"),
    Step("variables", ok=False, text="[bold]later[/bold]", details=("NAME",)),
]


def test_lines_for_a_pipe() -> None:
    """One aligned line for each step, whatever its text contains."""
    out = io.StringIO()
    show = report.lines(out)
    for step in STEPS:
        show(step)
    assert out.getvalue().splitlines() == [
        "ok    settings          1 secret",
        "ok    key permissions   mode 0644",
        "warn  key permissions   others can read it",
        "FAIL  DNS               no such?[2J name?ok",
        "skip  key of another certificate  not tried",
        "FAIL  variables         [bold]later[/bold]",
    ]


def test_details_on_demand() -> None:
    """-v adds names and the hint of each broken step."""
    out = io.StringIO()
    for step in STEPS:
        report.lines(out, verbose=True)(step)
    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert "NAME" in lines
    assert "hint: getent" in lines


def test_the_last_lines_name_the_first_broken_link() -> None:
    """The report ends with the first link that broke, how many more did, and the next step."""
    price = cost.cost(settings("a"))
    last = report.closing(STEPS, price).splitlines()
    assert last[-2:] == ["broken: DNS: no such?[2J name?ok (1 more broken below)", "hint: getent"]
    assert report.closing(STEPS[:2], price).endswith("\nall is well\n")


def test_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is honoured; text that looks like markup or moves the cursor is only text."""
    terminal = terminal_of_60(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    show = report.table(terminal)
    for step in STEPS:
        show(step)
    assert not re.search(r"\x1b\[(3\d|9\d|38;)", terminal.getvalue())
    bare = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    assert "✗  variables         [bold]later[/bold]" in bare
    assert "✗  DNS               no such?[2J name?ok" in bare
    assert "!  key permissions   others can read it" in bare


def test_a_terminal_without_such_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the encoding of the terminal lacks ticks, words replace them."""
    terminal = terminal_of_60(monkeypatch)
    monkeypatch.setattr(Terminal, "encoding", "iso-8859-1")
    report.table(terminal)(STEPS[2])
    terminal.getvalue().encode("iso-8859-1")
    assert "FAIL" in terminal.getvalue()
