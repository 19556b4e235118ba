"""The trial of new versions with real processes: what a bad version leaves, and what it costs."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import CHANGED
from tests.integration.supervisor.test_terminal import NAMESPACE, as_init, init_of
from tests.running import PYTHON, SECRETENV, alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SecretFile
    from tests.running import Program
    from tests.screen import Screen

# A command that does what its value says: each start writes a line. `good` values stay.
COMMAND = """
import os, signal, sys, time
value = os.environ["VALUE"]
kind, _, argument = value.partition(" ")
if kind == "fine":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(3))
print("start", value, os.getpid(), flush=True)
if kind == "exit":
    code, seconds = argument.split()
    time.sleep(float(seconds))
    sys.exit(int(code))
if kind == "signal":
    os.kill(os.getpid(), int(argument))
signal.pause()
"""
QUICK = ("--interval=50ms", "--kill-timeout=1s")


def starts(text: str) -> list[str]:
    """Return the values that the command was started with, in order."""
    return [line.split(" ", 1)[1].rpartition(" ")[0] for line in text.splitlines() if line.startswith("start ")]


def pid_of(text: str) -> int:
    """Return the process of the last start."""
    return int(text.rsplit(maxsplit=1)[-1])


@pytest.fixture
def trying(run: Callable[..., Program], secret: SecretFile) -> Callable[..., Program]:
    """Return a function that runs the command with a good value."""

    def begin(*options: str, **given: object) -> Program:
        secret.put({"VALUE": "good"})
        program = run(secret.option, *QUICK, *options, "--", PYTHON, "-c", COMMAND, **given)
        program.shows("start good")
        return program

    return begin


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("exit 1 0.2", "exit status 1"),
        ("exit 3 0", "exit status 3"),
        (f"signal {int(signal.SIGSEGV)}", "killed by SEGV"),
        (f"signal {int(signal.SIGKILL)}", "killed by KILL"),
    ],
)
def test_a_bad_version(trying: Callable[..., Program], secret: SecretFile, bad: str, why: str) -> None:
    """It is taken back once, refused in each later check, and the next version is tried."""
    program = trying()
    secret.put({"VALUE": bad})
    program.shows("start good", times=2)
    program.logs(f"error: rotation: the command did not survive the new version of {secret.option[9:]} ({why})")
    said = len(program.err)
    until(lambda: program.err.count("survive") == 1)
    secret.put({"VALUE": "better"})
    program.shows("start better")
    assert starts(program.out) == ["good", bad, "good", "better"]
    assert "VALUE" not in program.err[said:].replace("variables changed: VALUE", "")
    program.send(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM


def test_it_is_not_tried_again(trying: Callable[..., Program], secret: SecretFile) -> None:
    """Twenty checks that find the refused version start nothing; a refresh does."""
    program = trying("--refresh-signal=USR1", "--log-level=debug")
    secret.put({"VALUE": "exit 1 0"})
    program.shows("start good", times=2)
    program.logs("no new version", times=program.err.count("no new version") + 20)
    assert starts(program.out) == ["good", "exit 1 0", "good"]
    program.send(signal.SIGUSR1)
    program.shows("start good", times=3)
    assert starts(program.out) == ["good", "exit 1 0", "good", "exit 1 0", "good"]


def test_a_success(trying: Callable[..., Program], secret: SecretFile) -> None:
    """Exit status 0 is no failure: it ends secretenv."""
    program = trying()
    secret.put({"VALUE": "exit 0 0.1"})
    assert program.ends() == 0
    assert starts(program.out) == ["good", "exit 0 0.1"]


def test_after_the_trial(trying: Callable[..., Program], secret: SecretFile) -> None:
    """A failure after the trial is the command's own affair."""
    program = trying("--trial=300ms")
    secret.put({"VALUE": "exit 4 1.5"})
    program.logs("the command survived the new version")
    assert program.ends() == 4
    assert starts(program.out) == ["good", "exit 4 1.5"]


def test_both_are_bad(run: Callable[..., Program], secret: SecretFile, tmp_path: Path) -> None:
    """If the old values fail too, secretenv ends as the command did then, and starts nothing more."""
    code = f"""
import os, sys, time
print("start", os.environ["VALUE"], 0, flush=True)
again = os.path.exists({str(tmp_path / "once")!r})
open({str(tmp_path / "once")!r}, "w").close()
if os.environ["VALUE"] == "bad": sys.exit(3)
if again: sys.exit(7)
time.sleep(1000)
"""
    secret.put({"VALUE": "good"})
    program = run(secret.option, *QUICK, "--", PYTHON, "-c", code)
    program.shows("start good")
    secret.put({"VALUE": "bad"})
    assert program.ends() == 7
    assert starts(program.out) == ["good", "bad", "good"]


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_during_the_trial(trying: Callable[..., Program], secret: SecretFile, name: str) -> None:
    """A command that fails because it was asked to end is not started any more."""
    program = trying()
    secret.put({"VALUE": "fine"})
    program.shows("start fine")
    program.send(getattr(signal, f"SIG{name}"))
    assert program.ends() == 3
    assert starts(program.out) == ["good", "fine"]


def test_ctrl_c_during_the_trial(screen: Callable[..., Screen], secret: SecretFile) -> None:
    """Ctrl-C reaches the command, which fails of it: that is not the rotation's fault."""
    secret.put({"VALUE": "good"})
    shown = screen(SECRETENV, "run", secret.option, *QUICK, "--", PYTHON, "-c", COMMAND)
    shown.shows("start good")
    secret.put({"VALUE": "fine"})
    shown.shows("start fine")
    shown.type("\x03")
    shown.program.ends()
    shown.read()
    assert "survive" not in shown.text
    assert shown.text.count("start ") == 2


def test_the_old_version_is_back(trying: Callable[..., Program], secret: SecretFile) -> None:
    """When the source goes back nothing is restarted, and the bad version is news afterwards."""
    program = trying("--log-level=debug", "--trial=30s")
    secret.put({"VALUE": "exit 1 0"})
    program.shows("start good", times=2)
    secret.put({"VALUE": "good"})
    program.logs("checking again before switching back")
    assert starts(program.out) == ["good", "exit 1 0", "good"]


def test_files_are_the_old_ones_again(run: Callable[..., Program], secret: SecretFile) -> None:
    """What the command reads from a file is of the same version as its variables."""
    secret.put({"VALUE": "good", "key": "old"})
    code = 'read -r text <"$KEY"; echo "start $text 0"; [ "$text" = old ] && exec sleep 1000; exit 1'
    words = (secret.option, f"--secret-file=KEY={secret.option[9:]}#key", *QUICK, "--", "sh", "-c", code)
    program = run(*words)
    program.shows("start old")
    secret.put({"VALUE": "bad", "key": "new"})
    program.shows("start old", times=2)
    assert starts(program.out) == ["old", "new", "old"]


# How the dead command left a process that holds a port.
WAYS = {
    "child": "subprocess.Popen(server)",
    "session": "subprocess.Popen(server, start_new_session=True)",
    "daemon": "subprocess.Popen([sys.executable, '-c', daemon])",
    "no environment": "subprocess.Popen(server, start_new_session=True, env={})",
}
SERVER = """
import os, subprocess, sys, time, socket, signal
port = int(sys.argv[1])
value = os.environ["VALUE"]
server = [sys.executable, "-c", f"import socket, time\\ns = socket.socket()\\ns.bind(('127.0.0.1', {port}))\\n"
    "s.listen()\\nprint('holds', flush=True)\\ntime.sleep(1000)"]
daemon = f"import os, subprocess\\nif os.fork(): os._exit(0)\\nos.setsid()\\nsubprocess.Popen({server!r})"
print("start", value, os.getpid(), flush=True)
if value == "bad":
    WAY
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.01)
    sys.exit(3)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", port))
s.listen()
print("serves", flush=True)
signal.pause()
"""


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("home", ["group", "terminal", pytest.param("init", marks=as_init)])
def test_a_port_is_free_again(
    start: Callable[..., Program], screen: Callable[..., Screen], secret: SecretFile, home: str, way: str
) -> None:
    """What the dead new command left behind is gone when the old one starts, wherever it hid."""
    if home == "init" and way == "no environment":
        pytest.skip("as PID 1 it cannot be told from a stranger's")
    secret.put({"VALUE": "good"})
    code = SERVER.replace("WAY", WAYS[way])
    words = [SECRETENV, "run", secret.option, *QUICK, "--", PYTHON, "-c", code, str(free_port())]
    if home == "terminal":
        shown = screen(*words)
        shown.shows("serves")
        secret.put({"VALUE": "bad"})
        shown.shows("serves", times=2)
        return
    program = start(*(NAMESPACE if home == "init" else []), *words)
    program.shows("serves")
    secret.put({"VALUE": "bad"})
    program.shows("serves", times=2)
    assert starts(program.out) == ["good", "bad", "good"]


@as_init
def test_a_stranger_that_was_adopted(start: Callable[..., Program], secret: SecretFile) -> None:
    """As PID 1 it adopts what `docker exec` leaves: that is not the command's, even if it came during the trial."""
    secret.put({"VALUE": "good"})
    program = start(*NAMESPACE, SECRETENV, "run", secret.option, *QUICK, "--", PYTHON, "-c", COMMAND)
    program.shows("start good")
    secret.put({"VALUE": "exit 1 1"})
    program.shows("start exit 1 1")
    init = init_of(program)
    enter = ["nsenter", "--target", str(init), "--pid", "--mount"]
    visitor = start(*enter, "setsid", "sh", "-c", "(exec sleep 1000) & echo left $!")
    assert visitor.ends() == 0
    program.shows("start good", times=2)
    inside = start(*enter, "sh", "-c", "pgrep -x sleep | wc -l")
    assert inside.ends() == 0
    assert inside.out.strip() == "1"


def test_the_detour_is_short(trying: Callable[..., Program], secret: SecretFile) -> None:
    """From the death of the new command to the start of the old one it takes no more than a moment."""
    program = trying()
    secret.put({"VALUE": "exit 1 0"})
    program.shows("start exit 1 0")
    dead = pid_of(program.out)
    until(lambda: not alive(dead))
    began = time.monotonic()
    program.shows("start good", times=2)
    assert time.monotonic() - began < 5, "generous: about 0.1 s"


def test_no_trial_where_it_ends(trying: Callable[..., Program], secret: SecretFile) -> None:
    """--on-change exit: whoever starts it again has the new values; there is nothing to go back to."""
    program = trying("--on-change=exit")
    secret.put({"VALUE": "exit 1 0"})
    assert program.ends() == CHANGED
    assert starts(program.out) == ["good"]


def test_events(trying: Callable[..., Program], secret: SecretFile) -> None:
    """Programs that read JSON lines find what happened in `event`."""
    program = trying("--log-format=json")
    secret.put({"VALUE": "exit 1 0"})
    program.logs('"event": "restored"')
    lines = [line for line in program.err.splitlines() if '"event"' in line]
    found = [line.partition('"event": "')[2].partition('"')[0] for line in lines]
    assert found == ["new_version", "restart", "trial_failed", "restored"]
    assert os.getpid() not in program.family()
