"""The boundary of the command line: whatever a command ends with becomes an exit status, and an error two lines.

Exceptions that nobody foresaw and a lack of memory pass through: whoever started this process deals with them.
"""

from __future__ import annotations

import os

from secretenv.cli import stdout
from secretenv.cli.stderr import show
from secretenv.defects import no_memory, place_of
from secretenv.errors import FAILED, SecretenvError

USAGE = 2  # typer's own status for a command line it cannot read


def main(arguments: list[str], pipe: int | None = None) -> int:
    """Run the command line and return its exit status; errors are shown on standard error.

    Args:
        arguments: the words after `secretenv`.
        pipe: where `run` writes the settings, as one JSON document; given by the supervisor.
    """
    running = arguments[:1] == ["run"]
    try:
        with stdout.whole(needed=not running):  # a run prints nothing itself
            status = _status(arguments, pipe)
    except stdout.ReaderGoneError:
        return 1
    except SecretenvError as error:
        show(error)
        return error.status if running else 1
    except OSError as error:
        if no_memory(error):
            raise
        show(_refused(error))
        return FAILED if running else 1
    return FAILED if running and status == USAGE else status


def _status(arguments: list[str], pipe: int | None) -> int:
    """Run the command line and return the status that it ends with."""
    from secretenv.cli.app import app, with_provision

    if "_SECRETENV_COMPLETE" in os.environ:
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


def _refused(error: OSError) -> SecretenvError:
    """Return the error for something that the system refused."""
    where = f": {error.filename}" if error.filename else place_of(error)
    hint = "is a disk full or read-only, or a limit reached? df -h; ulimit -a"
    return SecretenvError(f"{error.strerror}{where}", hint=hint)
