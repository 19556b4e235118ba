"""The commands of secretenv, each a function whose arguments and docstring are its help.

`run` only writes the settings here, and only where `config.argv` left the words to typer: this process is a helper of
the supervisor, which reads them from a pipe and does the rest (see `__main__`).
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

import secretenv
from secretenv.cli.completing import beginning
from secretenv.cli.examples import READERS, epilog
from secretenv.cli.stderr import say, warn
from secretenv.cli.typer_options import (
    OF_CACHE,
    OF_DEVICE,
    OF_READING,
    Asking,
    Naming,
    Root,
    Switching,
    Wrapper,
    flag,
    flags,
    takes,
)
from secretenv.config import described, merge
from secretenv.config.options import OPTIONS
from secretenv.config.parsers import choice
from secretenv.errors import USAGE, SettingsError

if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.settings import Settings

app = typer.Typer(
    name="secretenv",
    cls=Root,
    help="Run a program with secrets from AWS Secrets Manager in its environment. The device's X.509 certificate "
    "is the only credential.",
    epilog="secretenv run --help explains each setting and names its variable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# The groups of commands, each with the one command that is typed after it.
_GROUPS = {"cache": "forget", "provision": "destroy"}


def _show_version(wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        typer.echo(f"secretenv {secretenv.__version__}")
        raise typer.Exit


def _formats(incomplete: str) -> list[str]:
    """Return the formats of `export` that begin with this."""
    from secretenv.cli.export import FORMATS

    return beginning(incomplete, FORMATS)


def _pids(incomplete: str) -> list[str]:
    """Return the pids of running secretenvs that begin with this."""
    from secretenv.cli.status.finding import find

    return beginning(incomplete, [str(run.pid) for run in find().runs])


def _commands(incomplete: str) -> list[str]:
    """Return the names of the commands that begin with this."""
    own = [each.name or each.callback.__name__ for each in app.registered_commands if each.callback]
    return beginning(incomplete, [*own, *_GROUPS])


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, flag("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(
    cls=Wrapper,
    context_settings={"allow_interspersed_args": False},
    epilog=epilog(
        "run",
        "Each option without a value has a --no- form that overrides its variable. "
        "Exit status: that of COMMAND; 125 secretenv failed, 126 COMMAND cannot be executed, 127 not found.",
    ),
)
@takes(OPTIONS)
def run(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND [ARG]...", hidden=True)],
    *,
    dry_run: Annotated[
        bool, flag("--dry-run", help="show the variables and the secrets that they come from; start nothing")
    ] = False,
    **given: Any,
) -> None:
    """Run COMMAND with the secrets in its environment; restart it when a secret has a new version.

    COMMAND gets its arguments unchanged: no shell reads them.
    """
    settings = merge.read(flags(given), os.environ, command)
    if dry_run:
        typer.echo(_plan(settings, described.lines(flags(given), os.environ)), nl=False)
        return
    text = json.dumps(settings.to_json())
    with os.fdopen(context.obj, "w", encoding="ascii") as pipe:
        pipe.write(text)


def _plan(settings: Settings, said: list[str]) -> str:
    """Return the plan of a run, after all the checks of a run; `said` are the settings in words."""
    from secretenv.cli.dry_run import plan
    from secretenv.supervisor import program
    from secretenv.supervisor.caller import inherited
    from secretenv.supervisor.environment import environment

    base = inherited()
    file = program.find(settings.command[0], os.fsdecode(base[b"PATH"]) if b"PATH" in base else None)
    answer = _fetch(settings)
    program.check_size(settings.command, environment(base, answer.variables, settings))
    return plan(file, answer, {os.fsdecode(name) for name in environment(base, {}, settings)}, said)


def _fetch(settings: Settings) -> Answer:
    """Fetch once, and write the warnings."""
    from secretenv.cli.fetch_once import fetch_once

    for warning in settings.warnings:
        warn(warning)
    answer = fetch_once(settings)
    for warning in answer.warnings:
        warn(warning)
    return answer


@app.command(
    cls=Switching, epilog=epilog("export", f"{READERS}\nExit status: 0, 1 failure, 2 wrong usage or settings.")
)
@takes(OF_READING)
def export(
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="dotenv, json, shell, docker, systemd, github or yaml",
            autocompletion=_formats,
        ),
    ] = "dotenv",
    *,
    reveal: Annotated[bool, flag("--reveal", help="show the values on a terminal too")] = False,
    **given: Any,
) -> None:
    """Print the variables for another program; on a terminal only names and lengths, unless --reveal is given."""
    from secretenv.cli.export import FORMATS, listing, render

    form = choice(*FORMATS)(form)
    settings = merge.read(flags(given), os.environ, [])
    answer = _fetch(settings)
    if sys.stdout.isatty() and not reveal:
        sys.stdout.write(listing(answer.variables, answer.origins))
        say("values are not shown on a terminal; --reveal shows them")
        return
    # Bytes: the readers expect UTF-8 in any locale.
    sys.stdout.buffer.write(render(answer.variables, form).encode())


@app.command(
    cls=Switching,
    epilog=epilog(
        "credentials",
        "In ~/.aws/config: credential_process = secretenv credentials. Every AWS tool then uses the certificate. "
        "Exit status: 0, 1 failure, 2 wrong usage or settings.",
    ),
)
@takes(OF_DEVICE)
def credentials(
    *,
    reveal: Annotated[bool, flag("--reveal", help="show the credentials on a terminal too")] = False,
    **given: Any,
) -> None:
    """Print temporary credentials for the aws CLI and the SDKs, as JSON for credential_process."""
    from secretenv.cli import credential_process
    from secretenv.wording import moment

    settings = merge.read(flags(given), os.environ, [], reads=False)
    for warning in settings.warnings:
        warn(warning)
    found = credential_process.obtain(settings.device, warn)
    if sys.stdout.isatty() and not reveal:
        typer.echo(f"credentials of role alias {settings.device.role_alias}, valid until {moment(found.expiration)}")
        say("the credentials are not shown on a terminal; --reveal shows them")
        return
    typer.echo(credential_process.document(found), nl=False)


@app.command(
    cls=Switching,
    epilog=epilog(
        "check",
        "Exit status: 0 all is well, 1 a link is broken, 2 wrong usage or settings; with --offline 0 if the command "
        "would start, 1 if not.",
    ),
)
@takes(OPTIONS)
def check(
    *,
    as_json: Annotated[bool, flag("--json", help="print one JSON document")] = False,
    verbose: Annotated[bool, flag("--verbose", "-v", help="show the names of the variables and other details")] = False,
    offline: Annotated[
        bool, flag("--offline", help="use no network, and say what a boot without one would do: see --cache")
    ] = False,
    **given: Any,
) -> None:
    """Check each link of the chain from the settings to the variables, and name the broken one."""
    from secretenv.cli.check.report import Step, document

    try:
        settings = merge.read(flags(given), os.environ, [])
    except SettingsError as error:
        if not as_json:
            raise
        typer.echo(document([Step(error.link, ok=False, text=error.message, hint=error.hint)], None), nl=False)
        raise typer.Exit(USAGE) from None
    said = described.lines(flags(given), os.environ)
    if offline:
        from secretenv.cli.check.offline import main as walk
    else:
        from secretenv.cli.check.walk import main as walk
    raise typer.Exit(walk(settings, said, as_json=as_json, verbose=verbose))


@app.command(
    cls=Naming,
    epilog=epilog(
        "status",
        "Exit status: 0, 3 nothing found or not allowed, 2 wrong usage; of --check: 0 OK, 1 WARNING, 2 CRITICAL, "
        "3 UNKNOWN.",
    ),
)
def status(  # noqa: PLR0913 - an option each
    pids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PID]...", hidden=True, autocompletion=_pids),
    ] = None,
    *,
    as_json: Annotated[bool, flag("--json", help="print a JSON list")] = False,
    prometheus: Annotated[bool, flag("--prometheus", help="print metrics in Prometheus's text format")] = False,
    check: Annotated[
        bool, flag("--check", help="print one line with performance data and exit as a Nagios or Icinga plugin does")
    ] = False,
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="DURATION",
            help="age of the values at which --check is CRITICAL; default: 1h, or two intervals if that is longer",
            show_default=False,
        ),
    ] = None,
    status_file: Annotated[
        str | None,
        typer.Option(
            "--status-file",
            metavar="FILE",
            help="read this file, which run --status-file writes, instead of looking for processes",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the status of each running secretenv, or of those with these process IDs: versions, and what fails.

    It finds those of the same user; root finds all.
    """
    from secretenv.cli.status.main import main as show

    forms = [form for form, given in (("json", as_json), ("prometheus", prometheus), ("check", check)) if given]
    raise typer.Exit(show(pids or [], forms=forms, max_age=max_age, file=status_file))


cache = typer.Typer(
    cls=Root,
    help="Remove the cache of the last known good values, which run --cache keeps.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(cache, name="cache")


@cache.command(cls=Switching, epilog="Exit status: 0, also if there is no cache; 1 failure, 2 wrong usage or settings.")
@takes(OF_CACHE)
def forget(**given: Any) -> None:
    """Remove the cache of the last known good values.

    A run that uses it goes on, and writes a new one when a secret changes, or within a day.

    Removing a file does not always erase it from a disk. Only a new version at AWS makes old values useless.
    """
    from secretenv.cli.forget import forget as remove
    from secretenv.config import cache_alone
    from secretenv.wording import printable

    typer.echo(printable(remove(*cache_alone.read(flags(given), os.environ))))


@app.command(cls=Wrapper, context_settings={"allow_interspersed_args": False}, epilog=epilog("sandbox"))
def sandbox(
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND [ARG]...]", hidden=True)] = None,
    *,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="[SERVICE:]FAULT[=VALUE]",
            help="simulate a fault (credentials:status=503); repeatable; --fault help lists all",
        ),
    ] = None,
) -> None:
    """Serve a local AWS with a certificate, a role and a secret until Ctrl-C, or until COMMAND ends.

    COMMAND gets the SECRETENV_* variables of a test device.
    """
    from secretenv.sandbox.command import serve

    raise typer.Exit(serve(command or [], fault or []))


@app.command()
def demo() -> None:
    """Show in 20 seconds, on the sandbox, how secretenv works."""
    from secretenv.sandbox.demo import demo as play

    raise typer.Exit(play())


@app.command()
def version() -> None:
    """Print the version."""
    _show_version(wanted=True)


@app.command("help", cls=Asking)
def show_help(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", hidden=True, autocompletion=_commands)
    ] = None,
) -> None:
    """Show the help of a command, as its --help does."""
    words = command or []
    # What follows would be the command's own: `help run myapp` must start nothing.
    named = words[: 2 if words[1:2] == [_GROUPS.get(words[0] if words else "")] else 1]
    app([*named, "--help"], prog_name="secretenv")


def with_provision() -> typer.Typer:
    """Return the app with all its commands; `run` does not wait for the options of `provision` to load."""
    if "provision" not in {group.name for group in app.registered_groups}:
        from secretenv.provision.command import app as provision

        app.add_typer(provision, name="provision")
    return app
