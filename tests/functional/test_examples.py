"""The examples of `--help`, run as they stand, and the colours of a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from secretenv.cli.examples import CONTENT, EXAMPLES
from tests.container import PROJECT
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.running import Program
    from tests.screen import Screen

COLOUR = re.compile(r"\x1b\[(?:[\d;]*;)?(?:3\d|4\d|9\d)(?:;[\d;]*)?m")


@pytest.mark.parametrize("command", ["run", "export", "check"])
def test_examples_print_what_they_show(screen: Callable[..., Screen], secret: SecretFile, command: str) -> None:
    """An example of `--help` prints at a terminal what stands below it."""
    secret.put(CONTENT)
    script = "\n".join(f"{each.command} && echo" for each in EXAMPLES[command])
    seen = screen("sh", "-c", f"{script}\necho 'that is all'", variables={"SECRETENV_SECRET": f"file://{secret.path}"})
    seen.shows("that is all")
    assert (
        seen.text.replace("\r\n", "\n") == "".join(f"{each.output}\n\n" for each in EXAMPLES[command]) + "that is all\n"
    )


def test_the_example_of_the_sandbox_is_the_readmes() -> None:
    """README.md shows the sandbox's example too, where its own test runs it."""
    (example,) = EXAMPLES["sandbox"]
    readme = (PROJECT / "README.md").read_text("utf-8").replace(".venv/bin/", "")
    assert f"{example.command}\n```\n\n    {example.output}\n" in readme


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_shows_the_examples(start: Callable[..., Program], command: str) -> None:
    """`--help` shows each example with its output, line by line."""
    program = start(SECRETENV, command, "--help")
    assert program.ends() == 0
    lines = [line.strip() for line in program.lines]
    for each in EXAMPLES[command]:
        at = lines.index(f"$ {each.command}")
        shown = [line.strip() for line in each.output.splitlines()]
        assert lines[at + 1 : at + 1 + len(shown)] == shown


@pytest.mark.parametrize("arguments", [["run", "--help"], ["run", "--bogus"]], ids=["help", "error"])
def test_colours(screen: Callable[..., Screen], tmp_path: Path, arguments: list[str]) -> None:
    """A terminal shows colours, and with NO_COLOR none; the words are the same."""
    shown = []
    for variables in ({}, {"NO_COLOR": "1"}):
        script = '"$@"; echo "that is all"'
        seen = screen(
            "sh", "-c", script, "sh", SECRETENV, *arguments, variables={"TERM": "xterm-256color", **variables}
        )
        seen.shows("that is all")
        shown.append(seen.text)
    coloured, plain = shown
    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)
    # Words only: a frame's character may have come in two parts.
    assert _words(coloured) == _words(plain)


def _words(text: str) -> list[str]:
    return re.findall(r"[!-~]+", re.sub(r"\x1b\[[\d;]*m", "", text))
