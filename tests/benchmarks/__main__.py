"""`python -m tests.benchmarks`: measure and print one table.

Ratios are what counts: everything that is compared is measured in turn, in one run, on one machine. A machine that
does other work meanwhile widens the spread, and is seen by it.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import lives, starts
from tests.benchmarks.stage import Stage, installed
from tests.benchmarks.table import machine, markdown, summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.table import Row

GROUPS: dict[str, Callable[[Stage, int], list[Row]]] = {
    "start": starts.start,
    "latency": starts.latency,
    "cache": starts.cache,
    "secrets": starts.secrets,
    "resident": lives.resident,
    "refresh": lives.refresh,
    "checks": lives.checks,
}
ROUNDS, QUICK = 20, 3


def main() -> None:
    """Measure the groups that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="What secretenv costs.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; without any: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"after one to warm up; default {ROUNDS}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds: to see that it works")
    parser.add_argument(
        "--installed", type=Path, metavar="FOLDER", help="with the programs to measure; default: a new installation"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the values there too")
    given = parser.parse_args()
    if unknown := set(given.groups) - GROUPS.keys():
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    rounds = QUICK if given.quick else given.rounds
    if rounds < 1:
        parser.error("at least one round")
    rows: list[Row] = []
    with nullcontext(given.installed) if given.installed else installed() as programs, Stage(programs) as stage:
        about = {**machine(programs), "rounds": f"{rounds}, after one to warm up"}
        for name, measure in GROUPS.items():
            if not given.groups or name in given.groups:
                sys.stderr.write(f"{name} ...\n")
                rows += measure(stage, rounds)
    sys.stdout.write(f"{markdown(rows, about)}\n{summary(rows, about)}")
    if given.json:
        document = {"machine": about, "rows": [row.to_json() for row in rows]}
        given.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
