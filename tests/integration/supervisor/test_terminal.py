"""Terminals and PID namespaces: pseudo-terminals with a real shell, and secretenv as process 1."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.held import held_program, writer_of
from tests.running import CHILD, PYTHON, SECRETENV, Program, status_of, words_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.screen import Screen


@pytest.fixture
def shell(screen: Callable[..., Screen]) -> Screen:
    """Return a terminal with an interactive shell at its prompt."""
    made = screen("bash", "--norc", "--noprofile", "-i")
    made.shows("PROMPT> ")
    return made


def command(secret: SecretFile, *options: str) -> str:
    """Return the words that start secretenv at a prompt, up to the command."""
    return " ".join([SECRETENV, "run", secret.option, *options, "--"])


CATCH = f"{PYTHON} {CHILD}"


def test_ctrl_c_reaches_the_command_once(shell: Screen, secret: SecretFile) -> None:
    """What the terminal sends to the whole job is not sent twice; Ctrl-C does not begin a shutdown."""
    shell.type(f"{command(secret)} {CATCH}\n")
    shell.shows("ready ")
    shell.type("\x03")
    shell.shows("got INT")
    shell.type("\x1c")
    shell.shows("got QUIT")
    shell.resize(50)
    shell.shows("got WINCH")
    # Whatever came twice would have come before the answer to a signal sent now.
    os.kill(supervisor_of(shell), signal.SIGUSR1)
    shell.shows("got USR1")
    assert [shell.text.count(f"got {name}") for name in ("INT", "QUIT", "WINCH")] == [1, 1, 1]


def supervisor_of(shell: Screen) -> int:
    """Return the pid of the secretenv that was started at the prompt."""
    (pid,) = (pid for pid in shell.program.family() if _parent(pid) == shell.program.pid)
    return pid


def _parent(pid: int) -> int:
    return int(status_of(pid, "PPid") or 0)


def test_ctrl_c_ends_a_shell_loop(shell: Screen, secret: SecretFile) -> None:
    """Killed by INT secretenv dies of INT, so that a shell's loop around it ends too."""
    shell.type(f"while true; do {command(secret)} sh -c 'echo re''ady; exec sleep 1000'; done\n")
    shell.shows("ready\r\n")
    shell.type("\x03")
    shell.shows("PROMPT> ", times=2)
    assert shell.text.count("ready\r\n") == 1


def test_ctrl_z_and_fg(shell: Screen, secret: SecretFile) -> None:
    """Ctrl-Z gives the prompt back, fg goes on with the command."""
    shell.type(f"{command(secret)} cat\n")
    until(lambda: any(status_of(pid, "Name") == "cat" for pid in shell.program.family()))
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.shows("PROMPT> ", times=2)
    shell.type("fg\n")
    shell.shows("cat", times=3)
    shell.type("still here\n")
    shell.shows("still here", times=2)
    shell.type("\x04")
    shell.shows("PROMPT> ", times=3)


def continue_job(shell: Screen) -> None:
    """Type `fg` and wait until the job goes on: a key that comes earlier is the shell's."""
    supervisor = supervisor_of(shell)
    shell.type("fg\n")
    until(lambda: status_of(supervisor, "State").startswith("S"))


def press_ctrl_z(opened: Screen) -> None:
    """Press Ctrl-Z and wait until the sleeping secretenv has woken up for it: two keys at once are not in order."""
    (pid,) = (pid for pid in opened.program.family() if status_of(pid, "Name") == "secretenv" and _leads(pid))
    before = status_of(pid, "voluntary_ctxt_switches")
    opened.type("\x1a")
    until(lambda: status_of(pid, "voluntary_ctxt_switches") != before)


def _leads(pid: int) -> bool:
    """Whether this is no process that a secretenv has started."""
    return status_of(_parent(pid), "Name") != "secretenv"


@pytest.mark.parametrize("who", ["a shell", "nobody", "a shell that ignores it"])
def test_ctrl_z_while_the_command_line_is_read(screen: Callable[..., Screen], secret: SecretFile, who: str) -> None:
    """Ctrl-Z stops secretenv where a shell can continue it; where nobody can, or it is ignored, it does nothing."""
    file = secret.path.with_name("held.toml")
    os.mkfifo(file)
    words = _held(secret, f"--config={file}")
    if who == "nobody":
        opened = screen(*words.split(), "true")
    else:
        opened = screen("bash", "--norc", "--noprofile", "-i")
        opened.shows("PROMPT> ")
        opened.type(f"{words} true\n" if who == "a shell" else f"(trap '' TSTP; exec {words} true)\n")
    with writer_of(file):
        press_ctrl_z(opened)
        if who == "a shell":
            opened.shows("Stopped")
            continue_job(opened)
        opened.type("\x03")
        if who == "nobody":
            assert opened.program.ends() == -signal.SIGINT
        else:
            opened.shows("PROMPT> ", times=2 + (who == "a shell"))
            assert ("Stopped" in opened.text) == (who == "a shell")


def _held(secret: SecretFile, *options: str) -> str:
    """Return the words of `command` for a secretenv that waits for its settings file."""
    return command(secret, *options).replace(SECRETENV, held_program(secret.path.parent))


def test_a_hang_up_while_the_command_line_is_read(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """It ends a start, even where HUP is the refresh signal: that is one which somebody sends."""
    file = secret.path.with_name("held.toml")
    os.mkfifo(file)
    opened = screen(*_held(secret, f"--config={file}", "--refresh-signal=HUP").split(), "sleep", "1000")
    with writer_of(file):
        opened.hang_up()
    assert opened.program.ends() == -signal.SIGHUP


def test_a_suspend_of_the_command_itself_gives_the_prompt_back(shell: Screen, secret: SecretFile) -> None:
    """A command that stops itself stops the job, as it would without secretenv."""
    shell.type(f"{command(secret)} sh -c 'kill -STOP $$; echo went on'\n")
    shell.shows("Stopped")
    shell.shows("PROMPT> ", times=2)
    shell.type("fg\n")
    shell.shows("went on", times=3)


def test_a_pipeline_whose_other_end_reads_the_terminal(shell: Screen, secret: SecretFile) -> None:
    """`secretenv run -- a | b` with b reading the terminal: b stays in the foreground."""
    shell.type(
        f"{command(secret)} sh -c 'echo fr''om a; exec sleep 1000' | (head -n 1; read x < /dev/tty; echo b got $x)\n"
    )
    shell.shows("from a")
    shell.type("keys\n")
    shell.shows("b got keys")
    shell.type("\x03")
    shell.shows("PROMPT> ", times=2)


def test_an_interactive_shell_as_the_command(shell: Screen, secret: SecretFile) -> None:
    """An interactive bash as the command has job control of its own."""
    shell.type(f"{command(secret)} env PS1='INNER> ' bash --norc --noprofile -i\n")
    shell.shows("INNER> ", times=2)
    shell.type("sleep 1000\n")

    def sleeping() -> int:
        return next((pid for pid in shell.program.family() if status_of(pid, "Name") == "sleep"), 0)

    until(sleeping)
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.type("fg\n")
    # Bash waits for what is in its foreground: there is no notice that it may take late, as of a job in the background.
    until(lambda: status_of(sleeping(), "State").startswith("S"))
    shell.type("\x03")
    shell.shows("INNER> ", times=4)
    shell.type("exit 7\n")
    shell.shows("PROMPT> ", times=2)
    shell.type("echo status $?\n")
    shell.shows("status 7")
    assert "no job control" not in shell.text


def test_a_terminal_after_a_killed_program(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """After an interactive program was killed for a restart the next one finds echo and the foreground."""
    script = "stty -echo -icanon; set -m; echo first; sleep 1000 | cat; :"
    once = secret.path.with_name("once")
    line = f"if [ -e {once} ]; then read x; echo next got $x; else touch {once}; {script}; fi"
    options = ["--interval=50ms", "--kill-timeout=100ms", "--kill-signal=KILL"]
    opened = screen(SECRETENV, "run", secret.option, *options, "--", "bash", "-c", line)
    opened.shows("first")
    until(lambda: not opened.echo())
    until(lambda: any(status_of(pid, "Name") == "cat" for pid in opened.program.family()))
    secret.put({"VALUE": "two"})
    until(opened.echo)
    until(lambda: not any(status_of(pid, "Name") == "cat" for pid in opened.program.family()))
    opened.type("some keys\n")
    opened.shows("next got some keys")
    assert opened.program.ends() == 0


@pytest.mark.parametrize("busy", [False, True], ids=["at leisure", "all at once"])
def test_a_hang_up_continues_a_stopped_command(
    screen: Callable[..., Screen], secret: SecretFile, *, busy: bool
) -> None:
    """With a hang-up the kernel continues who leads the session, and so do we: else the command would never see it."""
    opened = screen(SECRETENV, "run", secret.option, "--", "sh", "-c", "echo ready $$; exec sleep 1000")
    opened.shows("\n")
    for pid in [opened.program.pid] * busy + [int(opened.text.split()[1])]:
        os.kill(pid, signal.SIGSTOP)
        until(lambda pid=pid: status_of(pid, "State").startswith("T"))  # type: ignore[misc]
    opened.hang_up()  # that it was stopped secretenv may learn only now
    assert opened.program.ends() == -signal.SIGHUP


@pytest.mark.parametrize("options", [[], ["--refresh-signal=HUP"]], ids=["plain", "refresh-signal"])
def test_a_hang_up_reaches_the_command_of_a_session_leader(
    screen: Callable[..., Screen], secret: SecretFile, options: list[str]
) -> None:
    """A hang-up of the terminal reaches the command also where secretenv leads the session."""
    out = secret.path.with_name("out")
    script = f"trap 'echo got HUP >> {out}; exit 3' HUP; echo ready; while :; do sleep 1000 & wait; done"
    opened = screen(SECRETENV, "run", secret.option, *options, "--", "bash", "-c", script)
    opened.shows("ready")
    opened.hang_up()
    assert opened.program.ends() == 3
    assert out.read_text() == "got HUP\n"


def test_a_stopped_terminal_holds_nothing_up(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """While a terminal is stopped with Ctrl-S, signals arrive and the end of the command ends secretenv."""
    out = secret.path.with_name("out")
    script = f"trap 'echo got USR1 >> {out}; exit 4' USR1; echo ready; while :; do sleep 1000 & wait $!; done"
    words = ["--interval=10ms", "--log-level=debug", "--", "bash", "-c", script]
    opened = screen(SECRETENV, "run", secret.option, *words)
    opened.shows("ready")
    opened.type("\x13")
    wrote = status_of(opened.program.pid, "voluntary_ctxt_switches")
    until(lambda: int(status_of(opened.program.pid, "voluntary_ctxt_switches")) > int(wrote) + 200)
    os.kill(opened.program.pid, signal.SIGUSR1)
    assert opened.program.ends() == 4
    assert out.read_text() == "got USR1\n"


def test_own_group_without_a_terminal(run: Callable[..., Program], secret: SecretFile) -> None:
    """Without a controlling terminal the command has a process group of its own."""
    program = run(secret.option, "--", PYTHON, CHILD)
    program.shows("ready")
    pid = int(program.lines[0].split()[1])
    assert os.getpgid(pid) == pid


# As process 1

NAMESPACE = ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc"]
as_init = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs root and PID namespaces",
)


def init_of(program: Program) -> int:
    """Return the pid, as we see it, of the process that is 1 in the program's namespace."""

    def found() -> list[int]:
        return [pid for pid in program.family() if (status_of(pid, "NSpid").split() or [""])[-1] == "1"]

    return until(found)[0]


@as_init
def test_as_init_signals_arrive_and_the_status_is_128_plus_n(start: Callable[..., Program], secret: SecretFile) -> None:
    """As PID 1: signals are forwarded; killed by signal N: 128+N."""
    program = start(*NAMESPACE, SECRETENV, "run", secret.option, "--", PYTHON, CHILD, "--exit-on=USR2")
    program.shows("ready")
    os.kill(init_of(program), signal.SIGUSR1)
    program.shows("got USR1")
    inside = program.lines[0].split()[1]
    (child,) = (pid for pid in program.family() if status_of(pid, "NSpid").split()[1:] == [inside])
    os.kill(child, signal.SIGKILL)
    assert program.ends() == 128 + signal.SIGKILL


@as_init
def test_as_init_orphans_are_reaped(start: Callable[..., Program], secret: SecretFile) -> None:
    """As PID 1 it reaps orphans: no zombie is left."""
    script = "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done; echo started; exec sleep 1000"
    program = start(*NAMESPACE, SECRETENV, "run", secret.option, "--", "sh", "-c", script)
    program.shows("started")
    init = init_of(program)
    children = Path(f"/proc/{init}/task/{init}/children")
    until(lambda: len(children.read_text().split()) == 1)
    os.kill(init, signal.SIGTERM)
    assert program.ends() == 128 + signal.SIGTERM


@as_init
def test_as_init_restart(start: Callable[..., Program], secret: SecretFile) -> None:
    """As PID 1 a new version restarts the command."""
    program = start(*NAMESPACE, SECRETENV, "run", secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--show=VALUE")
    program.shows("VALUE=one")
    secret.put({"VALUE": "two"})
    program.shows("VALUE=two")


# Two children of the command's, which write to files; it waits for both.
GROUP = f"""
{PYTHON} {CHILD} >one & {PYTHON} {CHILD} >two &
trap 'echo shell' USR1 TERM
until [ -s one ] && [ -s two ]; do sleep 0.05; done
echo up; wait; wait; wait
"""


@as_init
@pytest.mark.parametrize("before", [[], NAMESPACE], ids=["", "as PID 1"])
def test_signal_group_under_a_terminal(
    screen: Callable[..., Screen], secret: SecretFile, tmp_path: Path, before: list[str]
) -> None:
    """--signal-group: under a terminal (`docker run -t`) too each process of the group gets each signal once."""
    shown = screen(*before, SECRETENV, "run", "--signal-group", secret.option, "--", "sh", "-c", GROUP)
    shown.shows("up")
    init = init_of(shown.program) if before else shown.program.pid
    os.kill(init, signal.SIGUSR1)
    shown.shows("shell")
    said = [tmp_path / name for name in ("one", "two")]
    until(lambda: all("got USR1" in each.read_text() for each in said))
    os.kill(init, signal.SIGTERM)
    assert shown.program.ends() == 0
    assert [each.read_text().splitlines()[1:] for each in said] == [["got USR1", "got TERM", "bye"]] * 2
    shown.read()
    assert shown.text.count("shell") == 2


def test_signal_group_leaves_the_neighbours_alone(
    screen: Callable[..., Screen], secret: SecretFile, tmp_path: Path
) -> None:
    """The other processes of a pipeline are in the same group as the command, and get nothing."""
    run = f"{SECRETENV} run --signal-group {secret.option} -- {PYTHON} {CHILD}"
    shown = screen("sh", "-c", f"{PYTHON} {CHILD} >neighbour & {run}; echo ended; kill -USR1 $!; wait")
    shown.shows("ready")
    neighbour = tmp_path / "neighbour"
    until(lambda: neighbour.exists() and "ready" in neighbour.read_text())
    (wrapper,) = (
        pid for pid in shown.program.family() if b"--signal-group" in words_of(pid) and pid != shown.program.pid
    )
    os.kill(wrapper, signal.SIGTERM)
    shown.shows("ended")
    until(lambda: "got USR1" in neighbour.read_text())
    assert "got TERM" not in neighbour.read_text()


def test_the_rest_of_a_group_under_a_terminal(
    screen: Callable[..., Screen], secret: SecretFile, tmp_path: Path
) -> None:
    """When the command ends by itself the rest of the group gets one TERM, under a terminal too."""
    script = f"{PYTHON} {CHILD} >rest & until [ -s rest ]; do sleep 0.05; done"
    shown = screen(SECRETENV, "run", "--signal-group", secret.option, "--", "sh", "-c", script)
    assert shown.program.ends() == 0
    until(lambda: "bye" in (tmp_path / "rest").read_text())
    # The kernel adds a hang-up, as the leader of the session has ended.
    said = [line for line in (tmp_path / "rest").read_text().splitlines()[1:] if line not in {"got HUP", "got CONT"}]
    assert said == ["got TERM", "bye"]
