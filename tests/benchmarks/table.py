"""Measured values as rows: medians with their spread, ratios to what they are compared with, and targets."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_VERSIONS = "import sys, importlib.metadata as m; print(*[f'{n} {m.version(n)}' for n in sys.argv[1:]], sep=', ')"
LIBRARIES = ("typer", "requests", "boto3", "botocore", "urllib3")


@dataclass(slots=True, kw_only=True)
class Row:
    """One thing that was measured, under one condition.

    Attributes:
        values: one a round; those of the same round were measured one right after the other.
        against: the row that it is compared with, of the same length.
        most: the target: a ratio if there is `against`, else in `unit`; None: there is none.
        note: why there are no values, or what they are.
    """

    group: str
    what: str
    where: str = ""
    unit: str = "ms"
    values: list[float] = field(default_factory=list)
    against: Row | None = None
    most: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Where the middle half of the values begins and ends."""
        return _quartiles(self.values)

    @property
    def ratio(self) -> float | None:
        """The median, divided by that of `against`."""
        if self.against is None or not self.values or not self.against.values:
            return None
        return self.median / self.against.median if self.against.median else None

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        other = self.against.values if self.against is not None else []
        return [mine / theirs for mine, theirs in zip(self.values, other, strict=False) if theirs]

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None: there is none, or nothing was measured."""
        found = self.median if self.against is None and self.values else self.ratio
        return None if self.most is None or found is None else found <= self.most

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON types."""
        found: dict[str, Any] = {
            "group": self.group,
            "what": self.what,
            "where": self.where,
            "unit": self.unit,
            "values": self.values,
            "note": self.note,
            "target": self.most,
            "ratio": self.ratio,
            "met": self.met,
        }
        if self.values:
            found |= {"median": self.median, "quartiles": self.quartiles}
        if self.against is not None:
            found |= {"against": f"{self.against.what}, {self.against.where}", "ratio_quartiles": None}
            if self.ratios:
                found["ratio_quartiles"] = _quartiles(self.ratios)
        return found


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return (values[0], values[0])
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (low, high)


def machine(programs: Path) -> dict[str, str]:
    """Return what the numbers depend on, with what is installed beside these programs."""
    asked = [str(programs / "python"), "-c", _VERSIONS, *LIBRARIES]
    libraries = subprocess.run(asked, check=True, capture_output=True, text=True)
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.lower().startswith(("model name", "hardware"))
        ),
        platform.machine(),
    )
    memory = Path("/proc/meminfo").read_text("utf-8").split()[1]
    return {
        "cpu": f"{len(os.sched_getaffinity(0))} cores of {model}",
        "memory": f"{int(memory) / 1048576:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "python": platform.python_version(),
        "libraries": libraries.stdout.strip(),
        "load": f"{os.getloadavg()[0]:.2f} before the first round",
    }


def markdown(rows: Iterable[Row], about: dict[str, str]) -> str:
    """Return everything as a table to be read, in the terminal or in a README."""
    lines = [f"- {name}: {text}" for name, text in about.items()]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", f"**{group}**", "", "| what | where | median | middle half | ratio | target |"]
            lines.append("| --- | --- | ---: | ---: | ---: | --- |")
        lines.append("| " + " | ".join(_cells(row)) + " |")
    return "\n".join(lines) + "\n"


def summary(rows: Iterable[Row], about: dict[str, str]) -> str:
    """Return what has a target as a short table, with the machine in a sentence: for the README."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row in rows:
        if row.most is not None and row.values:
            medians, targets = found.setdefault(f"{row.group}, {row.what}", ([], []))
            ratio = "" if row.ratio is None else f" ({row.ratio:.2f})"
            medians.append(f"{row.where} {_amount(row)}{ratio}")
            targets.append(f"{row.most:g}{'' if row.met else ' **not met**'}")
    lines = [
        "| what | median (ratio to the plain script; last start row: ratio to a start with one secret) | target |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {what} | {'; '.join(medians)} | {'; '.join(targets)} |" for what, (medians, targets) in found.items()]
    machine = "; ".join(about[name] for name in ("cpu", "memory", "system", "libraries"))
    return "\n".join([*lines, "", f"Python {about['python']}; {machine}; rounds: {about['rounds']}."]) + "\n"


def _amount(row: Row) -> str:
    return f"{_number(row.median)} {row.unit}".rstrip()


def _target(row: Row) -> str:
    return "" if row.most is None else f"at most {row.most:g}: {'met' if row.met else 'not met'}"


def _cells(row: Row) -> list[str]:
    if not row.values:
        return [row.what, row.where, "-", "-", "-", row.note]
    low, high = row.quartiles
    ratio = ""
    if row.ratio is not None:
        ratio = f"{row.ratio:.2f}"
        if row.ratios and len(row.ratios) > 1:
            first, last = _quartiles(row.ratios)
            ratio += f" ({first:.2f} to {last:.2f})"
    spread = f"{_number(low)} to {_number(high)}" if len(row.values) > 1 else ""
    return [row.what, row.where, _amount(row), spread, ratio, _target(row) or row.note]


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
