"""The manual page, made from the command line's own help. `python -m tests.manpage` rewrites it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

import secretenv
from secretenv import errors
from secretenv.cli.app import with_provision
from secretenv.cli.examples import CONTENT, EXAMPLES
from secretenv.cli.typer_options import PANELS, Wrapper
from secretenv.config.options import BY_KEY, OPTIONS, Option

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[1] / "secretenv" / "share" / "man" / "man1" / "secretenv.1"

_STATUSES = (
    ("the command's own", "the command ended; if signal N killed it, secretenv dies of N too (as PID 1: 128+N)"),
    (str(errors.CHANGED), "--on-change exit: the command was stopped because a secret changed; start it again"),
    (str(errors.FAILED), "secretenv itself failed before or instead of the command"),
    (str(errors.CANNOT_EXECUTE), "the command cannot be executed"),
    (str(errors.NOT_FOUND), "the command was not found"),
)


def escaped(text: str) -> str:
    """Return a text escaped for roff: nothing in it is an escape, a request or a typographic dash."""
    safe = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq").replace("^", "\\(ha")
    )
    return "\\&" + safe if safe.startswith((".", "\\(aq")) else safe


def page() -> str:
    """Return the manual page."""
    return "\n".join([*_head(), *_commands(), *_options(), *_environment(), *_rest()]) + "\n"


def _head() -> Iterator[str]:
    yield '.\\" Made by python -m tests.manpage; do not edit.'
    yield f'.TH SECRETENV 1 "" "secretenv {secretenv.__version__}" "User Commands"'
    root: Any = get_command(with_provision())
    phrase = root.help.partition(". ")[0]
    yield from (".SH NAME", f"secretenv \\- {escaped(phrase[0].lower() + phrase[1:])}")
    yield ".SH SYNOPSIS"
    for words, _ in _tree(root, "secretenv"):
        yield from (".PP", f"\\fB{escaped(words)}\\fR {escaped(_usage(_find(root, words)))}")


def _tree(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Yield each command that does something, with the words that call it."""
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            if not each.hidden:
                # Nobody types `make`: it stands behind a NAME after `provision`.
                yield from _tree(each, words if name == "make" else f"{words} {name}")
    else:
        yield words, command


def _find(root: Any, words: str) -> Any:
    return next(command for each, command in _tree(root, "secretenv") if each == words)


def _usage(command: Any) -> str:
    arguments = [each.metavar or each.name.upper() for each in command.params if each.param_type_name == "argument"]
    return " ".join(["[OPTIONS]", *(["[--]"] if isinstance(command, Wrapper) else []), *arguments])


def _commands() -> Iterator[str]:
    yield ".SH COMMANDS"
    root: Any = get_command(with_provision())
    for words, command in _tree(root, "secretenv"):
        yield from (f".SS {escaped(words.removeprefix('secretenv '))}", *_paragraphs(command.help))
        common = [option for each in command.params if (option := _common(each))]
        if common:
            yield from (".PP", f"It takes {_shared(common)}.")
        for each in command.params:
            if not _common(each) and not each.hidden and each.help:
                yield from _entry(", ".join(each.opts) if each.opts[0].startswith("-") else "", each.metavar, each.help)


def _common(parameter: Any) -> Option | None:
    """Return the option of the table that a parameter stands for; None for an option of the command's own."""
    option = BY_KEY.get(parameter.opts[0].removeprefix("--").replace("-", "_"))
    return option if option and (parameter.help or "").startswith(option.help) else None


def _shared(taken: list[Option]) -> str:
    """Return in words which options of the table a command takes."""
    if len(taken) == len(OPTIONS):
        return "all of the options below"
    named = []
    for section, title in PANELS.items():
        members = [option for option in OPTIONS if option.section == section]
        ours = [option for option in members if option in taken]
        if ours == members:
            named.append(f"all of \\(lq{title}\\(rq")
        else:
            named += [escaped(f"--{option.name}") for option in ours]
    return f"these of the options below: {', '.join(named)}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", escaped(" ".join(paragraph.split())))


def _entry(flags: str, metavar: str | None, text: str) -> Iterator[str]:
    shown = [f"\\fB{escaped(flags)}\\fR"] if flags else []
    yield from (".TP", " ".join([*shown, *([f"\\fI{escaped(metavar)}\\fR"] if metavar else [])]), escaped(text))


def _options() -> Iterator[str]:
    yield ".SH OPTIONS"
    yield "Options end at the first word that is not an option."
    yield "A flag beats its variable, which beats the settings file, which beats the default."
    yield escaped("An option without a value has a --no- form that overrides its variable.")
    for section, title in PANELS.items():
        yield f'.SS "{title}"'
        for option in OPTIONS:
            if option.section == section:
                default = "" if option.shown_default == "-" else f" (default: {option.shown_default})"
                yield from _entry(f"--{option.name}", option.metavar, option.help + default)


def _environment() -> Iterator[str]:
    yield ".SH ENVIRONMENT"
    yield "Each option has a variable. An empty one counts as not set; list items are separated by spaces."
    yield "No variable that begins with SECRETENV_ reaches the command."
    for option in OPTIONS:
        yield from _entry(", ".join(option.variables), None, f"--{option.name}")
    aws = "AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE"
    yield from _entry(f"{aws}, HTTPS_PROXY", None, "as for every AWS tool")
    yield from _entry("NO_COLOR", None, "no colours in messages and help")


def _rest() -> Iterator[str]:
    yield ".SH FILES"
    default = BY_KEY["config"].shown_default.replace("`", "")
    yield from _entry(default, None, "settings file, TOML: the options, _ for - in their names, in [device] and [run]")
    yield ".SH EXIT STATUS"
    yield "Of run:"
    for status, meaning in _STATUSES:
        yield from _entry(status, None, meaning)
    yield from (".PP", "Of the other commands: 0, 1 for a failure, 2 for wrong usage or settings.")
    yield from (".SH EXAMPLES", f"With the secret {escaped(CONTENT)}:")
    for examples in EXAMPLES.values():
        for each in examples:
            lines = [f"$ {each.command}", *each.output.splitlines()]
            yield from (".PP", ".nf", ".RS", *(escaped(line) for line in lines), ".RE", ".fi")
    yield from (".SH SEE ALSO", "\\fBenv\\fR(1), \\fBtimeout\\fR(1), \\fBsystemd.service\\fR(5)")


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(page(), "utf-8")
