"""The error boundary of the command line: run a command, show its error, and return its exit status.

A lack of memory and unexpected exceptions pass through to `__main__`, which even catches a failure to load this.
"""

from __future__ import annotations

import os

from secretenv.cli import messages, stdout
from secretenv.cli.stderr import show
from secretenv.config.quoting import no_path
from secretenv.defects import as_error, no_memory, place_of
from secretenv.errors import FAILED, USAGE, SecretenvError, SettingsError


def main(arguments: list[str], pipe: int | None = None) -> int:
    """Run the command line and return its exit status; errors are shown on standard error.

    Args:
        arguments: the words after `secretenv`.
        pipe: where `run` writes the settings, as one JSON document; given by the supervisor.
    """
    running = arguments[:1] == ["run"]
    try:
        _refuse_text(arguments)
        with stdout.whole(needed=not running):  # a run prints nothing itself
            status = _status(arguments, pipe)
    except stdout.ReaderGoneError:
        return 1
    except SecretenvError as error:
        found = as_error(error, SecretenvError)
        show(found)
        if running:
            return found.status
        return USAGE if isinstance(found, SettingsError) else 1
    except OSError as error:
        if no_memory(error):
            raise
        show(
            messages.SYSTEM_REFUSED(reason=error.strerror, file=error.filename or place_of(error).removeprefix(" at "))
        )
        return FAILED if running else 1
    return FAILED if running and status == USAGE else status


def _refuse_text(arguments: list[str]) -> None:
    """Refuse other text in place of an option, because typer's error would quote it.

    Raises:
        SettingsError: there is one.
    """
    before = ""
    for word in arguments:
        if word == "--" or (arguments[0] in {"run", "sandbox"} and before and not {before[:1], word[:1]} & {"-"}):
            return  # the rest is the command
        option = word.partition("=")[0] if word.startswith("--") else word
        what = no_path(option) or no_path(option.lstrip("-"))
        # Whatever follows an option is its value, which its parser judges.
        if what and not (before.startswith("--") and "=" not in before):
            raise messages.NO_OPTION(what=what)
        before = word


def _status(arguments: list[str], pipe: int | None) -> int:
    """Run the command line and return the status that it ends with."""
    from secretenv.cli import completing
    from secretenv.cli.app import app, with_provision

    if completing.asked(arguments):
        return 0
    if completing.VARIABLE in os.environ:
        # A shell asks for completions, one a line, each with its meaning. typer would wrap that at the width of a
        # terminal, and the shell would take the second line for another completion.
        os.environ["COLUMNS"] = "1000"
    if arguments[:1] != ["run"]:
        with_provision()
    try:
        app(arguments, prog_name="secretenv", obj=pipe)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0
