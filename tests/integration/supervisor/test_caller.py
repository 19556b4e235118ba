"""What the caller gave is what the command gets: signal state, descriptors, standard input."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.integration.supervisor.test_terminal import as_init
from tests.running import PYTHON, SECRETENV, Program, alive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


def test_the_first_signals_of_the_caller_reach_the_command(start: Callable[..., Program], secret: SecretFile) -> None:
    """The command starts with the caller's mask and ignored signals, and default SIGPIPE and SIGXFSZ."""
    plain = "import signal,os\nsignal.pthread_sigmask(signal.SIG_BLOCK,[10,35])\nsignal.signal(1,signal.SIG_IGN)\n"
    plain += "signal.signal(17,signal.SIG_IGN)\nimport sys\nos.execvp(sys.argv[1],sys.argv[1:])"
    show = ["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"]  # not through dash, which clears its mask
    # What the tester's own parents ignore, as glibc's posix_spawn does signal 32, is none of our business.
    bare = start(PYTHON, "-c", plain, *show)
    assert bare.ends() == 0
    blocked, ignored = (int(line.split()[1], 16) for line in bare.lines)
    assert blocked == 1 << (10 - 1) | 1 << (35 - 1)
    assert ignored & (1 << (1 - 1) | 1 << (17 - 1))
    ignored &= ~(1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))
    for once in ([], ["--once"]):
        program = start(PYTHON, "-c", plain, SECRETENV, "run", *once, secret.option, "--", *show)
        assert program.ends() == 0, program.err
        assert [int(line.split()[1], 16) for line in program.lines] == [blocked, ignored]


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["", "once"])
@pytest.mark.parametrize(("pid", "ignored"), [("$$", 1), ("1", 0)], ids=["by systemd", "by another"])
def test_a_service_ignores_sigpipe(
    start: Callable[..., Program], secret: SecretFile, once: list[str], pid: str, ignored: int
) -> None:
    """If systemd, which ignores SIGPIPE for services, started secretenv, the command finds that, and itself named."""
    script = f'trap "" PIPE; SYSTEMD_EXEC_PID={pid} exec "$@"'
    show = ["sh", "-c", "grep SigIgn /proc/self/status; echo $SYSTEMD_EXEC_PID $$"]
    program = start("sh", "-c", script, "sh", SECRETENV, "run", *once, secret.option, "--", *show)
    assert program.ends() == 0, program.err
    assert int(program.lines[0].split()[1], 16) >> (signal.SIGPIPE - 1) & 1 == ignored
    named, command = program.lines[1].split()
    assert named == (command if ignored else "1")


def test_nohup(start: Callable[..., Program], secret: SecretFile) -> None:
    """An ignored signal stays ignored: under nohup a hang-up ends neither secretenv nor the command."""
    script = "trap 'echo got USR1' USR1; echo ready $$; while :; do sleep 1000 & wait; done"
    program = start("nohup", SECRETENV, "run", secret.option, "--", "sh", "-c", script)
    pid = ready(program)
    program.send(signal.SIGHUP)
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    assert alive(pid)
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
    for left in program.family():
        os.kill(left, signal.SIGKILL)


def test_descriptors_are_inherited_and_standard_input_is_unread(
    start: Callable[..., Program], secret: SecretFile
) -> None:
    """The command gets all inherited descriptors, and its standard input whole."""
    ours, theirs = os.pipe()
    text = "x" * 300_000
    script = f"wc -c; echo through >&{theirs}; ls /proc/self/fd"
    words = [SECRETENV, "run", secret.option, "--", "bash", "-c", script]
    program = start(*words, stdin=subprocess.PIPE, pass_fds=(theirs,))
    os.close(theirs)
    program.process.communicate(text.encode())
    assert program.ends() == 0, program.err
    with os.fdopen(ours) as pipe:
        assert pipe.read() == "through\n"
    assert program.lines[0] == "300000"
    # 0, 1, 2, ours, and the directory that ls reads
    assert sorted(map(int, program.lines[1:])) == sorted({0, 1, 2, theirs, int(program.lines[-1])} | {3})


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(start: Callable[..., Program], secret: SecretFile, closed: str) -> None:
    """Closed descriptors stay closed for the command, and nothing of ours takes their numbers."""
    script = f'exec {SECRETENV} run {secret.option} -- sh -c "ls /proc/self/fd > $1; exit 9" {closed}'
    out = secret.path.with_name("descriptors")
    program = start("sh", "-c", script.replace("$1", str(out)))
    assert program.ends() == 9
    listed = {int(word) for word in out.read_text().split()}
    assert listed <= {0, 1, 2, 3}


@as_init
def test_a_container_without_devices(start: Callable[..., Program], secret: SecretFile) -> None:
    """A root without /dev/null is enough: only who closed a standard descriptor would miss it."""
    words = "mount -t tmpfs none /dev && exec \"$@\" -- sh -c 'echo got $VALUE'"
    program = start("unshare", "--mount", "sh", "-c", words, "sh", SECRETENV, "run", secret.option)
    assert program.ends() == 0, program.err
    assert program.lines == ["got one"]
