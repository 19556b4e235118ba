"""Signals, restarts, shutdown and leftovers with real processes; the secret is a file."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable  # noqa: TC003 (POINTS is annotated at run time)
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import CHILD, PYTHON, REAPS_NOTHING, SECRETENV, Program, alive, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from tests.conftest import SecretFile

FORWARDED = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT", "WINCH", "URG", "IO", "PWR", "PIPE", "ABRT", "SEGV"]


def number(name: str) -> int:
    """Return a signal's number."""
    return int(getattr(signal, f"SIG{name}"))


def ready(program: Program) -> int:
    """Wait for the command and return its pid."""
    program.shows("ready ")
    return int(next(line for line in program.lines if line.startswith("ready ")).split()[1])


@pytest.mark.parametrize("name", FORWARDED)
def test_each_sent_signal_arrives_once(run: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """Each signal that another process sends to secretenv is forwarded once."""
    program = run(secret.option, "--", PYTHON, CHILD)
    ready(program)
    program.send(number(name))
    program.shows(f"got {name}\n")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines[1:] == [f"got {name}", "got TERM", "bye"]


def test_a_burst_of_real_time_signals_is_complete(run: Callable[..., Program], secret: SecretFile) -> None:
    """Nothing is lost in a burst: real-time signals queue, here and in the command."""
    program = run(secret.option, "--", PYTHON, CHILD)
    ready(program)
    for _ in range(50):
        for each in (signal.SIGRTMIN, signal.SIGRTMIN + 7, signal.SIGRTMAX):
            program.send(each)
    program.shows("got RTMAX\n", times=50)
    program.shows("got 41\n", times=50)
    program.shows("got RTMIN\n", times=50)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert len(program.lines) == 1 + 150 + 2


def test_a_signal_during_the_stop_reaches_the_old_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """During a restart other signals go to the old command."""
    program = run(secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--ignore=TERM", "--exit-on=USR2")
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got TERM")
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    program.send(signal.SIGUSR2)
    program.shows("ready", times=2)
    assert [line for line in program.lines if not line.startswith("ready")][:4] == [
        "got TERM",
        "got CONT",
        "got USR1",
        "got USR2",
    ]


# How far a start has come, and how to see it from outside.
POINTS: dict[str, Callable[[Program], bool]] = {
    # While it waits for signals the kernel shows none of them as blocked.
    "masked": lambda program: int(status_of(program.pid, "SigBlk") or "0", 16) > 1 << 60 or len(program.family()) > 1,
    "command line": lambda program: len(program.family()) > 1,
    # On a busy machine its whole life may pass between two looks.
    "fetcher": lambda program: (
        "ready" in program.out or any(os.getsid(pid) == pid != program.pid for pid in program.family())
    ),
    "running": lambda program: "ready" in program.out,
}


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "HUP"])
@pytest.mark.parametrize("point", POINTS)
def test_signals_during_the_start(run: Callable[..., Program], secret: SecretFile, name: str, point: str) -> None:
    """From the mask on a signal ends secretenv or reaches the command; it is never lost."""
    for _ in range(2):
        program = run(secret.option, "--", PYTHON, CHILD, "--exit-on", name)
        until(lambda program=program: _safely(POINTS[point], program))  # type: ignore[misc]
        program.send(number(name))
        assert program.ends() == (0 if "ready" in program.out else -number(name))


def _safely(look: Callable[[Program], bool], program: Program) -> bool:
    try:
        return look(program)
    except ProcessLookupError:
        return False


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_shutdown_while_running(run: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """TERM or a sent INT begins shutdown: it is forwarded, and there is no later restart; a second is forwarded too."""
    words = ["--ignore=TERM", "--ignore=INT", "--exit-on=USR1"]
    program = run(secret.option, "--interval=50ms", "--kill-timeout=100ms", "--", PYTHON, CHILD, *words)
    pid = ready(program)
    program.send(number(name))
    program.shows(f"got {name}")
    secret.put({"VALUE": "two"})
    program.send(number(name))
    program.shows(f"got {name}", times=2)
    program.send(signal.SIGUSR1)
    assert program.ends() == 0
    assert program.lines == [f"ready {pid}", f"got {name}", f"got {name}", "got USR1", "bye"]


def test_shutdown_during_a_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """During a restart TERM is forwarded and begins shutdown, never a respawn; the status is the command's."""
    program = run(secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--ignore=TERM", "--exit-on=USR1")
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got TERM")
    program.send(signal.SIGTERM)
    program.shows("got TERM", times=2)
    program.send(signal.SIGUSR1)
    assert program.ends() == 0
    assert program.lines == [f"ready {pid}", "got TERM", "got CONT", "got TERM", "got USR1", "bye"]


def test_terminal_signals_that_are_sent_begin_no_shutdown(run: Callable[..., Program], secret: SecretFile) -> None:
    """HUP and QUIT are the command's own business."""
    program = run(secret.option, "--interval=50ms", "--kill-timeout=1s", "--", PYTHON, CHILD)
    ready(program)
    for name in ("HUP", "QUIT"):
        program.send(number(name))
        program.shows(f"got {name}")
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)


def test_kill_timeout_reaches_grandchildren(run: Callable[..., Program], secret: SecretFile) -> None:
    """A command and a grandchild that ignore TERM are both dead at the kill timeout, then comes the new start."""
    words = ["--ignore=TERM", "--grandchild"]
    program = run(secret.option, "--interval=50ms", "--kill-timeout=300ms", "--", PYTHON, CHILD, *words)
    first = ready(program)
    until(lambda: len(program.group(first)) == 2)
    old = program.group(first)
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert not [pid for pid in old if alive(pid)]


# Runs a program under a seccomp filter, as an old container engine does: what it does not know is forbidden (EPERM).
# The filter (linux/filter.h): load the number of the call; is it that of our first word? Then refuse, else allow.
_WITHOUT = """
import ctypes, os, struct, sys
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
whole = Filter(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(whole), 0, 0):
    sys.exit("no seccomp here")
os.execvp(sys.argv[2], sys.argv[2:])
"""


WITHOUT_PIDFD = [PYTHON, "-c", _WITHOUT, "434"]
# signalfd4; other machines have other numbers.
WITHOUT_SIGNALFD = [PYTHON, "-c", _WITHOUT, {"x86_64": "289"}.get(os.uname().machine, "74")]


@pytest.mark.parametrize("kernel", [[], WITHOUT_PIDFD], ids=["this kernel", "without pidfds"])
def test_a_grandchild_in_a_session_of_its_own_is_killed_too(
    start: Callable[..., Program], secret: SecretFile, kernel: list[str]
) -> None:
    """SIGKILL to what is left of the command: a descendant that was known before the stop, whatever its group."""
    script = "setsid sleep 1000 & echo ready $$; wait"
    options = [secret.option, "--interval=50ms", "--kill-timeout=300ms"]
    program = start(*kernel, SECRETENV, "run", *options, "--", "sh", "-c", script)
    first = ready(program)
    (sleeper,) = until(lambda: [pid for pid in program.family() if status_of(pid, "Name") == "sleep"])
    assert sleeper not in program.group(first)
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert not alive(sleeper)


@pytest.mark.parametrize(
    "trap",
    [
        pytest.param("setsid sleep 1000 & echo made", id="a session of its own, until the kill timeout"),
        pytest.param("sleep 1000 & echo made; exit", id="the command's group, and the command ends"),
    ],
)
def test_what_the_command_starts_while_it_stops_is_killed_too(
    run: Callable[..., Program], secret: SecretFile, trap: str
) -> None:
    """SIGKILL to everything left of the old command, also to what it started after the kill signal."""
    script = f"trap '{trap}' TERM; echo ready $$; while :; do sleep 0.05; done"
    program = run(secret.option, "--interval=50ms", "--kill-timeout=1s", "--", "sh", "-c", script)
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("made")
    program.shows("ready", times=2)
    assert not [pid for pid in program.family() if b"1000" in _words(pid)]


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_what_a_descendant_without_its_parent_starts_is_killed_too(
    run: Callable[..., Program], secret: SecretFile
) -> None:
    """A descendant that was known before the stop loses its parent, and starts one more in a session of its own."""
    go = secret.path.with_name("go")
    late = f"until [ -e {go} ]; do sleep 0.05; done; sleep 1000 & echo made $!; wait"
    script = (
        f'sh -c \'setsid sh -c "$1" & echo begun; wait\' - "$1" & parent=$!; '
        f"trap 'kill -KILL $parent; touch {go}' TERM; echo ready $$; while :; do sleep 0.05; done"
    )
    program = run(secret.option, "--refresh-signal=USR2", "--kill-timeout=3s", "--", "sh", "-c", script, "-", late)
    program.shows("begun")
    ready(program)
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR2)
    program.shows("made ")
    (made,) = (int(line.split()[1]) for line in program.lines if line.startswith("made"))
    program.shows("ready", times=2)
    assert not alive(made)


@pytest.mark.parametrize("session", ["", "setsid "], ids=["in its group", "in a session of its own"])
def test_the_new_start_waits_for_the_last_of_the_old_command(
    run: Callable[..., Program], secret: SecretFile, session: str
) -> None:
    """Death is awaited, then comes the spawn: also that of a process which is not ours to reap."""
    script = f"{session}sleep 1000 & echo left $!; exec {PYTHON} {CHILD}"
    program = run(secret.option, "--interval=50ms", "--", "sh", "-c", script)
    program.shows("ready")
    left = int(program.lines[0].split()[1])
    _trace(program, left)
    secret.put({"VALUE": "two"})
    until(lambda: not alive(left))
    _waits_for(program, left)


def test_the_new_start_waits_for_what_was_started_at_the_last_moment(
    run: Callable[..., Program], secret: SecretFile
) -> None:
    """What the old command started after the kill signal, and left in its group, is awaited as well."""
    go = secret.path.with_name("go")
    trap = f"sleep 1000 & echo left $!; until [ -e {go} ]; do sleep 0.05; done; exit"
    script = f"trap '{trap}' TERM; echo ready $$; while :; do sleep 0.05; done"
    program = run(secret.option, "--interval=50ms", "--", "sh", "-c", script)
    first = ready(program)
    secret.put({"VALUE": "two"})
    program.shows("left ")
    left = int(program.lines[1].split()[1])
    _trace(program, left)
    go.touch()
    until(lambda: not alive(first) and not alive(left))
    _waits_for(program, left)


def _trace(program: Program, pid: int) -> None:
    """Be the tracer of a process: its zombie is kept until its tracer has seen it."""
    if ctypes.CDLL(None).ptrace(0x4206, pid, 0, 0):  # PTRACE_SEIZE
        program.clean()
        pytest.skip("ptrace is not allowed here")


def _waits_for(program: Program, left: int) -> None:
    """See that nothing is started as long as this process is a zombie."""
    program.send(signal.SIGUSR1)
    program.logs("USR1 dropped: no command is running")
    os.waitpid(left, 0)
    program.shows("ready", times=2)
    assert "cannot be killed" not in program.err


def test_a_command_that_has_itself_traced(run: Callable[..., Program], secret: SecretFile) -> None:
    """Its stop at a signal is told to us, as to a debugger that we are not: a stop it is, no end, and is got over."""
    program = run(secret.option, "--interval=50ms", "--kill-timeout=100ms", "--", PYTHON, "-c", TRACED)
    program.shows("one")
    secret.put({"VALUE": "two"})
    program.shows("two")
    assert "the command did not stop within 0.1 s: killing it" in program.err


TRACED = """
import ctypes, os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
ctypes.CDLL(None).ptrace(0, 0, 0, 0)  # PTRACE_TRACEME
print(os.environ["VALUE"], flush=True)
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_a_command_that_left_its_group(run: Callable[..., Program], secret: SecretFile) -> None:
    """A signal that is meant for all of its group reaches at least the command."""
    script = "import os, time; os.setpgid(0, os.getppid()); print('moved', flush=True); time.sleep(600)"
    program = run(secret.option, "--signal-group", "--", PYTHON, "-c", script)
    program.shows("moved")
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM


def test_a_command_that_left_its_group_is_killed(run: Callable[..., Program], secret: SecretFile) -> None:
    """SIGKILL at the kill timeout goes to it wherever it is."""
    leave = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.setpgid(0, os.getppid())"
    script = f"{leave}; print(os.environ['VALUE'], flush=True); time.sleep(600)"
    program = run(secret.option, "--interval=50ms", "--kill-timeout=100ms", "--", PYTHON, "-c", script)
    program.shows("one")
    secret.put({"VALUE": "two"})
    program.shows("two")


# What befalls a child before it is the command is chance, and so feigned: its parent has ended already, ...
ORPHANED = """
os.getppid = lambda: 1
pid = forking.fork(lambda: os._exit(7))
"""
# ... or somebody presses Ctrl-C.
INTERRUPTED = """
origin = caller.Origin(signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
os.setpgid = lambda *_: os.kill(os.getpid(), signal.SIGINT)
become = lambda: os.execve("/bin/true", ["true"], {})
pid = command.spawn("/bin/true", become, origin, group=True).pid
"""


@pytest.mark.parametrize(("story", "end"), [(ORPHANED, signal.SIGKILL), (INTERRUPTED, signal.SIGINT)])
def test_what_befalls_a_child_before_it_is_the_command(start: Callable[..., Program], story: str, end: int) -> None:
    """No command is left without a supervisor, where PR_SET_PDEATHSIG comes too late; no interrupt is swallowed."""
    tell = "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    program = start(
        PYTHON, "-c", f"import os, signal\nfrom secretenv.supervisor import caller, command, forking\n{story}{tell}"
    )
    assert (program.ends(), program.lines, program.err) == (0, [str(-end)], "")


def test_a_command_that_has_just_ended_is_not_started_again(run: Callable[..., Program], secret: SecretFile) -> None:
    """It ended by itself a moment before its restart was due; that it did is only told after another signal."""
    program = run(secret.option, "--refresh-signal=USR2", "--kill-timeout=4s", "--", PYTHON, CHILD)
    command = ready(program)
    program.send(signal.SIGHUP)  # from here on the restart waits for the kill timeout
    program.shows("got HUP")
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR2)
    program.logs("restarting in")
    told = time.monotonic()
    program.send(signal.SIGSTOP)
    until(lambda: status_of(program.pid, "State").startswith("T"))
    os.kill(command, signal.SIGKILL)
    until(lambda: not alive(command))
    program.send(signal.SIGUSR1)
    until(lambda: time.monotonic() > told + 4)
    program.send(signal.SIGCONT)
    assert program.ends() == -signal.SIGKILL, program.err
    assert "stopping the command" not in program.err


@pytest.mark.parametrize("kernel", [[], WITHOUT_SIGNALFD], ids=["this kernel", "without signalfd"])
def test_a_pause_beyond_what_is_due_is_no_signal(
    start: Callable[..., Program], secret: SecretFile, kernel: list[str]
) -> None:
    """Stopped (or frozen, as by `docker pause`) while it waits for its next check, and continued after that was due."""
    program = start(*kernel, SECRETENV, "run", secret.option, "--interval=100ms", "--", PYTHON, CHILD)
    ready(program)
    for times in range(1, 11):
        program.send(signal.SIGSTOP)
        until(lambda: status_of(program.pid, "State").startswith("T"))
        due = time.monotonic() + 0.11  # with the 10 % that the interval varies by
        until(lambda due=due: time.monotonic() > due)  # type: ignore[misc]
        program.send(signal.SIGCONT)
        program.shows("got CONT", times)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.lines[1:] == ["got CONT"] * 10 + ["got TERM", "bye"]
    assert program.err == ""


def test_what_the_command_sends_is_not_sent_back(run: Callable[..., Program], secret: SecretFile) -> None:
    """A command that signals its parent does not get that signal again from it."""
    traps = "trap 'echo back' USR1; trap 'echo through; exit 5' USR2"
    script = f"{traps}; kill -USR1 $PPID; echo sent; while :; do sleep 0.05; done"
    program = run(secret.option, "--", "sh", "-c", script)
    program.shows("sent")
    program.send(signal.SIGUSR2)
    assert program.ends() == 5
    assert program.lines == ["sent", "through"]


def test_a_stopped_command_is_continued_to_die(run: Callable[..., Program], secret: SecretFile) -> None:
    """The kill signal is followed by CONT: a stopped process would keep it pending until the kill timeout."""
    program = run(secret.option, "--interval=50ms", "--kill-timeout=1h", "--", PYTHON, CHILD)
    pid = ready(program)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: status_of(pid, "State").startswith("T"))
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)


def test_kill_signal_is_what_the_command_gets(run: Callable[..., Program], secret: SecretFile) -> None:
    """--kill-signal."""
    program = run(secret.option, "--interval=50ms", "--kill-signal=usr1", "--", PYTHON, CHILD, "--exit-on=USR1")
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert program.lines[1:3] == ["got USR1", "bye"]


def test_on_change_exit(run: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change exit: the command is stopped and secretenv ends with 75."""
    program = run(secret.option, "--interval=50ms", "--on-change=exit", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    assert program.ends() == 75
    assert program.lines[-1] == "bye"


def test_on_change_signal(run: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change SIGNAL: a change sends the signal instead of restarting."""
    program = run(secret.option, "--interval=50ms", "--on-change=HUP", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("got HUP")
    assert program.out.count("ready") == 1


def test_on_change_ignore(run: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change ignore: the change is logged, nothing else."""
    program = run(secret.option, "--interval=50ms", "--on-change=ignore", "--log-level=debug", "--", PYTHON, CHILD)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("has a new version")
    program.logs("no new version", times=program.err.count("no new version") + 2)
    assert program.lines == [f"ready {pid}"]


def test_refresh_signal(run: Callable[..., Program], secret: SecretFile) -> None:
    """--refresh-signal: check now; it is not forwarded."""
    program = run(secret.option, "--interval=1h", "--refresh-signal=HUP", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    program.shows("ready", times=2)
    assert "got HUP" not in program.out


def test_splay_is_interrupted_by_shutdown(run: Callable[..., Program], secret: SecretFile) -> None:
    """No splay in the way of a stop."""
    program = run(secret.option, "--interval=50ms", "--splay=1000h", "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": "two"})
    program.logs("restarting in")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert program.out.count("ready") == 1


def test_splay_is_ended_by_the_end_of_the_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """A command that ends by itself while a restart waits ends secretenv at once, and is not started again."""
    words = ["--interval=50ms", "--splay=1000h", "--", PYTHON, CHILD, "--exit-on=USR1"]
    program = run(secret.option, *words)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("restarting in")
    os.kill(pid, signal.SIGUSR1)
    assert program.ends() == 0
    assert program.out.count("ready") == 1


def test_a_new_version_that_cannot_be_used_changes_nothing(run: Callable[..., Program], secret: SecretFile) -> None:
    """An error in a new version never touches the running command; the next good one restarts it."""
    program = run(secret.option, "--interval=1h", "--refresh-signal=HUP", "--", PYTHON, CHILD, "--show=VALUE")
    ready(program)
    secret.put("[1]")
    program.send(signal.SIGHUP)
    program.logs("the command keeps its values")
    assert program.out.count("ready") == 1
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    program.shows("VALUE=two")


def test_a_command_that_vanished_is_not_stopped(
    run: Callable[..., Program], secret: SecretFile, tmp_path: Path
) -> None:
    """COMMAND is looked up again before a running command is stopped."""
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\nexec {PYTHON} {CHILD}\n")
    command.chmod(0o755)
    program = run(secret.option, "--interval=1h", "--refresh-signal=HUP", "--", str(command))
    pid = ready(program)
    command.unlink()
    secret.put({"VALUE": "two"})
    program.send(signal.SIGHUP)
    program.logs("not found")
    assert alive(pid)
    assert program.out.count("ready") == 1


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


def test_orphans_are_reaped(run: Callable[..., Program], secret: SecretFile) -> None:
    """The supervisor is a subreaper: orphans of the command become its children, and leave no zombie."""
    program = run(secret.option, "--", "sh", "-c", f"(sleep 0 & sleep 0 &); exec {PYTHON} {CHILD}")
    pid = ready(program)
    until(lambda: _children(program.pid) == [pid])


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_sigkill_of_secretenv_leaves_no_command(run: Callable[..., Program], secret: SecretFile) -> None:
    """If secretenv is killed with SIGKILL, the command dies with it."""
    program = run(secret.option, "--", PYTHON, CHILD)
    pid = ready(program)
    program.send(signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL
    until(lambda: not alive(pid))


def test_the_rest_of_the_group_gets_one_term(run: Callable[..., Program], secret: SecretFile, tmp_path: Path) -> None:
    """--signal-group: when the command ends by itself the rest of its group gets one TERM; else it is left alone."""
    out = tmp_path / "rest"
    script = f"{PYTHON} {CHILD} > {out} & until [ -s {out} ]; do :; done"
    program = run(secret.option, "--signal-group", "--", "sh", "-c", script)
    assert program.ends() == 0
    until(lambda: not program.family())
    assert out.read_text().splitlines()[1:] == ["got TERM", "bye"]
    out.unlink()
    program = run(secret.option, "--", "sh", "-c", script)
    assert program.ends() == 0
    (left,) = program.family()
    assert out.read_text() == f"ready {left}\n"
    os.kill(left, signal.SIGKILL)
    until(lambda: not program.family())


def test_signal_group_reaches_the_whole_group(run: Callable[..., Program], secret: SecretFile) -> None:
    """--signal-group: forwarded signals go to the command's process group."""
    script = f"{PYTHON} {CHILD} & {PYTHON} {CHILD} & trap : TERM; wait; wait"
    program = run(secret.option, "--signal-group", "--", "sh", "-c", script)
    program.shows("ready", times=2)
    program.send(signal.SIGTERM)
    program.ends()
    assert program.out.count("got TERM") == 2


def test_no_context_switch_while_idle(run: Callable[..., Program], secret: SecretFile) -> None:
    """No busy waiting: the supervisor sleeps until something happens."""
    program = run(secret.option, "--", PYTHON, CHILD)
    ready(program)
    until(lambda: len(program.family()) == 2 and status_of(program.pid, "State").startswith("S"))
    before = _switches(program.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(5)
    assert _switches(program.pid) == before


def _switches(pid: int) -> tuple[str, str]:
    return status_of(pid, "voluntary_ctxt_switches"), status_of(pid, "nonvoluntary_ctxt_switches")


def test_nobody_reads_standard_error(run: Callable[..., Program], secret: SecretFile) -> None:
    """A full pipe on standard error holds up neither signals nor the end of the command."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        while True:
            os.write(theirs, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(theirs, True)
    words = ["--interval=20ms", "--log-level=debug"]
    program = run(secret.option, *words, "--", PYTHON, CHILD, stderr=theirs)
    ready(program)
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("full", ["pipe", "file"])
def test_a_log_line_that_cannot_be_written_kills_no_command(
    run: Callable[..., Program], secret: SecretFile, tmp_path: Path, full: str
) -> None:
    """What secretenv gets for writing to a closed pipe (PIPE) or a full file (XFSZ) is its own, and not forwarded."""
    log = tmp_path / "log"
    log.write_bytes(bytes(1 << 16))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))

    secret.put({"VALUE": "one", "NODE_OPTIONS": ""})  # a name that it warns of
    for once in (["--once"], ["--interval=20ms", "--log-level=debug"]):
        theirs = _closed_pipe() if full == "pipe" else os.open(log, os.O_WRONLY | os.O_APPEND)
        program = run(*once, secret.option, "--", PYTHON, CHILD, "--exit-on=USR1", stderr=theirs, preexec_fn=limited)
        os.close(theirs)
        ready(program)
        if len(once) > 1:
            secret.put({"VALUE": "two"})
            program.shows("ready", times=2)
        program.send(signal.SIGUSR1)
        assert program.ends() == 0
        assert not [line for line in program.lines if line in {"got PIPE", "got XFSZ"}]


def _closed_pipe() -> int:
    """Return the writing end of a pipe that nobody can read any more."""
    ours, theirs = os.pipe()
    os.close(ours)
    return theirs


@pytest.mark.parametrize(
    ("option", "room"),
    [
        pytest.param("--dry-run", 30 << 20, id="command line"),
        pytest.param("--start-timeout=1s", 24 << 20, id="fetcher"),
    ],
)
def test_too_little_memory_for_a_start(run: Callable[..., Program], secret: SecretFile, option: str, room: int) -> None:
    """Where there is no memory for a helper secretenv says so; it does not end in silence."""

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (room, room))

    program = run(secret.option, option, "--", "true", preexec_fn=little)
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
    assert b"no fetcher could be started: File too large; the command keeps its values" in os.read(ours, 1 << 16)
    until(lambda: program.family() == sorted([program.pid, command]))
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR1)
    program.shows("ready", times=2)
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    os.close(ours)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--", "sh", "-c", "exit 3"], 3),
        (["--", "sh", "-c", "kill $$"], -15),
        (["--", "no-such-program"], 127),
        (["--interval=never", "--", "true"], 125),
    ],
)
def test_nothing_is_left_to_reap(
    start: Callable[..., Program], secret: SecretFile, words: list[str], status: int
) -> None:
    """In a container whose init process reaps nothing, each `docker exec` of secretenv would leave zombies for good."""
    program = start(*REAPS_NOTHING, SECRETENV, "run", secret.option, *words)
    assert program.ends() == 0
    assert program.lines == [str(status), "nobody"]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(start: Callable[..., Program], secret: SecretFile, closed: str) -> None:
    """Closed descriptors stay closed for the command, and nothing of ours takes their numbers."""
    script = f'exec {SECRETENV} run {secret.option} -- sh -c "ls /proc/self/fd > $1; exit 9" {closed}'
    out = secret.path.with_name("descriptors")
    program = start("sh", "-c", script.replace("$1", str(out)))
    assert program.ends() == 9
    listed = {int(word) for word in out.read_text().split()}
    assert listed <= {0, 1, 2, 3}
