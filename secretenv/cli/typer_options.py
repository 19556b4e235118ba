"""From the option table to the parameters of a typer command, and back from what typer found to flags.

Typer reads a command's options from its signature, so each option becomes a parameter there.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from secretenv.cli import completing
from secretenv.config.options import OPTIONS, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Command = Callable[..., None]

# The heading in the help for each section of the table.
PANELS = {"file": "Settings file", "device": "Device", "secret": "Secrets to variables", "run": "Run"}

# The options that identify the device, for a command that reads no secret.
OF_DEVICE = [option for option in OPTIONS if option.section in {"file", "device"} and option.key != "region"]
# The options that say where the cache is.
OF_CACHE = [option for option in OPTIONS if option.key in {"config", "cache"}]
# The options that identify the device and its secrets, for a command that starts no other.
OF_READING = [
    option
    for option in OPTIONS
    if option.section in {"file", "device", "secret"} or option.key in {"secret", "require", "batch"}
]


class Root(TyperGroup):
    """The group of all commands; typer would write `<bool>` beside `--help` and its other own options."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the group, none of which takes a value."""
        found: list[Any] = super().get_params(ctx)
        for option in found:
            option.metavar = ""
        return found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or a group of commands."""
        found: Any = super().get_command(ctx, cmd_name)
        for command in (found, *getattr(found, "commands", {}).values()):
            if command is not None and (option := command.get_help_option(ctx)) is not None:
                option.metavar = ""
        return found


class Switching(TyperCommand):
    """A command whose flags have hidden `--no-` forms, which completion shows once they are being typed."""

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the completions for the word being typed."""
        for option in self.params:
            if option.opts[0].startswith("--no-"):
                option.hidden = not incomplete.startswith("--no")  # type: ignore[attr-defined]
        return super().shell_complete(ctx, incomplete)


class Naming(Switching):
    """A command that takes names of things; typer would write its usage as `[[PID]...]...`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        """Return the words of the usage line after the command's name."""
        return ["[OPTIONS]", *(str(each.metavar) for each in self.params if isinstance(each, TyperArgument))]


class Wrapper(Switching):
    """A command that takes another command; typer would write its usage as `{COMMAND [ARG]...}...`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        """Return the words of the usage line after the command's name."""
        arguments = [str(each.metavar) for each in self.params if isinstance(each, TyperArgument)]
        return ["[OPTIONS]", "[--]", *arguments]


class Asking(TyperCommand):
    """A command that takes the words of another one, without options of its own."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        """Return the words of the usage line after the command's name."""
        return ["[COMMAND]..."]


def flag(*names: str, **how: Any) -> Any:
    """Return an option without a value that is not in the table; `how` are arguments of `typer.Option`."""
    return typer.Option(*names, metavar="", show_default=False, **how)


def takes(options: Sequence[Option]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command with `**given` each of these options as a parameter of its own."""

    def decorate(function: Command) -> Command:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        made = [_keyword(_parameter(each), _annotation(each)) for each in options]
        # Separate and hidden: `--once/--no-once` would take the width that a narrow terminal needs for the meaning.
        made += [
            _keyword(
                _parameter(each, "no_"),
                Annotated[bool | None, typer.Option(f"--no-{each.name}", hidden=True, help=f"turn --{each.name} off")],
            )
            for each in options
            if each.flag
        ]
        function.__signature__ = signature.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
        function.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *made]}
        return function

    return decorate


def flags(given: dict[str, Any]) -> dict[str, Any]:
    """Return what typer found for each option, as `merge.read` takes it; `--no-NAME` wins over `--NAME`."""
    found = {option.key: given.get(_parameter(option)) for option in OPTIONS}
    return found | {option.key: False for option in OPTIONS if given.get(_parameter(option, "no_"))}


def _annotation(option: Option) -> object:
    """Return the annotated type from which typer makes this option."""
    made = typer.Option(
        f"--{option.name}",
        metavar=option.metavar,  # empty for a flag: typer would write `<bool>`, as if it took a value
        help=option.full_help,
        rich_help_panel=PANELS[option.section],
        show_default=False,
        autocompletion=completing.values(option),
    )
    if option.flag:
        return Annotated[bool | None, made]
    return Annotated[list[str] | None if option.repeatable else str | None, made]


def _keyword(name: str, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _parameter(option: Option, prefix: str = "") -> str:
    """Return a name that Python allows for a parameter: `except` is a keyword."""
    return f"{prefix}{option.key}_"
