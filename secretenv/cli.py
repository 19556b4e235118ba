"""The command line: typer, and nothing that typer does not need.

`run` only reads the settings here: this process is a helper of the supervisor, which takes them over a pipe and does
the rest (see `__main__`). The options of `run` come from `options`.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

import secretenv
from secretenv import config
from secretenv.errors import FAILED, SecretenvError
from secretenv.options import OPTIONS, Option

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = 2  # typer's own status for a command line it cannot read

app = typer.Typer(
    name="secretenv",
    help="Run a command with the secrets of AWS Secrets Manager in its environment.",
    epilog="secretenv run --help explains each setting and names its variable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PANELS = {"file": "Settings file", "device": "Device", "secret": "Secrets to variables", "run": "Run"}


def _annotation(option: Option) -> object:
    """Return the annotated type from which typer makes this option."""
    words = f"{option.help} ({', '.join(option.variables)}; default: {option.shown_default})"
    panel = _PANELS[option.section]
    if option.flag:
        names = f"--{option.name}/--no-{option.name}"
        made = typer.Option(names, help=words, rich_help_panel=panel, show_default=False)
        return Annotated[bool | None, made]
    made = typer.Option(
        f"--{option.name}", metavar=option.metavar, help=words, rich_help_panel=panel, show_default=False
    )
    return Annotated[list[str] | None if option.repeatable else str | None, made]


def _takes_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `**flags` each of `OPTIONS` as a parameter of its own."""
    signature = inspect.signature(function, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    made = [
        inspect.Parameter(_parameter(each), inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(each))
        for each in OPTIONS
    ]
    function.__signature__ = signature.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *made]}
    return function


def _parameter(option: Option) -> str:
    """Return a name that Python allows for a parameter: `except` is a keyword."""
    return f"{option.key}_"


def _flags(given: dict[str, Any]) -> dict[str, Any]:
    return {option.key: given[_parameter(option)] for option in OPTIONS}


def _show_version(wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        typer.echo(f"secretenv {secretenv.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Exit status: the command's own; 125 secretenv failed, 126 the command cannot be executed, 127 not found.",
)
@_takes_options
def run(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND [ARG]...", help="what to run, as given: no shell, no re-quoting")
    ],
    **flags: Any,
) -> None:
    """Run COMMAND with the secrets in its environment; restart it when a secret has a new version."""
    settings = config.read(_flags(flags), os.environ, command)
    text = json.dumps(settings.to_json())
    with os.fdopen(context.obj, "w", encoding="ascii") as pipe:
        pipe.write(text)


@app.command(context_settings={"allow_interspersed_args": False})
def sandbox(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND [ARG]...]", help="run this with the device's variables")
    ] = None,
) -> None:
    """Serve a local AWS, with certificate, role and secret made, until Ctrl-C or until COMMAND ends."""
    from secretenv.sandbox.serve import serve

    raise typer.Exit(serve(command or []))


@app.command()
def demo() -> None:
    """Show the whole story on the sandbox, in 20 seconds."""
    from secretenv.sandbox.demo import demo as play

    raise typer.Exit(play())


def main(arguments: list[str], pipe: int | None = None) -> int:
    """Run the command line and return its exit status; errors are shown on standard error.

    Args:
        arguments: the words after `secretenv`.
        pipe: where `run` writes the settings, as one JSON document; given by the supervisor.
    """
    running = arguments[:1] == ["run"]
    try:
        app(arguments, prog_name="secretenv", obj=pipe)
    except SecretenvError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"secretenv: {error.link}: {error.message}{hint}\n")
        return FAILED if running else 1
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
        return FAILED if running and status == USAGE else status
    return 0
