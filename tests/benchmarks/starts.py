"""From the start of a process to the exec of `true`: secretenv, and what people write without it.

Measured is the whole life of the process. `true` itself takes a millisecond, the same for all; `run` without `--once`
is there until `true` has ended, so that its own end counts against it.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from tests.benchmarks.stage import BARE, ONCE, PLAIN, RUN, SHELL, cores, missing_tools, timed
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.stage import Stage

START = {2: {"run": 1.05, "run --once": 1.0}, 1: {"run": 1.3, "run --once": 1.3}}
SLOW = 1.0  # with latency, whatever the cores
TEN = 1.3  # ten secrets, to one
CACHED = 0.35  # from the cache with 200 ms of latency, to the plain script without any

WORDS = {"plain script": PLAIN, "run": RUN, "run --once": ONCE, "bare interpreter": BARE, "shell script": SHELL}


class _Case:
    """A row, and how its next value is found."""

    def __init__(self, row: Row, stage: Stage, words: Sequence[str], number: int, **conditions: int) -> None:
        self.row = row
        self.cores = number
        self._words = words
        self._variables = stage.variables(**conditions)

    def measure(self, *, keep: bool) -> None:
        with cores(self.cores):
            cost = timed([*self._words, "true"], self._variables)
        if keep:
            self.row.values.append(cost.seconds * 1000)


def _rounds(cases: Sequence[_Case], rounds: int) -> list[Row]:
    """Measure the cases in turn, each of a round right after the other, and forget the first round."""
    for number in range(rounds + 1):
        for case in cases:
            case.measure(keep=number > 0)
    return [case.row for case in cases]


def start(stage: Stage, rounds: int) -> list[Row]:
    """No latency: what the machine itself takes."""
    return _starts("start to exec of `true`", stage, rounds, 0)


def latency(stage: Stage, rounds: int) -> list[Row]:
    """With the round trips of a real network."""
    found = []
    for milliseconds in (50, 200):
        found += _starts(f"start to exec of `true`, {milliseconds} ms network latency", stage, rounds, milliseconds)
    return found


def _starts(group: str, stage: Stage, rounds: int, milliseconds: int) -> list[Row]:
    found = []
    for number in (2, 1):
        cases: list[_Case] = []
        where = "two cores" if number > 1 else "one core"
        for what, words in WORDS.items():
            if what == "shell script" and missing_tools():
                continue
            most = START[number].get(what)
            if most and milliseconds:
                most = SLOW
            plain = cases[0].row if cases else None
            row = Row(group=group, what=what, where=where, against=plain, most=most)
            cases.append(_Case(row, stage, words, number, milliseconds=milliseconds))
        found += _rounds(cases, rounds)
        if missing_tools():
            found.append(Row(group=group, what="shell script", where=where, note=f"skipped: {missing_tools()}"))
    return found


def cache(stage: Stage, rounds: int) -> list[Row]:
    """From a cache, where AWS is far away: at once, whatever the latency, as nothing is asked before the start."""
    found = []
    with tempfile.TemporaryDirectory(prefix="secretenv-benchmark-") as folder:
        words = ["secretenv", "run", f"--cache={folder}/cache", "--cache-after=0", "--trial=0", "--"]
        timed([*words, "true"], stage.variables(milliseconds=200))  # seals what it has fetched
        for number in (2, 1):
            where = "two cores" if number > 1 else "one core"
            plain = Row(group="start from the cache", what="plain script, 0 ms network latency", where=where)
            row = Row(
                group="start from the cache",
                what="run --cache-after 0, 200 ms network latency",
                where=where,
                against=plain,
                most=CACHED,
            )
            cases = [_Case(plain, stage, PLAIN, number), _Case(row, stage, words, number, milliseconds=200)]
            found += _rounds(cases, rounds)
    return found


def secrets(stage: Stage, rounds: int) -> list[Row]:
    """One, ten and a hundred secrets."""
    found = []
    for milliseconds in (0, 50):
        cases: list[_Case] = []
        for what, words in (("run --once", ONCE), ("plain script", PLAIN)):
            one: Row | None = None
            for number in (1, 10, 100):
                where = f"{number} secret{'s' * (number > 1)}, {milliseconds} ms network latency"
                most = TEN if number == 10 and words is ONCE else None
                row = Row(group="start with more secrets", what=what, where=where, against=one, most=most)
                one = one or row
                cases.append(_Case(row, stage, words, 2, milliseconds=milliseconds, secrets=number))
        found += _rounds(cases, rounds)
    return found
