"""Runs that are found through /proc, and the sentence where there is none to be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.cli.status.finding import find, opened, settled
from secretenv.cli.status.processes import Process, runs_secretenv
from tests.integration.supervisor.test_terminal import NAMESPACE, as_init, init_of
from tests.running import BASE, PYTHON, SECRETENV
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Program

    from .conftest import Holder

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
# A shared library of a Python in root's home is not found by others.
as_nobody = pytest.mark.skipif(
    os.geteuid() != 0
    or subprocess.run([*NOBODY, SECRETENV, "version"], check=False, capture_output=True).returncode != 0,
    reason="needs root, and a Python that another user can run",
)
TIME_NAMESPACE = ("unshare", "--time", "--boottime", "864000")
has_time_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run([*TIME_NAMESPACE, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs root and time namespaces",
)


def why(*pids: int, proc: str = "/proc") -> list[str]:
    """Return why there is no status of these processes."""
    found = find(pids, proc)
    assert found.runs == []
    return [error.message for error in found.problems]


def test_runs_are_found(hold: Callable[..., Holder]) -> None:
    """Two runs are two, each with its own status, in the order in which they were asked for."""
    one, two = hold({"program": "one"}), hold({"program": "two"})
    found = find([two.pids[0], one.pids[0], two.pids[0]])
    assert found.problems == []
    assert [(run.pid, run.status["program"]) for run in found.runs] == [(two.pids[0], "two"), (one.pids[0], "one")]
    everybody = [run.pid for run in find().runs]
    assert everybody == sorted(everybody)
    assert {one.pids[0], two.pids[0]} <= set(everybody)


def test_a_forked_process_is_no_run(hold: Callable[..., Holder]) -> None:
    """What a run forks has its descriptors; it is the same run, whose oldest process is the run itself."""
    parent, child = hold(mode="fork").pids
    assert [run.pid for run in find([child, parent]).runs] == [parent]
    assert child not in {run.pid for run in find().runs}


def test_a_run_that_was_killed_is_not_found(hold: Callable[..., Holder]) -> None:
    """After SIGKILL nothing is left to be found, before its parent notices and after that."""
    holder = hold()
    os.kill(holder.pids[0], signal.SIGKILL)
    until(lambda: Process(holder.pids[0]).ended())
    assert why(holder.pids[0]) == [f"process {holder.pids[0]} has ended"]
    holder.program.ends()
    assert why(holder.pids[0]) == [f"there is no process {holder.pids[0]}"]
    assert holder.pids[0] not in {run.pid for run in find().runs}


def test_processes_that_are_no_runs(hold: Callable[..., Holder], start: Callable[..., Program]) -> None:
    """Each has its sentence: another program, the command of a run, an older secretenv, none at all."""
    run, command = hold(mode="again").pids
    other = start("sleep", "1000")
    old = start(PYTHON, "-c", "import signal; print(1, flush=True); signal.pause()", "secretenv", "run")
    old.shows("1")
    assert why(other.pid) == [f"process {other.pid} is not a secretenv"]
    found = find([command])
    assert [(error.message, error.hint) for error in found.problems] == [
        (f"process {command} is not a secretenv, but was started by one", f"secretenv status {run}")
    ]
    assert "is a secretenv without a status" in why(old.pid)[0]
    assert why(10**17) == [f"there is no process {10**17}"]
    assert why(0) == ["there is no process 0"]


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["/usr/bin/python3", "/usr/local/bin/secretenv", "run", "--", "myapp"], True),
        (["python", "-m", "secretenv", "run"], True),
        (["secretenv", "run"], True),
        (["/opt/python", "/opt/secretenv", "status"], False),
        (["myapp", "run"], False),
        ([], False),
    ],
)
def test_how_a_run_is_known(words: list[str], ours: bool) -> None:  # noqa: FBT001
    """By the name of its program or module, and the command that follows."""
    assert runs_secretenv(words) == ours


def test_a_thousand_reads(hold: Callable[..., Holder]) -> None:
    """A status that is rewritten without a pause is read whole, a thousand times."""
    holder = hold(mode="rewrite")
    path = Process(holder.pids[0]).status_file()
    seen: list[int] = []

    def enough() -> bool:
        with opened(path) as read:
            status = settled(read)
        assert status["program"] in {"myapp", "x" * status["restarts"]}
        seen.append(status["restarts"])
        return len(seen) >= 1000 and len(set(seen)) >= 100

    while not enough():
        assert holder.program.process.poll() is None


def test_a_status_that_never_settles() -> None:
    """A content that changes at each read is an error if it cannot be used, after a time that is over soon."""
    numbers = iter(range(10**9))
    with pytest.raises(ValueError, match="not JSON"):
        settled(lambda: b"x%d" % next(numbers), patience=0.01)


BROKEN = {
    "not JSON": ("{", "it is not JSON"),
    "another format": ({"format": 9}, "it has format 9, and this secretenv knows format 1"),
    "a field of another kind": ({"secrets": 3}, "its field secrets is missing or holds something else"),
    "huge": ((1 << 20) + 1, "larger than 1024 KiB"),
}


@pytest.mark.parametrize(("changes", "words"), BROKEN.values(), ids=BROKEN)
def test_a_status_that_cannot_be_used(hold: Callable[..., Holder], changes: Any, words: str) -> None:
    """Each has a sentence that names the process, and does not keep others from being shown."""
    (bad,), (good,) = hold(changes).pids, hold().pids
    found = find([bad, good])
    assert [run.pid for run in found.runs] == [good]
    assert [error.message for error in found.problems] == [f"the status of process {bad} cannot be used: {words}"]


# Clocks


def test_ages(hold: Callable[..., Holder]) -> None:
    """An age is that of the clock of the machine since its boot."""
    (run,) = find(hold().pids).runs
    assert 10 <= run.age(run.status["looked_at"]) < 40
    assert 100 <= run.age(run.status["started"]) < 130


@pytest.mark.parametrize("step", [-1e9, 1e9])
def test_a_step_of_the_clock(hold: Callable[..., Holder], step: float) -> None:
    """No step of the time of day changes an age."""
    (run,) = find(hold({"time": time.time() + step}).pids).runs
    assert 10 <= run.age(run.status["looked_at"]) < 40


@has_time_namespaces
def test_a_time_namespace(hold: Callable[..., Holder]) -> None:
    """A run in a time namespace, whose clock is ten days ahead, has the same ages."""
    (run,) = find(hold(before=TIME_NAMESPACE).pids).runs
    assert run.status["written"] > 864000
    assert 10 <= run.age(run.status["looked_at"]) < 40


@pytest.mark.parametrize("changes", [{"boot": "another"}, {}], ids=["another boot", "a clock that is ahead"])
def test_a_clock_that_is_another(hold: Callable[..., Holder], changes: dict[str, Any]) -> None:
    """A process that was moved here from another boot: the time of day tells how old its status is."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME) + 1e6
    times = {"written": now, "looked_at": now - 10, "time": time.time() - 5}
    (run,) = find(hold(times | changes).pids).runs
    assert 15 <= run.age(run.status["looked_at"]) < 45


# Users and namespaces


def asked(start: Callable[..., Program], *words: str) -> Program:
    """Return a `secretenv status` that has ended with 3, without a traceback."""
    program = start(*words)
    assert program.ends() == 3, program.err
    assert "Traceback" not in program.err
    return program


@as_nobody
def test_another_user(hold: Callable[..., Holder], start: Callable[..., Program]) -> None:
    """Another user gets 3 and a sentence, whether the pid is given or not, on standard output with --check."""
    (pid,) = hold().pids
    sentence = f"the status of process {pid} can be read only by user 0, who runs it, and by root"
    hint = f"run it as the same user or as root: sudo secretenv status {pid}"
    for words in ([str(pid)], []):
        program = asked(start, *NOBODY, SECRETENV, "status", *words)
        assert sentence in program.err
        assert hint in program.err
        assert program.out == ""
    program = asked(start, *NOBODY, SECRETENV, "status", "--check", str(pid))
    assert program.out == f"SECRETENV UNKNOWN - {sentence}\n"


@as_nobody
def test_the_same_user(hold: Callable[..., Holder], start: Callable[..., Program]) -> None:
    """The same user needs no right besides that."""
    (pid,) = hold(before=NOBODY).pids
    program = start(*NOBODY, SECRETENV, "status", str(pid))
    assert program.ends() == 0, program.err
    assert program.out.startswith(f"{pid} myapp: running for ")


HIDING = 'mount -t proc -o "hidepid=$1" proc /proc && shift && exec "$@"'


@as_nobody
@pytest.mark.parametrize("how", ["1", "2"])
def test_hidden_processes(hold: Callable[..., Holder], start: Callable[..., Program], how: str) -> None:
    """Where /proc hides the processes of others, the sentence says so."""
    (pid,) = hold().pids
    before = ["unshare", "--mount", "sh", "-c", HIDING, "sh", how, *NOBODY]
    assert "/proc hides the processes of other users (hidepid)" in asked(start, *before, SECRETENV, "status").err
    words = {
        "1": f"the status of process {pid} cannot be read: Operation not permitted",
        "2": f"there is no process {pid}, or /proc hides it because it belongs to another user (hidepid)",
    }
    assert words[how] in asked(start, *before, SECRETENV, "status", str(pid)).err


@as_root
def test_no_proc(start: Callable[..., Program]) -> None:
    """Without /proc the sentence says so."""
    script = 'mount -t tmpfs none /proc && exec "$@"'
    program = asked(start, "unshare", "--mount", "sh", "-c", script, "sh", SECRETENV, "status")
    assert "there are no processes in /proc" in program.err


@as_init
def test_process_1(hold: Callable[..., Holder], start: Callable[..., Program]) -> None:
    """A run that is PID 1 of its namespace is found from outside, with both pids, and from inside."""
    holder = hold(before=tuple(NAMESPACE))
    pid = init_of(holder.program)
    (run,) = find([pid]).runs
    assert (run.document()["pid"], run.document()["pid_inside"]) == (pid, 1)
    inside = start("nsenter", f"--target={pid}", "--pid", "--mount", SECRETENV, "status", "--json")
    assert inside.ends() == 0, inside.err
    (document,) = json.loads(inside.out)
    assert document["pid"] == 1
    assert "pid_inside" not in document


@as_init
def test_nobody(start: Callable[..., Program]) -> None:
    """Where nothing runs: 3, a sentence, and what to do; an empty list as JSON."""
    program = asked(start, *NAMESPACE, SECRETENV, "status", "--json")
    assert json.loads(program.out) == []
    assert program.err.splitlines()[0] == "secretenv: error: status: no running secretenv found"
    assert "--once" in program.err
    assert "docker exec NAME secretenv status" in program.err


def test_a_closed_reader(hold: Callable[..., Holder]) -> None:
    """A reader that goes away is no traceback."""
    (pid,) = hold().pids
    script = f"{SECRETENV} status --json {pid} | true"
    done = subprocess.run(["sh", "-c", script], env=BASE, capture_output=True, text=True, check=False)
    assert done.stderr == ""
