"""Too little memory, or no room for a file: said in a line, and the command goes on."""

from __future__ import annotations

import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, Program
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


# A fetcher of a file needs hardly more than the process that starts it; one of AWS loads libraries.
AWS = "--cert=c --key=k --endpoint=localhost:1 --role-alias=a --region=eu-west-1 --secret=s --start-timeout=1s"


@pytest.mark.parametrize(
    ("options", "room"),
    [pytest.param("--dry-run", 30 << 20, id="command line"), pytest.param(AWS, 24 << 20, id="fetcher")],
)
def test_too_little_memory_for_a_start(
    run: Callable[..., Program], secret: SecretFile, options: str, room: int
) -> None:
    """Where there is no memory for a helper secretenv says so; it does not end in silence."""

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (room, room))

    program = run(secret.option, *options.split(), "--", "true", preexec_fn=little)
    assert program.ends() == 125
    assert "secretenv: error: " in program.err
    assert "memory" in program.err
    assert "Traceback" not in program.err


@pytest.mark.parametrize("room", [0, 100])
def test_no_room_for_what_a_fetcher_is_told(run: Callable[..., Program], secret: SecretFile, room: int) -> None:
    """The command keeps running, and the fetcher that was started in vain does not wait for its task for ever."""
    ours, theirs = os.pipe()  # a log file would be as full
    program = run("--refresh-signal=USR1", secret.option, "--", PYTHON, CHILD, stderr=theirs)
    os.close(theirs)
    command = ready(program)
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    program.send(signal.SIGUSR1)
    assert b"could not start a fetcher: File too large; the command keeps its values" in os.read(ours, 1 << 16)
    until(lambda: program.family() == sorted([program.pid, command]))
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR1)
    program.shows("ready", times=2)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    os.close(ours)


# A process that has no memory for a line that says so.
STARVED = """
import os
from secretenv.supervisor.forking import fork
def starved():
    raise MemoryError
print(os.waitstatus_to_exitcode(os.waitpid(fork(starved, make_log=starved), 0)[1]))
"""


def test_no_memory_even_to_say_so(start: Callable[..., Program]) -> None:
    """A process that cannot be started for lack of memory never ends in silence."""
    program = start(PYTHON, "-c", STARVED)
    assert program.ends() == 0, program.err
    assert program.lines == ["125"]
    assert program.err.startswith("secretenv: error: secretenv: a process could not be started: there is no memory")
    assert "\nsecretenv: hint: " in program.err


# Where the memory ends is chance, and the interpreter itself may crash there: so it is feigned.
STARVED_AT_IMPORT = """
import sys
from secretenv.__main__ import main
class Finder:
    def find_spec(self, name, *_):
        if name == "secretenv.cli.app":
            raise ERROR
sys.meta_path.insert(0, Finder())
main()
"""


@pytest.mark.parametrize("command", ["check", "export", "credentials"])
@pytest.mark.parametrize(
    "error",
    [
        "MemoryError",
        "SystemError('error return without exception set')",
        "OSError(12, 'Cannot allocate memory', '/a/folder')",
        "ImportError('_ssl.so: failed to map segment from shared object')",
    ],
)
def test_no_memory_to_load_the_command_line(start: Callable[..., Program], command: str, error: str) -> None:
    """Whichever module finds no memory any more, it is said in a line, not with Python's traceback."""
    program = start(PYTHON, "-c", STARVED_AT_IMPORT.replace("ERROR", error), command, "--help")
    assert program.ends() == 1
    assert program.err == "secretenv: error: secretenv: there is no memory left\nsecretenv: hint: free; ulimit -v\n"
