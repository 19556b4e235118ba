"""The command line: typer, and nothing that typer does not need.

`run` only reads the settings here, and only where `plainwords` has left that to us: this process is a helper of the
supervisor, which takes them over a pipe and does the rest (see `__main__`). The options of `run` come from `options`.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

import secretenv
from secretenv.cli import stdout
from secretenv.cli.examples import epilog
from secretenv.config import merge
from secretenv.config.options import OPTIONS, Option
from secretenv.config.parsers import choice
from secretenv.defects import as_error, no_memory, place_of
from secretenv.errors import FAILED, SecretenvError, SettingsError
from secretenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretenv.protocol import Answer
    from secretenv.settings import Settings

USAGE = 2  # typer's own status for a command line it cannot read

app = typer.Typer(
    name="secretenv",
    help="Run a command with the secrets of AWS Secrets Manager in its environment.",
    epilog="secretenv run --help explains each setting and names its variable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_READING = {"secret", "batch"}  # of the options of a run, what says which secrets are read and how
_PANELS = {"file": "Settings file", "device": "Device", "secret": "Secrets to variables", "run": "Run"}


def _annotation(option: Option) -> object:
    """Return the annotated type from which typer makes this option."""
    words = f"{option.help} ({', '.join(option.variables)}; default: {option.shown_default})"
    panel = _PANELS[option.section]
    if option.flag:
        made = typer.Option(f"--{option.name}", help=words, rich_help_panel=panel, show_default=False)
        return Annotated[bool | None, made]
    made = typer.Option(
        f"--{option.name}", metavar=option.metavar, help=words, rich_help_panel=panel, show_default=False
    )
    return Annotated[list[str] | None if option.repeatable else str | None, made]


def _takes_options(function: Callable[..., None], options: Sequence[Option] = OPTIONS) -> Callable[..., None]:
    """Give a command that takes `**flags` each of these options as a parameter of its own."""
    signature = inspect.signature(function, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    made = [_keyword(_parameter(each), _annotation(each)) for each in options]
    # Apart, and not shown: `--once/--no-once` would take the width that the narrow terminal needs for the meaning.
    made += [
        _keyword(_parameter(each, "no_"), Annotated[bool | None, typer.Option(f"--no-{each.name}", hidden=True)])
        for each in options
        if each.flag
    ]
    function.__signature__ = signature.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *made]}
    return function


def _takes_device_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say who the device is."""
    device = [each for each in OPTIONS if each.section in {"file", "device"} and each.key not in _READING]
    return _takes_options(function, [each for each in device if each.key != "region"])


def _takes_reading_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say who the device is and what to read, not those of running a command."""
    reading = {"file", "device", "secret"}
    return _takes_options(function, [each for each in OPTIONS if each.section in reading or each.key in _READING])


def _keyword(name: str, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _parameter(option: Option, before: str = "") -> str:
    """Return a name that Python allows for a parameter: `except` is a keyword."""
    return f"{before}{option.key}_"


def _flags(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given for each option, as `merge.read` takes it."""
    flags = {option.key: given.get(_parameter(option)) for option in OPTIONS}
    return flags | {option.key: False for option in OPTIONS if given.get(_parameter(option, "no_"))}


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
    epilog=epilog(
        "run",
        "Each option without a value has a --no- form, to overrule a variable. "
        "Exit status: the command's own; 125 secretenv failed, 126 the command cannot be executed, 127 not found.",
    ),
)
@_takes_options
def run(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND [ARG]...", help="what to run, as given: no shell, no re-quoting")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show names and where they come from, start nothing", show_default=False)
    ] = False,
    **flags: Any,
) -> None:
    """Run COMMAND with the secrets in its environment; restart it when a secret has a new version."""
    settings = merge.read(_flags(flags), os.environ, command)
    if dry_run:
        typer.echo(_plan(settings), nl=False)
        return
    text = json.dumps(settings.to_json())
    with os.fdopen(context.obj, "w", encoding="ascii") as pipe:
        pipe.write(text)


def _plan(settings: Settings) -> str:
    """Return what would be run, after a look at everything that a run looks at."""
    from secretenv.cli.dry_run import plan
    from secretenv.supervisor import program

    base = program.inherited()
    file = program.find(settings.command[0], os.fsdecode(base[b"PATH"]) if b"PATH" in base else None)
    answer = _fetch(settings)
    program.check_size(settings.command, program.environment(base, answer.variables, settings))
    return plan(file, answer, {os.fsdecode(name) for name in program.environment(base, {}, settings)})


def _fetch(settings: Settings) -> Answer:
    """Fetch once and say what there is to warn of."""
    from secretenv.supervisor.fetcher_process import fetch_once

    answer = fetch_once(settings)
    for warning in (*settings.warnings, *answer.warnings):
        _say(f"warning: {warning}")
    return answer


def _say(text: str) -> None:
    """Write a line to standard error, where nothing of it can move the cursor."""
    sys.stderr.write(f"secretenv: {printable(text)}\n")


@app.command(epilog=epilog("export"))
@_takes_reading_options
def export(
    form: Annotated[
        str, typer.Option("--format", metavar="dotenv|json|shell|docker|systemd", help="who is to read it")
    ] = "dotenv",
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="show the values on a terminal too", show_default=False)
    ] = False,
    **flags: Any,
) -> None:
    """Print the variables for another program to read; on a terminal, without --reveal, names and lengths only."""
    from secretenv.cli.export import FORMATS, listing, render

    form = choice(*FORMATS)(form)
    settings = merge.read(_flags(flags), os.environ, [])
    answer = _fetch(settings)
    if sys.stdout.isatty() and not reveal:
        sys.stdout.write(listing(answer.variables, answer.origins))
        _say("values are not shown on a terminal; --reveal shows them")
        return
    # Bytes, as the readers take UTF-8 whatever the locale is.
    sys.stdout.buffer.write(render(answer.variables, form).encode())


@app.command(
    epilog=epilog(
        "credentials",
        "In ~/.aws/config: credential_process = secretenv credentials. Every tool of AWS then uses the certificate.",
    )
)
@_takes_device_options
def credentials(
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="show the credentials on a terminal too", show_default=False)
    ] = False,
    **flags: Any,
) -> None:
    """Print temporary credentials for the aws CLI and the SDKs, as JSON for credential_process."""
    from secretenv.cli import credential_process
    from secretenv.wording import moment

    settings = merge.read(_flags(flags), os.environ, [], reads=False)
    for warning in settings.warnings:
        _say(f"warning: {warning}")
    found = credential_process.obtain(settings.device, lambda warning: _say(f"warning: {warning}"))
    if sys.stdout.isatty() and not reveal:
        typer.echo(f"credentials of role alias {settings.device.role_alias}, valid to {moment(found.expiration)}")
        _say("they are not shown on a terminal; --reveal shows them")
        return
    typer.echo(credential_process.document(found), nl=False)


@app.command(epilog=epilog("check", "Exit status: 0 all is well, 1 a link is broken, 2 usage."))
@_takes_options
def check(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document, for machines")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="names of variables and other details")] = False,
    **flags: Any,
) -> None:
    """Walk the chain from the settings to the variables, and name the link that is broken."""
    from secretenv.cli.check.report import Step, document
    from secretenv.cli.check.walk import main as walk

    try:
        settings = merge.read(_flags(flags), os.environ, [])
    except SettingsError as error:
        if not as_json:
            raise
        typer.echo(document([Step(error.link, ok=False, text=error.message, hint=error.hint)], None), nl=False)
        raise typer.Exit(1) from None
    raise typer.Exit(walk(settings, as_json=as_json, verbose=verbose))


@app.command(context_settings={"allow_interspersed_args": False}, epilog=epilog("sandbox"))
def sandbox(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND [ARG]...]", help="run this with the device's variables")
    ] = None,
    *,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="[SERVICE:]FAULT[=VALUE]", help="what is broken, as credentials:status=503"),
    ] = None,
) -> None:
    """Serve a local AWS, with certificate, role and secret made, until Ctrl-C or until COMMAND ends."""
    from secretenv.sandbox.command import serve

    raise typer.Exit(serve(command or [], fault or []))


@app.command()
def demo() -> None:
    """Show the whole story on the sandbox, in 20 seconds."""
    from secretenv.sandbox.demo import demo as play

    raise typer.Exit(play())


def show(error: SecretenvError) -> None:
    """Write an error and its hint to standard error."""
    _say(f"error: {error.link}: {error.message}")
    if error.hint:
        _say(f"hint: {error.hint}")


def with_provision() -> typer.Typer:
    """Return the app with all its commands: a run is not to wait for options that are not its own."""
    if "provision" not in {group.name for group in app.registered_groups}:  # once is enough
        from secretenv.provision.command import app as provision

        app.add_typer(provision, name="provision")
    return app


def main(arguments: list[str], pipe: int | None = None) -> int:
    """Run the command line and return its exit status; errors are shown on standard error.

    Args:
        arguments: the words after `secretenv`.
        pipe: where `run` writes the settings, as one JSON document; given by the supervisor.
    """
    running = arguments[:1] == ["run"]
    if "_SECRETENV_COMPLETE" in os.environ:
        # A shell asks for completions, one a line, each with its meaning. typer would wrap that at the width of a
        # terminal, and the shell take its second line for another completion.
        os.environ["COLUMNS"] = "1000"
    if not running:
        with_provision()
    try:
        printed = None if running and sys.stdout is None else stdout.watch()  # a run itself prints nothing
        status = _status(arguments, pipe, printed)
        if running and status == USAGE:
            status = FAILED
        return status if printed is None or printed.finish() else 1
    except SecretenvError as error:
        show(as_error(error, SecretenvError))
        return error.status if running else 1
    except Exception as error:
        if running or not no_memory(error):  # of a run it is told by who started this process
            raise
        show(SecretenvError("there is no memory left", hint="free; ulimit -v"))
        return 1


def _status(arguments: list[str], pipe: int | None, printed: stdout.Output | None) -> int:
    """Run the command line and return what it ends with."""
    try:
        app(arguments, prog_name="secretenv", obj=pipe)
    except OSError as error:
        if printed is not None and not printed.finish():
            return 1
        where = f": {error.filename}" if error.filename else place_of(error)
        hint = "is a disk full or read-only, or a limit reached? df -h; ulimit -a"
        raise SecretenvError(f"{error.strerror}{where}", hint=hint) from None
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0
