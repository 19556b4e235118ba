"""The start of the command: a slow exec, a late refusal, and a command that cannot be signalled."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import PYTHON, SECRETENV, Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile


# An exec that takes its time, and is then refused.
SLOW_EXEC = """
import errno, os, signal
from secretenv.supervisor.caller import Origin
from secretenv.supervisor.command import spawn
def become():
    os.kill(os.getpid(), signal.SIGSTOP)
    raise OSError(errno.EACCES, "no")
started = spawn("/slow", become, Origin(set()), group=True)
os.waitid(os.P_PID, started.pid, os.WSTOPPED)
print("goes on")
os.kill(started.pid, signal.SIGCONT)
ended = os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)
print(ended.si_status, started.verdict.refusal().message)
print(started.verdict.refusal())
"""


def test_an_exec_that_hangs_holds_nothing_up(start: Callable[..., Program]) -> None:
    """Neither a hanging disk nor a Ctrl-Z before the exec holds up the supervisor; a refusal is told later."""
    program = start(PYTHON, "-c", SLOW_EXEC)
    assert program.ends() == 0, program.err
    assert program.lines == ["goes on", "127 /slow: permission denied", "None"]


# Waits for no verdict of the kernel.
HURRIED = """
import os, signal, sys
from secretenv.config.argv import write_settings
from secretenv.supervisor.caller import Origin
from secretenv.supervisor.loop import supervise
from secretenv.supervisor.starting import begin
origin = Origin(signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
read = lambda pipe: int(not write_settings(sys.argv[1:], os.environ, pipe))
settings, signals, first, opener = begin(read, origin, (), int)
supervise(settings, origin, signals, first=first, opener=opener, exec_patience=0)
"""


def test_a_late_refusal_is_told_with_the_end(start: Callable[..., Program], secret: SecretFile) -> None:
    """A refusal that nobody waited for any more is told when the child ends, and no status of a command."""
    script = secret.path.with_name("script")
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    program = start(PYTHON, "-c", HURRIED, secret.option, "--", str(script))
    assert program.ends() == 127
    assert f"secretenv: error: command: {script}: " in program.err


# Becomes another user, says what it gets, and goes on.
OTHER_USER = """
import os, signal
os.setuid(65534)
signal.signal(signal.SIGTERM, lambda *_: print("got TERM", flush=True))
print("ready", os.getpid(), flush=True)
while True:
    signal.pause()
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_a_command_that_cannot_be_signalled(start: Callable[..., Program], secret: SecretFile) -> None:
    """A command that became another user, as by gosu in a container without CAP_KILL: what is lost is said."""
    words = ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill", SECRETENV, "run", secret.option, "--interval=50ms"]
    program = start(*words, "--kill-timeout=100ms", "--", PYTHON, "-c", OTHER_USER)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("TERM did not reach the command: it runs as another user")
    program.logs("hint: start secretenv as that user, or with CAP_KILL")
    program.logs("did not stop within")
    program.send(signal.SIGTERM)
    program.logs("TERM did not reach the command", times=2)
    assert program.lines == [f"ready {pid}"], "its death is waited for before a further start"
    os.kill(pid, signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_program_on_a_noexec_file_system(start: Callable[..., Program], secret: SecretFile, tmp_path: Path) -> None:
    """The error says that it is the mount, not the file's mode."""
    place = tmp_path / "place"
    place.mkdir()
    script = f'mount -t tmpfs -o noexec none {place} && cp /bin/true {place} && exec "$@"'
    program = start(
        "unshare", "--mount", "sh", "-c", script, "sh", SECRETENV, "run", secret.option, "--", f"{place}/true"
    )
    if "unshare" in program.err:
        pytest.skip("needs mount namespaces")
    assert program.ends() == 126
    assert f"command: {place}/true: is on a file system that is mounted noexec" in program.err


# As a user who may not enter a folder of PATH.
SHUT_OUT = """
import os, sys
from secretenv.errors import SecretenvError
from secretenv.supervisor.program import find
os.setresuid(65534, 65534, 65534)
try:
    find("app", sys.argv[1])
except SecretenvError as error:
    print(error.status, error.message)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_folder_in_path_that_is_shut(start: Callable[..., Program], tmp_path: Path) -> None:
    """A folder in PATH that may not be entered: 126, as env(1) says, and the error names it."""
    tmp_path.chmod(0o700)
    program = start(PYTHON, "-c", SHUT_OUT, f"{tmp_path}:/nowhere")
    program.ends()
    assert program.lines == [f"126 {tmp_path}/app: permission denied for a folder above it"]
