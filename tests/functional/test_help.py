"""`--help` and `--version` of the installed command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

import secretenv
from secretenv.cli.app import with_provision
from secretenv.config.options import OPTIONS
from tests.running import PYTHON, SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.running import Program


def words(text: str) -> str:
    """Return a help text without its frames, in one line."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize("columns", ["80", "200"])
def test_help_of_run_is_complete(start: Callable[..., Program], columns: str) -> None:
    """`run --help` shows each option with its variable, default and meaning, also on a narrow terminal."""
    program = start(SECRETENV, "run", "--help", variables={"COLUMNS": columns})
    assert program.ends() == 0
    text = words(program.out)
    for option in OPTIONS:
        assert f"--{option.name} " in text
        assert all(variable in program.out for variable in option.variables), option.name
    assert "…" not in program.out
    assert program.err == ""


def test_help_says_what_the_readme_says(start: Callable[..., Program]) -> None:
    """The meaning and the default of each option are those of README.md's table, from the same source."""
    program = start(SECRETENV, "run", "--help", variables={"COLUMNS": "400"})
    assert program.ends() == 0
    for option in OPTIONS:
        default = "" if option.shown_default == "-" else f"; default: {option.shown_default}"
        assert f"{option.help} ({', '.join(option.variables)}{default})" in words(program.out)


def commands(command: Any, words: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield the words of each command, and the names of its options."""
    if not words or not hasattr(command, "commands"):
        yield words, [each.opts[0] for each in command.params if each.opts[0].startswith("-") and not each.hidden]
    for name, each in getattr(command, "commands", {}).items():
        # `make` is never typed: `provision NAME` calls it.
        yield from commands(each, words if name == "make" else f"{words} {name}".strip())


COMMANDS = list(commands(get_command(with_provision())))


@pytest.mark.parametrize(("command", "options"), COMMANDS, ids=[name or "secretenv" for name, _ in COMMANDS])
def test_each_command_has_help(start: Callable[..., Program], command: str, options: list[str]) -> None:
    """Every command explains itself, with the whole name of each option on a narrow terminal too."""
    program = start(SECRETENV, *command.split(), "-h", variables={"COLUMNS": "80"})
    assert program.ends() == 0
    assert f"Usage: secretenv {command}".strip() in program.out
    assert [name for name in options if name not in program.out] == []


def test_the_no_form_of_a_flag_overrules_its_variable(start: Callable[..., Program]) -> None:
    """`--once` and `--no-once`: a flag beats its variable."""
    for words_, asked in (([], True), (["--no-once"], False)):
        program = start(SECRETENV, "run", *words_, "--", "true", variables={"SECRETENV_ONCE": "maybe"})
        assert program.ends() == 125
        assert ("SECRETENV_ONCE: not a boolean" in program.err) == asked


@pytest.mark.parametrize("words_", [[SECRETENV], [PYTHON, "-m", "secretenv"]], ids=["command", "module"])
def test_version(start: Callable[..., Program], words_: list[str]) -> None:
    """`--version`, also of `python -m secretenv`."""
    program = start(*words_, "--version")
    assert program.ends() == 0
    assert program.out == f"secretenv {secretenv.__version__}\n"


def test_version_as_a_command(start: Callable[..., Program]) -> None:
    """`secretenv version`, as other tools have it."""
    program = start(SECRETENV, "version")
    assert program.ends() == 0
    assert program.out == f"secretenv {secretenv.__version__}\n"


@pytest.mark.parametrize(
    "command", ["", "run", "check", "provision", "provision destroy", "cache", "cache forget", "help"]
)
def test_help_as_a_command(start: Callable[..., Program], command: str) -> None:
    """`secretenv help COMMAND` shows what `secretenv COMMAND --help` shows, whatever follows; it starts nothing."""
    asked, shown = (start(SECRETENV, *words.split()) for words in (f"help {command}", f"{command} --help"))
    assert (asked.ends(), shown.ends()) == (0, 0)
    assert asked.out == shown.out != ""
    more = start(SECRETENV, "help", *command.split(), "nonsense")
    assert more.ends() == (0 if command else 2)
    assert more.out == (shown.out if command else "")


@pytest.mark.parametrize(
    ("words_", "status"),
    [
        (["run"], 125),
        (["run", "--bogus", "x"], 125),
        (["run", "--interval"], 125),
        (["nonsense"], 2),
        (["export", "x"], 2),
    ],
    ids=["no-command", "unknown-option", "no-value", "unknown-command", "extra-argument"],
)
def test_usage_errors(start: Callable[..., Program], words_: list[str], status: int) -> None:
    """Usage: 125 from `run`, 2 from the other commands; never a traceback."""
    program = start(SECRETENV, *words_)
    assert program.ends() == status
    assert "Error" in program.err
    assert "Traceback" not in program.err
    assert program.out == ""


@pytest.mark.parametrize("command", ["eval date", "A=1 date"])
def test_a_sandbox_for_a_word_of_the_shell(start: Callable[..., Program], command: str) -> None:
    """`sandbox -- eval date` names the shell, as `run` does."""
    program = start(SECRETENV, "sandbox", "--", *command.split())
    assert program.ends() == 1
    assert "hint: use sh -c '...'" in program.err


BAD = {
    "export": "export --format xml",
    "export of no secret": "export",
    "check": "check --interval 0",
    "check --json": "check --json --interval 0",
    "credentials": "credentials --endpoint ftp://x",
    "provision": "provision bad/name",
    "provision --duration": "provision myapp --duration 1s",
    "destroy": "provision destroy bad/name --yes",
    "sandbox": "sandbox --fault nonsense -- true",
    "cache forget": "cache forget",
    "a text for an option": "export --secret x {}",
}


@pytest.mark.parametrize("words_", BAD.values(), ids=BAD)
def test_bad_values(start: Callable[..., Program], words_: str) -> None:
    """A value that cannot be used ends each command but `run` with 2, as its help says."""
    program = start(SECRETENV, *words_.split())
    assert program.ends() == 2
    assert "Traceback" not in program.err


@pytest.mark.parametrize(("command", "status"), [("export", 2), ("credentials", 2), ("check", 2), ("run", 125)])
def test_bad_values_of_variables_and_files(
    start: Callable[..., Program], tmp_path: Path, command: str, status: int
) -> None:
    """So does a bad value of a variable or of the settings file, or a file that cannot be read; 125 of `run`."""
    file = tmp_path / "config.toml"
    file.write_text('[run]\ninterval = "never"\n', "utf-8")
    rest = ["--", "true"] if command == "run" else []
    for variables in ({"SECRETENV_INTERVAL": "never"}, {"SECRETENV_CONFIG": str(file)}, {"SECRETENV_CONFIG": "/none"}):
        program = start(SECRETENV, command, *rest, variables=variables)
        assert program.ends() == status, variables


@pytest.mark.parametrize(("command", "options"), COMMANDS, ids=[name or "secretenv" for name, _ in COMMANDS])
def test_help_has_no_words_of_its_library(start: Callable[..., Program], command: str, options: list[str]) -> None:
    """No `<bool>` beside a flag, no default that says nothing, no braces around the arguments of the usage line."""
    program = start(SECRETENV, *command.split(), "--help", variables={"COLUMNS": "120"})
    assert program.ends() == 0
    usage = next(line for line in program.out.splitlines() if "Usage:" in line)
    assert not re.search(r"[{}]", usage)
    assert not re.search(r"<\w+>|default: (-|None|\))|\[default: \]", program.out)
