"""`secretenv demo` tells the story with the real `secretenv run`, and says so when it does not come true."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import TYPE_CHECKING

import pytest

from secretenv.sandbox.demo import OPTIONS, PROGRAM, demo
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Program

DEMO = [sys.executable, "-c", "import sys; from secretenv.sandbox.demo import demo; sys.exit(demo())"]


def test_the_story() -> None:
    """It shows each command, the first value, the restart with the second, and ends with 0 within 20 seconds."""
    begin = time.monotonic()
    done = subprocess.run(DEMO, check=False, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - begin < 20
    parts = [
        "$ secretenv run --interval 1s -- sh -c ",
        "started: GREETING=hello",
        '$ sh "$SANDBOX_ROTATE" ',
        "started: GREETING=good evening",
        "$ kill -TERM ",
    ]
    places = [done.stdout.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("changed", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(changed: dict[str, str], coloured: bool) -> None:  # noqa: FBT001 - a parameter
    """On a terminal it is coloured, unless NO_COLOR is set, and broken between words; commands can be copied."""
    primary, replica = os.openpty()
    fcntl.ioctl(replica, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    kept = {name: text for name, text in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    # The beginning of the story is enough.
    program = DEMO[2].replace("demo()", "demo([sys.executable, '-c', 'print(\"word \" * 40)'])")
    subprocess.run(
        [sys.executable, "-c", program], env={**kept, "TERM": "xterm", **changed}, stdout=replica, check=False
    )
    os.close(replica)
    seen = b""
    try:
        while received := os.read(primary, 65536):
            seen += received
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(primary)

    assert b"A local AWS starts" in seen
    assert (b"\x1b[1;32m" in seen or b"\x1b[32m" in seen) is coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode())
    assert max(len(line) for line in plain.splitlines()) <= 80
    assert not re.search(r"word\S|wor$", plain, re.MULTILINE)
    (command,) = re.findall(r"^\$ (secretenv run .*?[^\\])$", plain.replace("\r", ""), re.MULTILINE | re.DOTALL)
    assert shlex.split(command.replace("\\\n", "")) == ["secretenv", *OPTIONS, "--", *PROGRAM]


def test_a_story_that_does_not_come_true(capfd: pytest.CaptureFixture[str]) -> None:
    """If secretenv ends without the expected output the demo ends with 1 and one sentence; nothing is left behind."""
    threads = set(threading.enumerate())

    assert demo([sys.executable, "-c", "print('something else')"]) == 1

    out, err = capfd.readouterr()
    assert "  something else" in out
    assert "the demo failed: secretenv ended before its program wrote 'GREETING=hello'" in out
    assert err == ""
    assert set(threading.enumerate()) == threads


def test_a_story_that_takes_too_long(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If the output does not come in time the demo says so and kills what it started."""
    monkeypatch.setattr("secretenv.sandbox.demo.FIRST_DEADLINE", 0.3)

    assert demo(["sh", "-c", "exec sleep 60"]) == 1

    assert "within 0.3 s" in capfd.readouterr().out


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_a_story_that_is_broken_off(start: Callable[..., Program], signum: signal.Signals) -> None:
    """A signal ends the demo, and leaves neither the program nor the certificates behind."""
    begun = start(SECRETENV, "demo")
    begun.shows("started: GREETING=hello")
    begun.send(signum)

    assert begun.ends() == (130 if signum == signal.SIGINT else -signum)
    assert "Traceback" not in begun.err
    assert not begun.group(begun.pid)
    assert not list(begun.folder.glob("secretenv-sandbox-*"))
