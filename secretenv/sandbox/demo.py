"""`secretenv demo`: show a rotation from start to end on a sandbox, explained while it happens.

It starts the real `secretenv run` in a subprocess and shows its output; only AWS is staged.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from secretenv.sandbox.command import variables
from secretenv.sandbox.starting import started
from secretenv.sandbox.world import FIRST_VALUE, SECRET
from secretenv.supervisor.ending import die

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROGRAM = ["sh", "-c", 'echo "program $$ started: GREETING=$GREETING"; exec sleep 60']
OPTIONS = ["run", "--interval", "1s"]
SECOND_VALUE = {"GREETING": "good evening", "DB_PASSWORD": "tr0ub4dor-and-3"}

# Together with the start of the sandbox less than the 20 seconds that the demo may take.
FIRST_DEADLINE = 8.0
CHANGE_DEADLINE = 6.0
END_DEADLINE = 4.0


# What ends the demo early: a closed terminal window is a HUP. INT is Python's own KeyboardInterrupt.
ENDING = frozenset({signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})


class Untold(Exception):  # noqa: N818 - the end of the story, not an error of a caller
    """A sentence that says what did not happen."""


class Interrupted(BaseException):
    """A signal that ends the demo: first everything that it made is cleared away."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def demo(secretenv: Sequence[str] = (sys.executable, "-P", "-m", "secretenv")) -> int:
    """Tell the story on standard output and return 0, or 1 if it did not happen as it should.

    Args:
        secretenv: the words that start secretenv.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    try:
        with _interrupted_by(ENDING):
            _tell(console, secretenv)
    except Interrupted as error:
        die(error.signum)
    except Untold as error:
        console.print(f"\nthe demo failed: {error}", style="bold red")
        return 1
    return 0


def _tell(console: Console, secretenv: Sequence[str]) -> None:
    _say(console, "A local AWS starts: a credentials provider with mutual TLS, Secrets Manager with IAM.")
    _command(console, "secretenv", "sandbox", "--", '"$SHELL"')
    _shown(console, "# run this afterwards to try the lines below yourself", "dim")
    with started() as sandbox:
        added = variables(sandbox)
        for name in sorted(added):
            console.print(f"  {name}={added[name]}", style="dim")
        _say(console, f"The secret {SECRET} holds {json.dumps(FIRST_VALUE)} (fake values).")
        _say(console, "A program runs with the secret's keys as its variables; all it needed was the certificate.")
        _command(console, *map(shlex.quote, ["secretenv", *OPTIONS, "--", *PROGRAM]))
        with _running([*secretenv, *OPTIONS, "--", *PROGRAM], added) as process:
            output = Output(process, console)
            output.expect(f"GREETING={FIRST_VALUE['GREETING']}", within=FIRST_DEADLINE)
            _say(console, "The secret gets a new version. Nobody touches the program.")
            _command(console, "sh", '"$SANDBOX_ROTATE"', shlex.quote(json.dumps(SECOND_VALUE)))
            sandbox.rotate(SECRET, SECOND_VALUE)
            output.expect(f"GREETING={SECOND_VALUE['GREETING']}", within=CHANGE_DEADLINE)
            _say(console, "secretenv saw the new version and restarted the program with it. TERM stops both.")
            _command(console, "kill", "-TERM", str(process.pid))
            process.send_signal(signal.SIGTERM)
            output.expect_end(within=END_DEADLINE)
    _say(console, "Everything is gone again: processes, ports, certificates.", style="bold green")


class Output:
    """What a process writes, shown line by line while it is searched."""

    def __init__(self, process: subprocess.Popen[bytes], console: Console) -> None:
        self._descriptor = process.stdout.fileno() if process.stdout else -1
        self._console = console
        self._rest = b""

    def expect(self, text: str, *, within: float) -> None:
        """Show lines until one has the text in it.

        Raises:
            Untold: it did not come in time, or the process ended before.
        """
        for line in self._lines(within):
            if text in line:
                return
        if self._descriptor < 0:
            raise Untold(f"secretenv ended before its program wrote {text!r}")
        raise Untold(f"the program did not write {text!r} within {within:g} s")

    def expect_end(self, *, within: float) -> None:
        """Show lines until the process and all it started have closed the pipe.

        Raises:
            Untold: they have not, in time.
        """
        for _line in self._lines(within):
            pass
        if self._descriptor >= 0:
            raise Untold(f"secretenv did not end within {within:g} s of TERM")

    def _lines(self, within: float) -> Iterator[str]:
        end = time.monotonic() + within
        while self._descriptor >= 0:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                text = line.decode(errors="replace")
                _shown(self._console, f"  {text}", "cyan")
                yield text
            if not select.select([self._descriptor], [], [], max(0, end - time.monotonic()))[0]:
                return
            received = os.read(self._descriptor, 65536)
            if not received:
                self._descriptor = -1
            self._rest += received


@contextmanager
def _interrupted_by(signals: frozenset[signal.Signals]) -> Iterator[None]:
    """Raise `Interrupted` where one of these signals arrives, once; one that the caller ignores stays ignored."""

    def interrupt(signum: int, _frame: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # a second one has nothing to add to the clean-up
        raise Interrupted(signum)

    before = {each: signal.getsignal(each) for each in signals if signal.getsignal(each) is not signal.SIG_IGN}
    for each in before:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _running(command: list[str], added: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start secretenv with nothing of the caller's own settings, and leave none of it behind."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("SECRETENV_", "AWS_"))}
    with subprocess.Popen(
        command,
        env={**inherited, **added},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield process
        finally:
            # After the story this does nothing; if it kills secretenv, the program dies too.
            process.kill()


def _say(console: Console, text: str, *, style: str = "bold") -> None:
    console.print()
    _shown(console, text, style)


def _shown(console: Console, text: str, style: str) -> None:
    """Show a line; a terminal that is too narrow gets it in several, broken between words."""
    if console.is_terminal:
        text = textwrap.fill(text, console.width, break_long_words=False, break_on_hyphens=False)
    console.print(text, style=style)


def _command(console: Console, *words: str) -> None:
    """Show a command, each word as a shell takes it; broken between words it can still be copied."""
    lines = ["$"]
    for word in words:
        # Two characters are for the backslash.
        if console.is_terminal and len(lines[-1]) + 1 + len(word) > console.width - 2:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {word}"
    console.print("\n".join(lines), style="green")
