"""`secretenv status` and the status file, asked about real runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.functional.conftest import MARKER
from tests.running import PYTHON, SECRETENV, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.functional.conftest import World
    from tests.running import Program

SLEEP = ("sh", "-c", "echo ready $VALUE; exec sleep 1000")
FAILS = ("sh", "-c", "echo ready $VALUE; [ $VALUE = bad ] && exit 3; exec sleep 1000")
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


@pytest.fixture
def ask(start: Callable[..., Program]) -> Callable[..., tuple[int, str]]:
    """Return a function that runs `secretenv status`, and returns its exit status and all that it wrote."""

    def asked(*words: object, **given: Any) -> tuple[int, str]:
        program = start(SECRETENV, "status", *map(str, words), **given)
        status = program.ends()
        assert "Traceback" not in program.err
        return status, program.out + program.err

    return asked


def memory_of(pid: int) -> str:
    """Return what a run keeps in its memfd."""
    links = list(Path(f"/proc/{pid}/fd").iterdir())
    (found,) = [link for link in links if "memfd:secretenv-status" in os.readlink(link)]  # noqa: PTH115
    return found.read_text("utf-8")


def test_a_run_with_aws(device_run: Callable[..., Program], ask: Callable[..., tuple[int, str]], world: World) -> None:
    """Each form shows the version, since when, the looks and the certificate, and none shows a value."""
    program = device_run("--refresh-signal=USR1", "--", *SLEEP)
    program.shows("ready")
    world.rotate(f"{MARKER}-again")
    program.send(signal.SIGUSR1)
    program.shows("ready", times=2)
    until(lambda: '"phase": "running"' in memory_of(program.pid))
    ((status, people), (_, raw), (_, metrics), (fine, line)) = [
        ask(program.pid, *form) for form in ((), ("--json",), ("--prometheus",), ("--check",))
    ]
    (found,) = json.loads(raw)
    assert (status, fine) == (0, 0)
    assert (found["phase"], found["restarts"], found["failing"], found["refused"]) == ("running", 1, None, [])
    assert found["certificate_end"] > time.time()
    (secret,) = found["secrets"]
    assert secret["source"] == "aws"
    assert secret["version"] in people
    assert "running for" in people
    assert "certificate expires in" in people
    assert line.startswith("SECRETENV OK - ")
    families = {family.name for family in text_string_to_metric_families(metrics)}
    assert {"secretenv_up", "secretenv_restarts", "secretenv_secret_info"} <= families
    for text in (people, raw, metrics, line, memory_of(program.pid)):
        assert MARKER not in text


def test_before_the_first_fetch(device_run: Callable[..., Program], ask: Callable[..., tuple[int, str]]) -> None:
    """A run that cannot read its secrets yet says why."""
    program = device_run("--", "true", endpoint="localhost:1")
    program.logs("trying again")
    until(lambda: '"failing": {' in memory_of(program.pid))
    status, people = ask(program.pid)
    assert status == 0
    assert "waiting for" in people
    assert "connection: localhost:1 refuses connections" in people
    status, line = ask(program.pid, "--check")
    assert (status, line.startswith("SECRETENV WARNING - ")) == (1, True)


def test_a_refused_version(
    run: Callable[..., Program], start: Callable[..., Program], ask: Callable[..., tuple[int, str]], secret: SecretFile
) -> None:
    """It is critical for monitoring; people and `check` learn what was refused, and why."""
    program = run(secret.option, "--interval=50ms", "--", *FAILS)
    program.shows("ready one")
    secret.put({"VALUE": "bad"})
    program.shows("ready one", times=2)
    until(lambda: '"refused": [{' in memory_of(program.pid))
    assert "refused" in ask(program.pid)[1]
    assert ask(program.pid)[1].count("exit status 3") == 1
    status, line = ask(program.pid, "--check")
    assert (status, line.startswith("SECRETENV CRITICAL - ")) == (2, True)
    checked = start(SECRETENV, "check", secret.option)
    assert checked.ends() == 0
    assert f"sh is run by secretenv process {program.pid}" in checked.out
    assert "exit status 3; the command keeps its old values" in checked.out
    other = start(SECRETENV, "check", f"{secret.option}.other")
    other.ends()
    assert "rotation" not in other.out


def test_while_it_stops(run: Callable[..., Program], ask: Callable[..., tuple[int, str]], secret: SecretFile) -> None:
    """A command that takes its time is shown as stopping, with the signal that asked for it."""
    program = run(secret.option, "--interval=50ms", "--", "sh", "-c", "trap '' TERM; echo ready; sleep 1000")
    program.shows("ready")
    secret.put({"VALUE": "two"})
    until(lambda: '"phase": "stopping"' in memory_of(program.pid))
    assert "stopping for" in ask(program.pid)[1]
    program.send(signal.SIGTERM)
    until(lambda: '"shutdown": "TERM"' in memory_of(program.pid))
    assert "shutdown by TERM" in ask(program.pid)[1]


# As another user, who may not read the folder that this Python is in: everything is loaded before.
AS_NOBODY = f"""
import os, sys
from secretenv.cli.status import finding, main, monitoring, shown
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
sys.exit(main.main([sys.argv[1]]))
"""


@as_root
def test_another_user(run: Callable[..., Program], start: Callable[..., Program], secret: SecretFile) -> None:
    """Only the same user and root may look into a run; the status file is for everybody."""
    file = secret.path.with_name("status.json")
    program = run(secret.option, f"--status-file={file}", "--", *SLEEP)
    program.shows("ready")
    nobody = start(PYTHON, "-c", AS_NOBODY, str(program.pid))
    assert nobody.ends() == 3
    assert nobody.out == ""
    assert "as the same user or" in nobody.err
    assert "Traceback" not in nobody.err
    until(file.exists)
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_run_that_was_killed(
    run: Callable[..., Program], ask: Callable[..., tuple[int, str]], secret: SecretFile
) -> None:
    """Nothing of it is found, and its status file is stale."""
    file = secret.path.with_name("status.json")
    program = run(secret.option, f"--status-file={file}", "--", *SLEEP)
    program.shows("ready")
    until(file.exists)
    assert ask("--status-file", file)[0] == 0
    program.send(signal.SIGKILL)
    program.ends()
    assert ask(program.pid)[0] == 3
    status, said = ask("--status-file", file, "--check")
    assert status == 3
    assert f"process {program.pid}, which has ended" in said


def test_two_runs(run: Callable[..., Program], ask: Callable[..., tuple[int, str]], secret: SecretFile) -> None:
    """Each has its line, in the order asked for."""
    programs = [run(secret.option, "--", *SLEEP) for _ in range(2)]
    for program in programs:
        program.shows("ready")
    pids = [program.pid for program in programs][::-1]
    _, said = ask(*pids)
    assert [int(line.split()[0]) for line in said.splitlines() if not line.startswith(" ")] == pids


def test_the_status_file(run: Callable[..., Program], secret: SecretFile) -> None:
    """It has what the memfd has, is whole at any time, and goes with its run; `.prom` has metrics."""
    file = secret.path.with_name("status.json")
    program = run(secret.option, f"--status-file={file}", "--interval=20ms", "--", *SLEEP)
    program.shows("ready")
    until(file.exists)
    for _ in range(200):
        assert json.loads(file.read_text("utf-8"))["pid"] == program.pid
    beside = [path.name for path in file.parent.iterdir() if path.name.startswith(".status")]
    assert all(name.startswith(f".{file.name}.") for name in beside)
    assert len(beside) <= 1
    program.send(signal.SIGTERM)
    program.ends()
    assert not file.exists()
    metrics = file.with_suffix(".prom")
    program = run(secret.option, f"--status-file={metrics}", "--", *SLEEP)
    program.shows("ready")
    until(lambda: metrics.exists() and "secretenv_up" in metrics.read_text("utf-8"))
    assert list(text_string_to_metric_families(metrics.read_text("utf-8")))


@as_root
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.symlink_to("/dev/null"), "a symbolic link"),
        (lambda path: path.mkdir(), "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (lambda path: subprocess.run(["install", "-o", str(NOBODY), "/dev/null", path], check=True), f"user {NOBODY}"),
        (None, "No such file or directory"),
    ],
    ids=["link", "folder", "FIFO", "other user", "no folder"],
)
def test_no_status_file(
    run: Callable[..., Program], secret: SecretFile, make: Callable[[Path], object] | None, says: str
) -> None:
    """What cannot become a status file is an error before anything is started."""
    file = secret.path.with_name("status.json") if make else secret.path.with_name("gone") / "status.json"
    if make:
        make(file)
    program = run(secret.option, f"--status-file={file}", "--", *SLEEP)
    assert program.ends() == 125
    assert says in program.err
    assert str(file) in program.err
    assert program.out == ""


def test_a_thousand_reads(run: Callable[..., Program], secret: SecretFile) -> None:
    """A reader that takes it twice until equal never sees half of a status, however often that changes."""
    code = (
        "import sys; from secretenv.cli.status.finding import find; pid = int(sys.argv[1])\n"
        "for _ in range(1000): assert find([pid]).runs[0].pid == pid\nprint('all')"
    )
    program = run(secret.option, "--interval=1ms", "--", *SLEEP)
    program.shows("ready")
    done = subprocess.run([PYTHON, "-c", code, str(program.pid)], capture_output=True, text=True, check=False)
    assert done.stdout == "all\n", done.stderr


def test_idle(run: Callable[..., Program], secret: SecretFile) -> None:
    """The status costs no wake-up: in five idle seconds the supervisor does not run once."""
    program = run(secret.option, "--interval=1h", "--trial=0", "--", *SLEEP)
    program.shows("ready")
    until(lambda: '"phase": "running"' in memory_of(program.pid) and '"next_look": null' not in memory_of(program.pid))
    fields = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    until(lambda: status_of(program.pid, "State").startswith("S"))
    before = [status_of(program.pid, field) for field in fields]
    time.sleep(5)  # what is measured is time in which nothing happens
    assert [status_of(program.pid, field) for field in fields] == before
