"""Which processes belong to the command, and how they are killed."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.integration.supervisor.test_terminal import NAMESPACE, as_init
from tests.kernels import WITHOUT_PIDFD
from tests.running import CHILD, PYTHON, SECRETENV, Program, alive, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile


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
    trace(program, left)
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
    trace(program, left)
    go.touch()
    until(lambda: not alive(first) and not alive(left))
    _waits_for(program, left)


def trace(program: Program, pid: int) -> None:
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


def test_orphans_are_reaped(run: Callable[..., Program], secret: SecretFile) -> None:
    """The supervisor is a subreaper: orphans of the command become its children, and leave no zombie."""
    program = run(secret.option, "--", "sh", "-c", f"(sleep 0 & sleep 0 &); exec {PYTHON} {CHILD}")
    pid = ready(program)
    until(lambda: _children(program.pid) == [pid])


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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


# Pins a child, lets it die, gives its number to a stranger with a child of its own, and kills what it knows.
PID_REUSE = """
import os, signal, time
from secretenv.supervisor.descendants import Family, Pinned
command = os.fork()
if not command:
    time.sleep(1000)
def beget():
    pid = os.fork()
    if not pid:
        if not os.fork():
            open("ready", "w").close()
        time.sleep(1000)
    while not os.path.exists("ready"):
        pass
    os.unlink("ready")
    return pid
known = os.fork()
if not known:
    time.sleep(1000)
family = Family(command, group=False, known={known: Pinned(known)})
os.kill(known, signal.SIGKILL)
os.waitpid(known, 0)
open("/proc/sys/kernel/ns_last_pid", "w").write(str(known - 1))
stranger = beget()
assert stranger == known, (stranger, known)
(grandchild,) = map(int, open(f"/proc/{stranger}/task/{stranger}/children").read().split())
family.kill_all()
os.waitpid(command, 0)
print(open(f"/proc/{grandchild}/stat").read().split()[2])
"""


@as_init
def test_a_number_that_is_anothers_by_now_is_left_alone(start: Callable[..., Program]) -> None:
    """SIGKILL to what is left of the command never reaches a process that got the number of a dead one."""
    program = start(*NAMESPACE, PYTHON, "-c", PID_REUSE)
    assert program.ends() == 0, program.err
    assert program.out == "S\n"


def test_adopted_processes_survive_a_restart(run: Callable[..., Program], secret: SecretFile) -> None:
    """SIGKILL goes to what is left of the command, never to a daemon that secretenv merely adopted."""
    script = f"(setsid sleep 1000 &); exec {PYTHON} {CHILD}"
    program = run(secret.option, "--interval=50ms", "--", "sh", "-c", script)
    first = ready(program)
    (daemon,) = until(lambda: [pid for pid in program.family() if status_of(pid, "Name") == "sleep"])
    until(lambda: status_of(daemon, "PPid") == str(program.pid))
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert alive(daemon)
    assert not alive(first)


# Pins and kills the many children of a process, each in a session of its own; says how often it looked at that process,
# whose list of children is as long as they are many, and at all of them, and whether any is left.
MANY = """
import os, signal, sys
from secretenv.supervisor.descendants import Family
number = int(sys.argv[1])
ours, theirs = os.pipe()
command = os.fork()
if not command:
    for _ in range(number):
        if not os.fork():
            os.setsid()
            os.write(theirs, b".")
            signal.pause()
    signal.pause()
for _ in range(number):
    os.read(ours, 1)
looks = []
def count(event, values):
    if event in {"open", "os.listdir"} and str(values[0]).startswith("/proc/"):
        looks.append(str(values[0]))
sys.addaudithook(count)
family = Family(command, group=False)
family.remember()
print(sum(look.startswith(f"/proc/{command}/") for look in looks), len(looks))
family.kill_all()
os.waitpid(command, 0)
family.reaped = True
while family.anything_left():
    pass
print("none left")
"""


def test_many_children_are_looked_at_once_each(start: Callable[..., Program]) -> None:
    """To pin all descendants takes a few looks at each, not one at all for each: the supervisor stays able to hear."""
    for number in (50, 500):
        program = start(PYTHON, "-c", MANY, str(number))
        assert program.ends() == 0, program.err
        long, every = map(int, program.lines[0].split())
        assert long <= 4
        assert number < every <= 2 * number + long
        assert program.lines[1] == "none left"


def test_few_descriptors(run: Callable[..., Program], start: Callable[..., Program], secret: SecretFile) -> None:
    """With hardly any descriptors left all descendants are killed all the same: known by when they began."""
    script = f"for i in $(seq 30); do setsid sleep 1000 & done; exec {PYTHON} {CHILD}"
    few = ["sh", "-c", 'ulimit -n 16; exec "$@"', "sh"]
    program = start(*few, SECRETENV, "run", secret.option, "--refresh-signal=USR2", "--", "sh", "-c", script)
    ready(program)
    old = until(lambda: found if len(found := _sleepers(program)) == 30 else [])
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR2)
    program.shows("ready", times=2)
    assert not [pid for pid in old if alive(pid)]


def _sleepers(program: Program) -> list[int]:
    return [pid for pid in program.family() if status_of(pid, "Name") == "sleep"]


# Below a /proc of the outer PID namespace: what has children there, and what descends from it by these numbers.
FOREIGN = """
import sys
from secretenv.supervisor.descendants import children, descend
print(len(children(int(sys.argv[1]))) > 0, len(list(descend([int(sys.argv[1])], {}))))
"""


@as_init
def test_a_proc_of_another_namespace(start: Callable[..., Program]) -> None:
    """Where /proc has the numbers of another PID namespace, nobody is killed for the number of a stranger's child."""
    outer = [word for word in NAMESPACE if word != "--mount-proc"]
    for namespace, lines in ((outer, ["True 0"]), ([], ["True 2"])):
        program = start("sh", "-c", 'sleep 1000 & "$@" $$; kill $!', "sh", *namespace, PYTHON, "-c", FOREIGN)
        assert program.ends() == 0, program.err
        assert program.lines == lines
