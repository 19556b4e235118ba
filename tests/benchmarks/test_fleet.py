"""The simulation's rules are those of the real `Refresh`: `pytest tests/benchmarks` (needs the extra `benchmark`)."""

from __future__ import annotations

import numpy as np
import pytest

from secretenv.errors import CredentialsError
from secretenv.supervisor.schedule import Refresh
from tests.benchmarks.fleet import AS_IS, BOOT, INTERVAL, Fleet, running_wait, start_wait

THROTTLED = CredentialsError("throttled", transient=True, link="throttling")


@pytest.mark.parametrize("uniform", [0.0, 0.3, 0.999])
def test_waits_are_those_of_the_real_refresh(uniform: float) -> None:
    """After each failure in a row, before the first start and later, the arrays wait as long as one device does."""
    starting = Refresh(INTERVAL, 1e6, lambda: uniform)
    running = Refresh(INTERVAL, 60.0, lambda: uniform)
    starting.start(0.0)
    running.succeeded(0.0)
    for failures in range(1, 30):
        assert starting.give_up(THROTTLED, 0.0) is None
        starting.try_again(THROTTLED, 0.0)
        running.failed(THROTTLED, 0.0)
        one, chance = np.array([failures]), np.array([uniform])
        assert starting.due == pytest.approx(start_wait(one, chance)[0])
        assert running.due == pytest.approx(running_wait(one, chance)[0])


def test_nothing_beyond_the_quota_is_served() -> None:
    """A hundred devices that start at once are all served in the seconds that their quota takes, not before."""
    fleet = Fleet(200, AS_IS)
    fleet.power_cut()
    outcome = fleet.live(60)
    assert np.diff(outcome.done, prepend=0).max() <= 50
    assert outcome.done[-1] == 200


@pytest.mark.parametrize("uniform", [0.0, 0.3, 0.999])
def test_waits_after_a_start_from_the_cache(uniform: float) -> None:
    """The first look follows at once; refused, it is repeated after the waits of a command that runs."""
    refresh = Refresh(INTERVAL, 60.0, lambda: uniform)
    refresh.begin_without(None)
    refresh.look_again(5.0)
    assert refresh.due == 5.0
    for failures in range(1, 30):
        refresh.tick(refresh.due)
        refresh.ended()
        refresh.failed(THROTTLED, 0.0)
        assert refresh.due == pytest.approx(running_wait(np.array([failures]), np.array([uniform]))[0])


def test_programs_start_before_aws_is_asked() -> None:
    """From their caches all programs run when their devices are up, however many AWS still refuses."""
    fleet = Fleet(2000, AS_IS)
    fleet.power_cut_with_caches()
    outcome = fleet.live(600)
    assert outcome.running[int(BOOT) - 1] == 2000
    assert outcome.done[int(BOOT) - 1] <= 50 * BOOT
    assert np.diff(outcome.done, prepend=0).max() <= 50
    assert outcome.done[-1] == 2000


def test_programs_wait_for_aws_without_a_cache() -> None:
    """Without a cache a program runs when its device was served."""
    fleet = Fleet(2000, AS_IS)
    fleet.power_cut()
    outcome = fleet.live(60)
    assert outcome.running is outcome.done
    assert outcome.running[int(BOOT) - 1] <= 50 * BOOT
