"""A fleet of devices against the quotas of an AWS account, simulated: `python -m tests.benchmarks.fleet`.

Each device follows the rules of `secretenv.refresh` and `secretenv.temporary`, all of them at once in arrays;
`test_fleet.py` holds the rules against the real `Refresh`. Time goes in steps of a second; what a service gets beyond
its quota within one is refused with a throttling error, by lot. An account's other callers, latency and the retry of
botocore within a fetch are left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secretenv.credentials import MARGIN
from secretenv.fetcher.fetch import ENOUGH
from secretenv.supervisor.schedule import (
    BACKOFF_FIRST,
    LAST_TRY,
    MOST_DOUBLINGS,
    START_BACKOFF,
    THROTTLED_BACKOFF,
    THROTTLED_START,
)

Array = Any  # of numpy, which who only lints does not have

EXCHANGES = 50  # a second: AssumeRoleWithCertificate (L-DA868E55), from memory, adjustable
READS = 10_000  # a second: GetSecretValue
INTERVAL, LIFE = 300.0, 3600.0  # the default, and AWS's of a role alias
BOOT = 5.0  # seconds within which all are up after a power cut
RESTART = 5.0  # seconds after which a service manager starts what ended with 125


class Policy(NamedTuple):
    """What may be different from secretenv as it is."""

    name: str
    jitter: float = 0.1  # of the interval, to both sides
    backoff: bool = True  # without: a try each second
    start_backoff: tuple[float, float] = THROTTLED_BACKOFF
    start_timeout: float = THROTTLED_START
    first_splay: float = 0.0  # a random wait before the first fetch
    renewal: float = 0.0  # share of the credentials' life by which a device renews earlier, at random


AS_IS = Policy("as it is")
POLICIES = (
    AS_IS,
    Policy("no jitter, no backoff", jitter=0.0, backoff=False),
    Policy("no jitter", jitter=0.0),
    Policy("throttled as other failures", start_backoff=START_BACKOFF, start_timeout=60.0),
    Policy("backoff to 5 min, no start timeout", start_backoff=(2.0, 300.0), start_timeout=1e9),
    Policy("first fetch splayed by 5 min", first_splay=300.0),
)


class Outcome(NamedTuple):
    """What a second of each kind had, from the first on, and when how many were up to date."""

    exchanges: Array  # calls a second, refused ones included
    reads: Array
    refused: int
    done: Array  # devices that had what the scenario is about, by the end of each second
    running: Array  # devices whose program ran by then


class Fleet:
    """The devices.

    Args:
        number: of them.
        policy: that all follow.
        seed: of all chance.
    """

    def __init__(self, number: int, policy: Policy, seed: int = 1) -> None:
        self.policy = policy
        self.number = number
        self.chance = np.random.default_rng(seed)
        self.due = np.zeros(number)
        self.failures: Array = np.zeros(number, np.int16)
        self.started: Array = np.zeros(number, bool)
        self.limit = np.full(number, policy.start_timeout)
        self.expires = np.zeros(number)
        self.margin = MARGIN + policy.renewal * LIFE * self.chance.random(number)
        self.fetched = np.full(number, -1.0)
        self.starts: Array = np.zeros(0)  # when a program starts without AWS, in order

    def steady(self) -> None:
        """All run for long, each at a time of its own."""
        self.started[:] = True
        self.starts = np.zeros(self.number)
        self.due = self.chance.random(self.number) * INTERVAL
        self.expires = self.chance.random(self.number) * (LIFE - self.margin) + self.margin
        if not self.policy.jitter:
            # They were all started by the same power cut, and nothing has drawn them apart since.
            self.due, self.expires = np.full(self.number, 1.0), np.full(self.number, LIFE - 600)

    def power_cut(self) -> None:
        """All start at once."""
        boot = BOOT * self.chance.random(self.number)
        self.due = boot + self.policy.first_splay * self.chance.random(self.number)
        self.limit = self.due + self.policy.start_timeout

    def power_cut_with_caches(self) -> None:
        """All start at once, from their caches (`--cache-after 0`): the programs first, and then each looks at AWS."""
        self.power_cut()
        self.started[:] = True
        self.starts = np.sort(self.due)

    def told(self, within: float) -> None:
        """All are told to look for a new version, within so many seconds."""
        self.due = np.minimum(self.due, within * self.chance.random(self.number))

    def live(self, seconds: int) -> Outcome:
        """Let so much time pass."""
        exchanges, reads, done = np.zeros(seconds), np.zeros(seconds), np.zeros(seconds)
        refused = 0
        for second in range(seconds):
            asking = np.flatnonzero(self.due < second + 1)
            now = self.due[asking]
            stale = self.expires[asking] - now <= self.margin[asking]
            exchanges[second] = stale.sum()
            lucky = self._served(int(exchanges[second]), EXCHANGES)
            refused += int((~lucky).sum())
            self.expires[asking[stale][lucky]] = now[stale][lucky] + LIFE
            # Refused an exchange, a device goes on with what it has while that lasts.
            able = self.expires[asking] - now > ENOUGH
            reads[second] = able.sum()
            lucky = self._served(int(reads[second]), READS)
            refused += int((~lucky).sum())
            good: Array = np.zeros(len(asking), bool)
            good[able] = lucky
            self._succeed(asking[good], now[good])
            self._fail(asking[~good], now[~good])
            done[second] = (done[second - 1] if second else 0) + self._first_time(asking[good], now[good])
        running = np.searchsorted(self.starts, np.arange(1, seconds + 1)) if len(self.starts) else done
        return Outcome(exchanges, reads, refused, done, running)

    def _first_time(self, which: Array, now: Array) -> int:
        new = self.fetched[which] < 0
        self.fetched[which[new]] = now[new]
        return int(new.sum())

    def _served(self, calls: int, quota: int) -> Array:
        """Draw who gets an answer."""
        lucky: Array = np.ones(calls, bool)
        if calls > quota:
            lucky[self.chance.permutation(calls)[quota:]] = False
        return lucky

    def _succeed(self, which: Array, now: Array) -> None:
        self.failures[which] = 0
        self.started[which] = True
        spread = self.policy.jitter
        self.due[which] = now + INTERVAL * (1 - spread + 2 * spread * self.chance.random(len(which)))

    def _fail(self, which: Array, now: Array) -> None:
        self.failures[which] += 1
        up = self.started[which]
        uniform = self.chance.random(len(which))
        self.due[which[up]] = now[up] + running_wait(self.failures[which[up]], uniform[up], self.policy)
        waiting = which[~up]
        last = self.limit[waiting] - min(LAST_TRY, self.policy.start_timeout / 4)
        over = now[~up] >= last
        wait = start_wait(self.failures[waiting], uniform[~up], self.policy)
        self.due[waiting] = np.where(over, now[~up] + RESTART, np.minimum(now[~up] + wait, last))
        ended = waiting[over]
        self.failures[ended], self.expires[ended] = 0, 0.0
        self.limit[ended] = self.due[ended] + self.policy.start_timeout


def running_wait(failures: Array, uniform: Array, policy: Policy = AS_IS) -> Array:
    """Return how long devices wait whose command runs, after this many failures in a row: `Refresh.failed`."""
    if not policy.backoff:
        return np.ones(len(failures))
    bound = np.minimum(INTERVAL, BACKOFF_FIRST * 2.0 ** np.minimum(failures, MOST_DOUBLINGS))
    return np.maximum(uniform * bound, min(1.0, INTERVAL))


def start_wait(failures: Array, uniform: Array, policy: Policy = AS_IS) -> Array:
    """Return how long devices wait before their first start: `Refresh.failed_at_start`."""
    if not policy.backoff:
        return np.ones(len(failures))
    first, longest = policy.start_backoff
    return uniform * np.minimum(longest, first * 2.0 ** np.minimum(failures, MOST_DOUBLINGS))


def scenario(name: str, number: int, policy: Policy, seconds: int) -> Outcome:
    """Return what becomes of a fleet in one of the scenarios."""
    fleet = Fleet(number, policy)
    if name == "power cut":
        fleet.power_cut()
    elif name == "power cut, cache":
        fleet.power_cut_with_caches()
    else:
        fleet.steady()
    if name == "rotation, pushed":
        fleet.told(1.0)
    return fleet.live(seconds)


SCENARIOS = {"steady": POLICIES[:3], "rotation, polled": POLICIES[:2], "rotation, pushed": POLICIES[:2]}
SCENARIOS["power cut"] = (POLICIES[0], POLICIES[1], POLICIES[3], POLICIES[4], POLICIES[5])
SCENARIOS["power cut, cache"] = POLICIES[:2]


def row(name: str, number: int, policy: Policy, outcome: Outcome) -> str:
    """Return a line of the table."""
    ends = [_reached(outcome.done, number, part) for part in (0.5, 0.99)]
    ends += [_reached(outcome.running, number, 0.99)]
    cells = [name, f"{number:,}", policy.name]
    for calls, quota in ((outcome.exchanges, EXCHANGES), (outcome.reads, READS)):
        cells += [f"{calls.mean():,.1f}", f"{calls.max():,.0f}{' **over**' if calls.max() > quota else ''}"]
    cells += [f"{outcome.refused / max(outcome.exchanges.sum() + outcome.reads.sum(), 1):.0%}"]
    return "| " + " | ".join([*cells, *ends]) + " |"


def _reached(devices: Array, number: int, share: float) -> str:
    """Return when such a share of the fleet was there."""
    if devices[-1] < share * number:
        return f"never ({devices[-1] / number:.0%})"
    return f"{int(np.argmax(devices >= share * number)) + 1:,} s"


HEAD = (
    "| scenario | devices | policy | exchanges/s: mean | peak | reads/s: mean | peak | refused | half done | 99 % "
    "| 99 % run |\n"
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)


def draw(outcomes: dict[tuple[str, int, str], Outcome], number: int, file: Path) -> None:
    """Draw the calls of both services for fleets of this size."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = [name for name in SCENARIOS if any(key[:2] == (name, number) for key in outcomes)]
    figure, axes = plt.subplots(len(names), 2, figsize=(11, 2.6 * len(names)), squeeze=False)
    for line, name in zip(axes, names, strict=True):
        services = (("exchanges", EXCHANGES), ("reads", READS))
        for axis, (service, quota) in zip(line, services, strict=True):
            for (scene, size, policy), outcome in outcomes.items():
                if (scene, size) == (name, number):
                    axis.plot(_smooth(getattr(outcome, service)), label=policy, linewidth=0.8)
            axis.axhline(quota, color="black", linestyle=":", linewidth=0.8)
            axis.set_yscale("symlog")
            axis.set_ylim(bottom=0)
            axis.set_title(f"{name}: {service}/s of {number:,} devices", fontsize=9)
        line[1].legend(fontsize=6)
    for axis in axes[-1]:
        axis.set_xlabel("seconds; dotted: the quota")
    figure.tight_layout()
    figure.savefig(file, dpi=80)


def _smooth(calls: Array, width: int = 10) -> Array:
    return np.convolve(calls, np.ones(width) / width, "same")


def main() -> None:
    """Simulate, print the table and draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=int, default=7200)
    parser.add_argument("--scenarios", nargs="*", default=list(SCENARIOS), choices=list(SCENARIOS))
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a picture of the largest fleet but one")
    given = parser.parse_args()
    outcomes = {}
    sys.stdout.write(HEAD)
    for name in given.scenarios:
        for number in given.devices:
            for policy in SCENARIOS[name]:
                outcome = scenario(name, number, policy, given.seconds)
                outcomes[name, number, policy.name] = outcome
                sys.stdout.write(row(name, number, policy, outcome) + "\n")
                sys.stdout.flush()
    if given.plot:
        draw(outcomes, sorted(given.devices)[-2:][0], given.plot)


if __name__ == "__main__":
    main()
