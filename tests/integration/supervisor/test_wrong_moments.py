"""Things that happen at the wrong moment: between two steps of a start, a stop or a look at what has ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.supervisor.reaping import take_stop
from tests.integration.supervisor.test_signals import ready
from tests.integration.supervisor.test_terminal import CATCH, NAMESPACE, _supervisor, as_init, command
from tests.running import CHILD, PYTHON, SECRETENV, Program, alive, status_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.held import Held
    from tests.screen import Screen

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


@as_init
def test_a_number_that_is_anothers_by_now_is_left_alone(start: Callable[..., Program]) -> None:
    """SIGKILL to what is left of the command never reaches a process that got the number of a dead one."""
    program = start(*NAMESPACE, PYTHON, "-c", PID_REUSE)
    assert program.ends() == 0, program.err
    assert program.out == "S\n"


@as_init
def test_a_container_without_devices(start: Callable[..., Program], secret: SecretFile) -> None:
    """A root without /dev/null is enough: only who closed a standard descriptor would miss it."""
    words = "mount -t tmpfs none /dev && exec \"$@\" -- sh -c 'echo got $VALUE'"
    program = start("unshare", "--mount", "sh", "-c", words, "sh", SECRETENV, "run", secret.option)
    assert program.ends() == 0, program.err
    assert program.lines == ["got one"]


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
origin = Origin(signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
supervise(
    lambda pipe: int(not write_settings(sys.argv[1:], os.environ, pipe)), origin, early=True, exec_patience=0
)
"""


def test_a_late_refusal_is_told_with_the_end(start: Callable[..., Program], secret: SecretFile) -> None:
    """A refusal that nobody waited for any more is told when the child ends, and no status of a command."""
    script = secret.path.with_name("script")
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    program = start(PYTHON, "-c", HURRIED, secret.option, "--", str(script))
    assert program.ends() == 127
    assert f"secretenv: error: command: {script}: " in program.err


def test_a_child_that_is_killed_after_it_was_seen_stopped() -> None:
    """A child that was stopped a moment ago and is dead by now is no error; its end is found next."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert take_stop(process.pid) is None


def test_a_flood_of_signals_holds_up_nothing_that_is_due(
    run: Callable[..., Program], start: Callable[..., Program], secret: SecretFile
) -> None:
    """Checks, retries and limits keep their times while signals come without end."""

    def deaf() -> None:
        signal.signal(34, signal.SIG_IGN)  # so the command is; secretenv itself waits for it all the same

    script = "echo ready; exec sleep 1000"
    program = run(secret.option, "--interval=200ms", "--", "sh", "-c", script, preexec_fn=deaf)
    program.shows("ready")
    flood = start(PYTHON, "-c", f"import os\nprint('on',flush=True)\nwhile True: os.kill({program.pid}, 34)")
    flood.shows("on")
    secret.put({"VALUE": "two"})
    program.shows("ready", times=2)
    assert flood.process.poll() is None


def test_the_reader_of_the_command_line_is_killed(hold: Callable[..., Held], secret: SecretFile) -> None:
    """A killed helper is named, and the status is 125."""
    held = hold(secret.option, "--", "true")
    os.kill(held.reader(), signal.SIGKILL)
    assert held.program.ends() == 125
    words = "secretenv: error: secretenv: the process that reads the command line was killed by signal 9"
    assert words in held.program.err
    assert "secretenv: hint: " in held.program.err


@pytest.mark.parametrize("name", ["USR1", "TSTP"])
def test_what_is_sent_to_the_group_while_the_command_line_is_read(
    hold: Callable[..., Held], secret: SecretFile, name: str
) -> None:
    """What would be dropped before the first start ends nothing and stops nothing, whoever of us gets it."""
    script = "trap '' USR1 TSTP; echo ready; exec sleep 1000"
    # In a session of its own nothing could stop it anyway.
    held = hold(secret.option, "--", "sh", "-c", script, start_new_session=False, process_group=0)
    os.killpg(held.program.pid, getattr(signal, f"SIG{name}"))
    held.goes_on()
    held.program.shows("ready")
    held.program.send(signal.SIGTERM)
    assert held.program.ends() == -signal.SIGTERM


def test_the_refresh_signal_while_the_command_line_is_read(hold: Callable[..., Held], secret: SecretFile) -> None:
    """The refresh signal never ends anything, although it may be HUP and nobody has read yet that it is."""
    held = hold(secret.option, "--refresh-signal=HUP", "--", PYTHON, CHILD)
    reader = held.reader()
    # Both at once for secretenv, however busy the machine is: it does not wait for ever.
    held.program.send(signal.SIGSTOP)
    held.program.send(signal.SIGHUP)
    held.goes_on()
    until(lambda: status_of(reader, "State").startswith("Z"))
    held.program.send(signal.SIGCONT)
    ready(held.program)
    held.program.send(signal.SIGTERM)
    assert held.program.ends() == 0


def test_a_signal_does_not_wait_for_a_command_line_that_hangs(hold: Callable[..., Held], secret: SecretFile) -> None:
    """Before the first start TERM ends secretenv, also while its settings are on a disk that hangs."""
    program = hold(secret.option, "--", "true").program
    program.send(signal.SIGHUP)
    program.send(signal.SIGTERM)
    assert program.ends() in {-signal.SIGHUP, -signal.SIGTERM}


def test_signals_that_come_again_put_off_no_end(hold: Callable[..., Held], secret: SecretFile) -> None:
    """Somebody impatient who sends TERM again and again does not have to wait for longer than who sends one."""
    program = hold(secret.option, "--", "true").program

    def over() -> bool:
        program.send(signal.SIGTERM)
        return program.process.poll() is not None

    until(over)
    assert program.ends() == -signal.SIGTERM


def test_an_ignored_hang_up_while_the_command_line_is_read(hold: Callable[..., Held], secret: SecretFile) -> None:
    """An ignored signal stays ignored from the first moment on: a terminal closed early does not end a nohup."""

    def as_nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    held = hold(secret.option, "--", PYTHON, CHILD, preexec_fn=as_nohup)
    held.program.send(signal.SIGHUP)
    held.goes_on()
    ready(held.program)


def test_a_restart_in_the_background_leaves_the_foreground_alone(
    screen: Callable[..., Screen], secret: SecretFile
) -> None:
    """A living job that the user went on with keeps the terminal when the command is started anew behind it."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    shell.type(f"{command(secret, '--interval=50ms')} {CATCH} &\n")
    shell.shows("ready ")
    shell.type("cat\n")
    until(lambda: any(status_of(pid, "Name") == "cat" for pid in shell.program.family()))
    secret.put({"VALUE": "two"})
    shell.shows("ready ", times=2)
    for line in ("waited for already", "asked for since"):  # who waits is not told that the foreground was taken
        shell.type(f"{line}\n")
        shell.shows(line, times=2)


def test_a_restart_in_the_background_leaves_the_settings_alone(
    screen: Callable[..., Screen], secret: SecretFile
) -> None:
    """An editor that the user went on with keeps the terminal as it has set it."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    shell.type(f"{command(secret, '--refresh-signal=USR2')} {CATCH}\n")
    shell.shows("ready ")
    supervisor = _supervisor(shell)
    shell.type("\x1a")
    shell.shows("PROMPT> ", times=2)
    shell.type("bg\n")
    until(lambda: status_of(supervisor, "State").startswith("S"))
    shell.type("sh -c 'stty -echo; echo editing; exec sleep 1000'\n")
    shell.shows("editing\r\n")
    secret.put({"VALUE": "two"})
    os.kill(supervisor, signal.SIGUSR2)
    shell.shows("ready ", times=2)
    assert not shell.echo()


def test_ctrl_z_after_the_end_has_begun(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """Ctrl-Z gives the prompt back also while a command takes its time to end."""
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.type(f"{command(secret)} {CATCH} --ignore TERM --exit-on USR1\n")
    shell.shows("ready ")
    supervisor = _supervisor(shell)
    os.kill(supervisor, signal.SIGTERM)
    shell.shows("got TERM")
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.type("fg\n")
    until(lambda: status_of(supervisor, "State").startswith("S"))
    os.kill(supervisor, signal.SIGUSR1)
    shell.shows("bye")


def test_a_job_of_the_background_finds_its_terminal_again(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """What was begun with & and came to the foreground by fg finds echo after a killed program too."""
    go, once = secret.path.with_name("go"), secret.path.with_name("once")
    first = f"touch {once}; until [ -e {go} ]; do sleep 0.05; done; stty -echo -icanon; echo deaf; exec sleep 1000"
    script = f"if [ -e {once} ]; then read x; echo next got $x; else {first}; fi"
    shell = screen("bash", "--norc", "--noprofile", "-i")
    shell.shows("PROMPT> ")
    options = ("--interval=50ms", "--kill-timeout=100ms", "--kill-signal=KILL")
    shell.type(f"{command(secret, *options)} bash -c '{script}' &\n")
    until(once.exists)
    shell.type("fg\n")
    supervisor = _supervisor(shell)
    until(lambda: _foreground(supervisor) == os.getpgid(supervisor))
    go.touch()
    shell.shows("deaf\r\n")
    assert not shell.echo()
    secret.put({"VALUE": "two"})
    until(shell.echo)
    shell.type("some keys\n")
    shell.shows("next got some keys")


def _foreground(pid: int) -> int:
    """Return the foreground group of a process's terminal."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().rpartition(")")[2].split()[5])


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


def test_a_signal_that_cannot_be_died_of(run: Callable[..., Program], secret: SecretFile) -> None:
    """Of two signals glibc does not let a process die in its own name: 128+N."""
    # glibc's posix_spawn leaves one of the two ignored, and Python 3.13 starts the tests' processes with that.
    ignored = int(status_of(os.getpid(), "SigIgn"), 16)
    number = next((each for each in (32, 33) if not ignored >> (each - 1) & 1), None)
    if number is None:
        pytest.skip("whoever started the tests ignores both")
    program = run(secret.option, "--", PYTHON, "-c", f"import os; os.kill(os.getpid(), {number})")
    assert program.ends() == 128 + number
    assert program.err == ""


def test_no_core_of_ours(start: Callable[..., Program], secret: SecretFile, tmp_path: Path) -> None:
    """Core dumps are off where secretenv passes a death on, whatever the limit is: it would hold the values."""
    script = f"ulimit -c unlimited; exec {SECRETENV} run {secret.option} -- sh -c 'kill -SEGV $$'"
    program = start("sh", "-c", script)
    ended = os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    assert (ended.si_code, ended.si_status) == (os.CLD_KILLED, signal.SIGSEGV)


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
