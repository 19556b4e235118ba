"""The program of --validate with real processes: what it finds, what it decides, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.integration.supervisor.test_descendants import trace
from tests.integration.supervisor.test_terminal import command
from tests.running import CHILD, PYTHON, Program, alive, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import SecretFile
    from tests.screen import Screen

MARKER = "s3cret-MARKER"
# Runs `secretenv run`, with a program that may take this long, and without a wait for the kernel's verdict on a start.
HASTY = """
import os, signal, sys
from secretenv.config.argv import write_settings
from secretenv.supervisor import validation
from secretenv.supervisor.caller import Origin
from secretenv.supervisor.loop import supervise
from secretenv.supervisor.starting import begin
validation.LIMIT = float(sys.argv[1])
origin = Origin(signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
read = lambda pipe: int(not write_settings(sys.argv[2:], os.environ, pipe))
settings, signals, first, opener = begin(read, origin, (), int)
supervise(settings, origin, signals, first=first, opener=opener, exec_patience=0.0)
"""
QUICK = ("--interval=50ms", "--trial=0")
SHOW = ("--", PYTHON, CHILD, "--show=VALUE")


def by_shell(script: str) -> str:
    """Return the option for a program that is a script of the shell."""
    return f"--validate=sh -c {shlex.quote(script)}"


def pid_in(path: Path) -> int:
    """Wait for a number in a file."""
    return int(until(lambda: path.exists() and path.read_text().strip(), what=path.name))


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder in memory."""
    path = Path(f"/dev/shm/test-{os.getpid()}-{os.urandom(4).hex()}")
    path.mkdir(0o700)
    yield path
    for each in path.iterdir():
        each.unlink()
    path.rmdir()


def test_accepted(run: Callable[..., Program], secret: SecretFile) -> None:
    """It runs with the new values beside the command, with its output on standard error; then comes the restart."""
    program = run(
        secret.option, *QUICK, by_shell('echo "out $VALUE"; echo "err $VALUE" >&2; kill -0 $(cat pid)'), *SHOW
    )
    pid = ready(program)
    (program.folder / "pid").write_text(str(pid))
    secret.put({"VALUE": "two"})
    program.shows("VALUE=two")
    assert program.lines[1:3] == ["got TERM", "bye"]
    lines = program.err.splitlines()
    told = [lines.index(line) for line in ("out two", "err two", "secretenv: stopping the command with TERM")]
    assert told == sorted(told)
    assert "out one" not in lines  # not before the first start


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 3", "exit status 3"),
        ("kill -SEGV $$", "killed by SEGV"),
        ("kill -STOP $$", "not done within 1.0 s"),
        ("trap '' TERM HUP INT; sleep 1000 & wait", "not done within 1.0 s"),
        ("setsid sleep 1000 & wait", "not done within 1.0 s"),
        ("(setsid sleep 1000 &); sleep 1000", "not done within 1.0 s"),
        ("sleep 1000 & exit 3", "exit status 3"),
        ("bash -c 'set -m; sleep 1000 & exit 3'", "exit status 3"),
        ("cat; exit 3", "exit status 3"),
    ],
)
def test_refused(start: Callable[..., Program], secret: SecretFile, script: str, why: str) -> None:
    """The command keeps its pid and its values, nothing of the program is left, and it is not tried again."""
    words = ["--validate", f"sh -c {shlex.quote(script)}", "--log-level=debug"]
    program = start(PYTHON, "-c", HASTY, "1", secret.option, *QUICK, *words, *SHOW)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs(
        f": error: rotation: the new version of file://{secret.path} was refused by sh ({why}): the command keeps"
    )
    program.logs("no new version", times=program.err.count("no new version") + 3)
    assert program.family() == sorted([program.pid, pid, *_fetchers(program)])
    assert program.err.count("was refused by") == 1
    assert program.lines == [f"ready {pid} VALUE=one"]


def _fetchers(program: Program) -> list[int]:
    return [pid for pid in program.family() if b"secretenv.fetcher" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.parametrize("kind", ["missing", "no file", "not executable", "no interpreter"])
def test_a_program_that_cannot_be_started(run: Callable[..., Program], secret: SecretFile, kind: str) -> None:
    """That refuses all new versions; the start warns of it where it can be known."""
    file = secret.path.with_name("check")
    if kind in {"not executable", "no interpreter"}:
        file.write_text("#!/no/such/interpreter\n")
        file.chmod(0o755 if kind == "no interpreter" else 0o644)
    name = "no-such-check" if kind == "missing" else str(file)
    why = {
        "missing": "no-such-check: not found in PATH",
        "no file": f"{file}: not found",
        "not executable": f"{file}: permission denied",
        "no interpreter": f"{file}: no such file or directory, or its interpreter is missing",
    }[kind]
    program = run(secret.option, *QUICK, f"--validate={name} -q", *SHOW)
    pid = ready(program)
    warned = f"secretenv: warning: settings: --validate: {why}: all new versions would be refused\n"
    assert (warned in program.err) == (kind != "no interpreter")
    secret.put({"VALUE": "two"})
    program.logs(f"was refused by {name} ({why}): the command keeps its values")
    assert program.lines == [f"ready {pid} VALUE=one"]


def test_a_late_refusal(start: Callable[..., Program], secret: SecretFile) -> None:
    """A verdict of the kernel that nobody waited for is told all the same, and no exit status."""
    file = secret.path.with_name("check")
    file.write_text("#!/no/such/interpreter\n")
    file.chmod(0o755)
    program = start(PYTHON, "-c", HASTY, "30", secret.option, *QUICK, f"--validate={file}", *SHOW)
    ready(program)
    secret.put({"VALUE": "two"})
    program.logs(f"was refused by {file} ({file}: no such file or directory, or its interpreter is missing)")


PROBE = """
import json, os, signal, sys
found = {
    "variables": dict(os.environ),
    "session": [os.getpid(), os.getsid(0), os.getpgrp()],
    "input": os.readlink("/proc/self/fd/0"),
    "same": os.path.samestat(os.fstat(1), os.fstat(2)),
    "victim": open("/proc/self/oom_score_adj").read().strip(),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "words": sys.argv[1:],
    "file": open(os.environ["FILE"]).read(),
}
with open("found.new", "w") as file:
    json.dump(found, file)
os.rename("found.new", "found")
sys.exit(9)
"""
# Starts a program as a caller that blocks a signal does.
BLOCKING = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_what_it_finds(start: Callable[..., Program], secret: SecretFile, memory: Path) -> None:
    """The environment and the files of the command, and what keeps it apart from everything else."""
    probe = secret.path.with_name("probe.py")
    probe.write_text(PROBE)
    secret.put({"VALUE": "one", "CERT": "first"})
    words = [
        secret.option, f"--secret-file=FILE=file://{secret.path}#CERT", "--sd-notify=command",
        f"--validate={PYTHON} {probe} 'a b' ''",
    ]  # fmt: skip
    more = {"XDG_RUNTIME_DIR": str(memory), "NOTIFY_SOCKET": "@nobody", "SECRETENV_SPLAY": "0", "MINE": "inherited"}
    run = Path(PYTHON).with_name("secretenv")
    program = start(
        PYTHON, "-c", BLOCKING, str(run), "run", *QUICK, *words, *SHOW, "--show=FILE", "--show=MINE", variables=more
    )
    ready(program)
    secret.put({"VALUE": "two", "CERT": "second"})
    found_file = program.folder / "found"
    until(found_file.exists)
    found = json.loads(found_file.read_text())
    variables = found["variables"]
    expected = {"VALUE": "two", "CERT": "second", "MINE": "inherited", "TEST_MARK": program.mark}
    assert {name: variables[name] for name in expected} == expected
    assert not {name for name in variables if name.startswith(("SECRETENV_", "NOTIFY_SOCKET"))}
    assert f"FILE={variables['FILE']} " in program.lines[0]
    assert found["file"] == "second"
    assert len({*found["session"]}) == 1
    assert (found["input"], found["same"], found["victim"]) == ("/dev/null", True, "1000")
    assert (found["blocked"], found["words"]) == ([signal.SIGUSR1], ["a b", ""])
    program.logs("was refused by")
    until(lambda: Path(variables["FILE"]).read_text() == "first")
    program.send(signal.SIGTERM)
    assert program.ends() == 0


def test_before_a_signal(run: Callable[..., Program], secret: SecretFile, memory: Path) -> None:
    """With --on-change SIGNAL the files of refused values are replaced by the old ones, and no signal is sent."""
    more = {"XDG_RUNTIME_DIR": str(memory)}
    words = [secret.option, f"--secret-file=FILE=file://{secret.path}#VALUE", "--on-change=HUP"]
    script = 'trap "echo got; cat $FILE; echo" HUP; echo ready $FILE; while :; do sleep 0.02; done'
    check = by_shell('cat "$FILE"; echo " tried"; test "$(cat $FILE)" != two')
    program = run(*words, *QUICK, check, "--", "sh", "-c", script, variables=more)
    program.shows("ready")
    file = Path(program.lines[0].split()[1])
    secret.put({"VALUE": "two"})
    program.logs("two tried")
    program.logs("was refused by")
    until(lambda: file.read_text() == "one")
    secret.put({"VALUE": "three"})
    program.shows("got\nthree\n")
    assert "two" not in program.out
    program.send(signal.SIGTERM)
    program.ends()


def test_a_newer_version_meanwhile(run: Callable[..., Program], secret: SecretFile) -> None:
    """It is killed, with what it started, and begins anew with the newest values."""
    check = by_shell('echo "tries $VALUE" >&2; test $VALUE = three && exit; (setsid sleep 1000 &); sleep 1000')
    program = run(secret.option, *QUICK, check, *SHOW)
    ready(program)
    secret.put({"VALUE": "two"})
    program.logs("tries two")
    secret.put({"VALUE": "three"})
    program.shows("VALUE=three")
    assert "VALUE=two" not in program.out
    until(lambda: set(program.family()) <= {program.pid, *_fetchers(program), _last(program)})


def _last(program: Program) -> int:
    return int([line for line in program.lines if line.startswith("ready ")][-1].split()[1])


HANGS = "echo trying >&2; (setsid sleep 1000 &); sleep 1000"


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_shutdown_meanwhile(run: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """It is killed at once, and nothing is restarted; the fixture looks for what is left."""
    program = run(secret.option, *QUICK, by_shell(HANGS), *SHOW, f"--exit-on={name}")
    ready(program)
    secret.put({"VALUE": "two"})
    program.logs("trying\n")
    program.send(getattr(signal, f"SIG{name}"))
    assert program.ends() == 0
    assert program.lines[1:] == [f"got {name}", "bye"]
    assert "stopping the command with" not in program.err


def test_the_end_of_the_command_meanwhile(run: Callable[..., Program], secret: SecretFile) -> None:
    """It is killed, and secretenv ends as the command did."""
    program = run(secret.option, *QUICK, by_shell(HANGS), *SHOW)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("trying\n")
    os.kill(pid, signal.SIGKILL)
    assert program.ends() == -signal.SIGKILL


def test_a_look_that_comes_late(start: Callable[..., Program], secret: SecretFile) -> None:
    """Secretenv was stopped past the limit: a command that ended by itself meanwhile is not started again."""
    pids, go = secret.path.with_name("pids"), secret.path.with_name("go")
    check = by_shell(f"echo $$ > {pids}; until [ -e {go} ]; do sleep 0.02; done")
    program = start(PYTHON, "-c", HASTY, "3", secret.option, *QUICK, check, *SHOW)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    until(pids.exists)
    program.send(signal.SIGSTOP)
    until(lambda: status_of(program.pid, "State").startswith("T"))
    stopped = time.monotonic()
    go.touch()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid_in(pids)) and not alive(pid))
    program.send(signal.SIGUSR1)  # is taken before SIGCHLD, and then the limit is over
    until(lambda: time.monotonic() > stopped + 3)
    program.send(signal.SIGCONT)
    assert program.ends() == -signal.SIGKILL


def test_the_end_of_secretenv_meanwhile(run: Callable[..., Program], secret: SecretFile) -> None:
    """If secretenv is killed with SIGKILL, the program dies with it."""
    pids = secret.path.with_name("pids")
    program = run(secret.option, *QUICK, by_shell(f"echo $$ > {pids}; exec sleep 1000"), *SHOW)
    ready(program)
    secret.put({"VALUE": "two"})
    pid = pid_in(pids)
    program.send(signal.SIGKILL)
    program.ends()
    until(lambda: not alive(pid))


def test_again(run: Callable[..., Program], secret: SecretFile) -> None:
    """The refresh signal tries a refused version again, and when AWS is back at the old version all is well."""
    flag = secret.path.with_name("fine")
    words = [secret.option, "--interval=1h", "--refresh-signal=USR1", "--trial=0", "--log-level=debug"]
    program = run(*words, by_shell(f"test -e {flag}"), *SHOW)
    ready(program)
    secret.put({"VALUE": "two"})
    for times in (1, 2):
        program.send(signal.SIGUSR1)
        program.logs("was refused by sh (exit status 1)", times=times)
    flag.touch()
    program.send(signal.SIGUSR1)
    program.shows("VALUE=two")
    flag.unlink()
    secret.put({"VALUE": "three"})
    program.send(signal.SIGUSR1)
    program.logs("was refused by sh (exit status 1)", times=3)
    secret.put({"VALUE": "two"})
    program.send(signal.SIGUSR1)
    program.logs("no new version")
    program.send(signal.SIGTERM)
    assert program.ends() == 0
    assert "VALUE=three" not in program.out


def test_aws_goes_back(run: Callable[..., Program], secret: SecretFile) -> None:
    """Nothing is restarted or tried when the version that the command has is there again."""
    program = run(secret.option, *QUICK, by_shell("test $VALUE != two"), *SHOW)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.logs("was refused by sh (exit status 1)")
    secret.put({"VALUE": "one"})
    program.logs("the command already runs with this version: no restart")  # after the second look
    assert program.lines == [f"ready {pid} VALUE=one"]


def test_nothing_that_holds_a_descriptor_holds_it_up(run: Callable[..., Program], secret: SecretFile) -> None:
    """What the program leaves in its session is killed, whatever it holds open, before the command is stopped."""
    pids = secret.path.with_name("pids")
    program = run(secret.option, *QUICK, by_shell(f"sleep 1000 & echo $! > {pids}"), *SHOW)
    pid = ready(program)
    secret.put({"VALUE": "two"})
    program.shows("VALUE=two")
    assert not alive(pid_in(pids))
    assert not alive(pid)


def test_the_restart_waits_for_the_last_of_it(run: Callable[..., Program], secret: SecretFile) -> None:
    """What it leaves in its group is not only killed but gone before the command is stopped."""
    pids, go = secret.path.with_name("pids"), secret.path.with_name("go")
    script = f"sleep 1000 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; until [ -e {go} ]; do sleep 0.02; done"
    program = run(secret.option, *QUICK, by_shell(script), *SHOW)
    ready(program)
    secret.put({"VALUE": "two"})
    until(pids.exists)
    check, left = (int(word) for word in pids.read_text().split())
    trace(program, left)
    go.touch()
    until(lambda: not alive(check) and not alive(left))
    program.send(signal.SIGUSR1)
    program.shows("got USR1")
    assert "stopping the command" not in program.err
    os.waitpid(left, 0)
    program.shows("VALUE=two")


def test_no_value_is_said(run: Callable[..., Program], secret: SecretFile) -> None:
    """No line of secretenv has a value, of neither version."""
    secret.put({"VALUE": f"{MARKER}1"})
    words = [secret.option, "--interval=50ms", "--log-level=debug", "--log-format=json", by_shell('test "$VALUE" = x')]
    program = run(*words, "--", PYTHON, CHILD)
    ready(program)
    secret.put({"VALUE": f"{MARKER}2"})
    program.logs("was refused by")
    program.logs("no new version", times=program.err.count("no new version") + 1)
    assert MARKER not in program.err + program.out
    events = [json.loads(line) for line in program.err.splitlines()]
    assert [each["event"] for each in events if "refused" in each.get("message", "")] == ["refused"]


def test_on_a_terminal(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """It neither reads the terminal nor is stopped by it, and Ctrl-C is not meant for it."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    shell.type("stty tostop\n")
    shell.shows("PROMPT> ", times=2)
    flag = secret.path.with_name("goes on")
    script = 'cat; (: < /dev/tty) 2> /dev/null || echo "no terminal"; echo "tries $VALUE"'
    check = by_shell(f"{script}; until [ -e '{flag}' ]; do sleep 0.02; done; test $VALUE != two")
    words = command(secret, "--interval=50ms", "--kill-timeout=100ms", shlex.quote(check))
    shell.type(f"{words} {PYTHON} {CHILD} --show=VALUE\n")
    shell.shows("VALUE=one")
    secret.put({"VALUE": "two"})
    shell.shows("no terminal\r\ntries two")
    shell.type("\x03")
    shell.shows("got INT")
    flag.touch()
    shell.shows("was refused by sh (exit status 1)")
    secret.put({"VALUE": "three"})
    shell.shows("VALUE=three")
