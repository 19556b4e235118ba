"""What a running secretenv costs: memory, wake-ups, the CPU of its checks, and the way from a signal to a new command.

The command is a shell that says that it lives and then sleeps: it stops at once.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.stage import PLAIN, start, timed
from tests.benchmarks.table import Row
from tests.running import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.stage import Stage

RESIDENT = 11.0  # MiB
CHECK = 0.9  # of the plain script's CPU
REFRESH = 1.1  # of the plain script and the command's own stop

COMMAND = ("sh", "-c", "echo lives; exec sleep 100000")
RUN = ("secretenv", "run", "--interval=24h", "--refresh-signal=USR1", "--log-level=debug", "--")
SLEEPER = ("python", "-I", "-c", "print('lives', flush=True); import signal; signal.pause()")
CHECKED = "no new version"  # the line that ends a check, at debug level
DAY = 86400
LIFE, MARGIN = 3600, 300  # seconds: of credentials, and before their end for a new exchange (see `temporary`)
SETTLED = 0.2  # seconds in which the last check has been put away
SHORT = 1.0  # seconds that credentials live when each check is to make an exchange
TICKS = os.sysconf("SC_CLK_TCK")


class Life:
    """A program that says `lives` on standard output, by itself or by its command, each time that it starts.

    Args:
        words: its argv.
        stage: whose services it asks.
    """

    def __init__(self, words: Sequence[str], stage: Stage) -> None:
        out, their_out = os.pipe()
        err, their_err = os.pipe()
        self.pid = start(words, stage.variables(), out=their_out, err=their_err)
        os.close(their_out)
        os.close(their_err)
        self._out, self._err = os.fdopen(out), os.fdopen(err)
        self.lives()

    def lives(self) -> float:
        """Wait for the next start and return when it was."""
        assert self._out.readline() == "lives\n", "it did not start"
        return time.perf_counter()

    def says(self, words: str) -> float:
        """Wait for a line with these words on standard error and return when it came."""
        while words not in (line := self._err.readline()):
            assert line, f"it ended without {words!r}"
        return time.perf_counter()

    def check(self) -> None:
        """Have secretenv look for a new version, of which there is none."""
        os.kill(self.pid, signal.SIGUSR1)
        self.says(CHECKED)

    def end(self) -> None:
        """End it, which its command does not hold up."""
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        self._out.close()
        self._err.close()


@contextmanager
def _life(words: Sequence[str], stage: Stage) -> Iterator[Life]:
    life = Life(words, stage)
    try:
        yield life
    finally:
        life.end()


def resident(stage: Stage, rounds: int) -> list[Row]:
    """What stays after a few checks: all processes but the command."""
    group = "resident beside the command, after three checks"
    memory = Row(group=group, what="run", where="RSS", unit="MiB", most=RESIDENT)
    private = Row(group=group, what="run", where="private memory", unit="MiB")
    processes = Row(group=group, what="run", where="processes", unit="", most=1)
    threads = Row(group=group, what="run", where="threads", unit="", most=1)
    wakes = Row(group=group, what="run", where="context switches a minute", unit="", most=0)
    bare = Row(group=group, what="bare interpreter", where="RSS", unit="MiB")
    bare_private = Row(group=group, what="bare interpreter", where="private memory", unit="MiB")
    seconds = min(10.0, rounds)
    for _ in range(min(rounds, 5)):
        with _life([*RUN, *COMMAND], stage) as life, _life(SLEEPER, stage) as sleeper:
            for _ in range(3):
                life.check()
            family = [life.pid, *(pid for pid in _children(life.pid) if status_of(pid, "Name") != "sleep")]
            memory.values.append(sum(_mebibytes(pid, "Rss:") for pid in family))
            private.values.append(sum(_mebibytes(pid, "Private_") for pid in family))
            processes.values.append(len(family))
            threads.values.append(sum(int(status_of(pid, "Threads")) for pid in family))
            time.sleep(SETTLED)
            before = sum(map(_switches, family))
            time.sleep(seconds)
            wakes.values.append((sum(map(_switches, family)) - before) * 60 / seconds)
            bare.values.append(_mebibytes(sleeper.pid, "Rss:"))
            bare_private.values.append(_mebibytes(sleeper.pid, "Private_"))
    return [memory, private, processes, threads, wakes, bare, bare_private]


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]


def _mebibytes(pid: int, start_of_line: str) -> float:
    """Return the sum of lines of smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(start_of_line)) / 1024


def _switches(pid: int) -> int:
    return sum(int(status_of(pid, field)) for field in ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))


def refresh(stage: Stage, rounds: int) -> list[Row]:
    """From the refresh signal to the first instruction of the new command, and what it is made of.

    Compared with who stops the command by hand and starts the plain script again.
    """
    group = "refresh signal to the new command"
    again = Row(group=group, what="plain script", where="command's own stop, then the script")
    stop = Row(group=group, what="plain script", where="part: command's own stop")
    whole = Row(group=group, what="run", where="total", against=again, most=REFRESH)
    fetch = Row(group=group, what="run", where="part: fetch")
    swap = Row(group=group, what="run", where="part: stop and spawn")
    with _life([*RUN, *COMMAND], stage) as life:
        for number in range(rounds + 1):
            stage.tell(rotate=number)
            began = time.perf_counter()
            os.kill(life.pid, signal.SIGUSR1)
            known = life.says("has a new version")
            lives = life.lives()
            old = Life(COMMAND, stage)
            ended = time.perf_counter()
            old.end()
            stopped = time.perf_counter()
            new = Life([*PLAIN, *COMMAND], stage)
            script = time.perf_counter() - ended
            new.end()
            if number:
                whole.values.append((lives - began) * 1000)
                fetch.values.append((known - began) * 1000)
                swap.values.append((lives - known) * 1000)
                stop.values.append((stopped - ended) * 1000)
                again.values.append(script * 1000)
    return [whole, fetch, swap, again, stop]


def checks(stage: Stage, rounds: int) -> list[Row]:
    """The CPU of one check with the credentials of an earlier one, of one that makes an exchange, and of a day."""
    group = "CPU of one check"
    script = Row(group=group, what="plain script")
    check = Row(group=group, what="run", where="with credentials from an earlier check", against=script, most=CHECK)
    exchange = Row(group=group, what="run", where="with an exchange", against=script, most=CHECK)
    with _life([*RUN, *COMMAND], stage) as life:
        life.check()
        for _ in range(rounds):
            check.values.append(_cpu_of_check(life) * 1000)
            script.values.append(timed([*PLAIN, "true"], stage.variables()).cpu * 1000)
    stage.tell(life=SHORT)
    with _life([*RUN, *COMMAND], stage) as life:
        for _ in range(rounds):
            time.sleep(2 * SHORT)
            exchange.values.append(_cpu_of_check(life) * 1000)
    stage.tell(life=None)
    return [check, exchange, script, *_days(check, exchange)]


def _cpu_of_check(life: Life) -> float:
    """Return the CPU seconds of a check, of the supervisor and of its children that have ended."""
    before = _cpu(life.pid)
    life.check()
    return _cpu(life.pid) - before


def _cpu(pid: int) -> float:
    # proc(5): utime, stime, cutime and cstime, counted after the name, which may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _days(check: Row, exchange: Row) -> list[Row]:
    """Return CPU seconds a day: a multiplication, with an exchange as often as credentials of an hour need one."""
    found = []
    for words, interval in (("30 s", 30), ("5 min", 300), ("1 h", 3600)):
        a_day = DAY / interval
        exchanges = min(a_day, DAY / (LIFE - MARGIN))
        seconds = ((a_day - exchanges) * check.median + exchanges * exchange.median) / 1000
        found.append(Row(group="CPU of a day", what="run", where=f"--interval {words}", unit="s", values=[seconds]))
    return found
