"""Judge runs as a plugin of a monitoring system does: a status, one line, and performance data. Pure.

The form: https://www.monitoring-plugins.org/doc/guidelines.html. Nagios, Icinga, Naemon and Checkmk read it.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from secretenv.cli.status.shown import DAY, certificate, refusal, unconfirmed
from secretenv.wording import printable, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretenv.cli.status.finding import Run
    from secretenv.errors import SecretenvError

MAX_AGE = 3600.0  # seconds; of the values, unless the option or a long interval says otherwise
RENEW = 14 * DAY  # seconds; a certificate that expires within these is a warning
# Links that break where AWS refuses this device. Waiting does not help: someone has to change something at AWS or give
# the device another certificate. All other faults may pass (an outage, a wrong clock, a half written file); `secret`
# may be a deleted secret or an outage. These are critical only once the values are too old.
REFUSALS = frozenset({"certificate", "thing name", "policy", "role alias", "role", "KMS"})


class Level(IntEnum):
    """The statuses of a plugin, which are its exit statuses."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


# The worst first. A run that was asked for and is not there may be worse than one that only warns.
_ORDER = (Level.CRITICAL, Level.UNKNOWN, Level.WARNING, Level.OK)


class Verdict(NamedTuple):
    """A status, and why."""

    level: Level
    text: str


def check(
    runs: Sequence[Run], problems: Sequence[SecretenvError], epoch: float, max_age: float | None
) -> tuple[int, str]:
    """Return the exit status and the line.

    Args:
        runs: those that were found.
        problems: why others were not.
        epoch: the time, in seconds since the epoch.
        max_age: seconds; a run with older values is critical. None for the default.
    """
    found = [judged(run, epoch, max_age) for run in runs]
    found += [Verdict(Level.UNKNOWN, error.message) for error in problems]
    found.sort(key=lambda verdict: _ORDER.index(verdict.level))
    worst = found[0].level
    data = " ".join(_data(run, name, epoch, max_age) for run, name in zip(runs, _names(runs), strict=True))
    # What follows a `|` is data.
    text = printable("; ".join(verdict.text for verdict in found)).replace("|", "/")
    return worst, f"SECRETENV {worst.name} - {text}{f' | {data}' if data else ''}\n"


def judged(run: Run, epoch: float, max_age: float | None) -> Verdict:
    """Return the verdict on a run: its worst trouble decides, and all are named, the worst first."""
    who = f"{run.status['program']} ({run.pid})"
    found = sorted(_troubles(run, epoch, limit(run, max_age)), key=lambda verdict: -verdict.level)
    if found:
        return Verdict(found[0].level, f"{who}: {', '.join(verdict.text for verdict in found)}")
    return Verdict(Level.OK, f"{who}: {run.status['phase']}, last look {span(_age(run) or 0.0)} ago")


def limit(run: Run, max_age: float | None) -> float:
    """Return the greatest age of the values: as given; else an hour, or two intervals where that is longer."""
    return max(MAX_AGE, 2 * float(run.status["interval"])) if max_age is None else max_age


def _troubles(run: Run, epoch: float, max_age: float) -> Iterator[Verdict]:
    """Yield each trouble of a run."""
    status, age = run.status, _age(run)
    for each in status["refused"]:
        words = refusal(each["secret"], each["version"], each["why"])
        yield Verdict(Level.CRITICAL, f"refused {words}")
    if unconfirmed(run):
        yield Verdict(
            Level.WARNING, f"values of the cache{', of unknown age' * (age is None)}, not confirmed by AWS yet"
        )
    elif age is None:
        yield Verdict(Level.WARNING, f"waiting for the first fetch for {span(run.age(status['started']))}")
    if age is not None and age > max_age:
        yield Verdict(Level.CRITICAL, f"values are {span(age)} old")
    if failing := status["failing"]:
        level = Level.CRITICAL if failing["link"] in REFUSALS else Level.WARNING
        since = span(run.age(failing["since"]))
        yield Verdict(level, f"failing for {since}: {failing['link']}: {failing['message']}")
    end = status["certificate_end"]
    if end is not None and end - epoch < RENEW:
        yield Verdict(Level.CRITICAL if end <= epoch else Level.WARNING, certificate(end, epoch))


def _age(run: Run) -> float | None:
    """Return the age of the values, since AWS last confirmed them; None before the first look, or if not known."""
    at = run.status["looked_at"]
    return None if at is None else run.age(at)


def _data(run: Run, name: str, epoch: float, max_age: float | None) -> str:
    """Return the performance data of a run: `label=value[unit];[warning];[critical];[least]`."""
    status, age = run.status, _age(run)
    data = [
        f"age={'U' if age is None else f'{age:.0f}s'};;{limit(run, max_age):.0f};0",
        f"failing={int(status['failing'] is not None)}",
        f"refused={len(status['refused'])};;0;0",
        f"restarts={status['restarts']}c",
    ]
    if (end := status["certificate_end"]) is not None:
        data.append(f"certificate={end - epoch:.0f}s;{RENEW:.0f}:;0:")
    return " ".join(name + each for each in data)


def _names(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a prefix for the labels of each run, so that no two labels are equal; empty if there is only one run."""
    programs = [re.sub(r"[^A-Za-z0-9.-]", "_", run.status["program"].rpartition("/")[2]) for run in runs]
    for run, program in zip(runs, programs, strict=True):
        if len(runs) == 1:
            yield ""
        else:
            yield f"{program}_" if programs.count(program) == 1 else f"{program}_{run.pid}_"
