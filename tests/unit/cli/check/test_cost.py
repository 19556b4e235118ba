"""The cost of polling."""

from __future__ import annotations

import pytest

from secretenv.cli.check import cost

from .checking import settings


@pytest.mark.parametrize(
    ("secrets", "interval", "calls", "one", "thousand"),
    [
        pytest.param("a", "30s", 1, 0.4378, 437.76, id="30 s"),
        pytest.param("a", "60s", 1, 0.2189, 218.88, id="60 s"),
        pytest.param("a", "300s", 1, 0.0438, 43.78, id="5 min"),
        pytest.param("a", "900s", 1, 0.0146, 14.59, id="15 min"),
        pytest.param("a", "3600s", 1, 0.0036, 3.65, id="1 h"),
        pytest.param("a b c", "300s", 3, 0.1313, 131.33, id="three secrets"),
        pytest.param("a X=a", "300s", 1, 0.0438, 43.78, id="one secret twice"),
        pytest.param("a file:///b", "300s", 1, 0.0438, 43.78, id="a file"),
    ],
)
def test_cost(secrets: str, interval: str, calls: int, one: float, thousand: float) -> None:
    """Polling costs $0.05 for 10,000 calls, in a month of 30.4 days: one call a check and secret."""
    found = cost.cost(settings(secrets, SECRETENV_INTERVAL=interval))
    assert found["calls"] == calls
    assert found["calls_per_month"] == round(calls * 30.4 * 86400 / float(interval[:-1]))
    assert found["dollars_per_month"] == pytest.approx(one, abs=1e-4)
    assert found["dollars_per_month_of_1000_devices"] == pytest.approx(thousand, abs=0.01)


def test_cost_of_batches() -> None:
    """With --batch 20 secrets are one call."""
    secrets = " ".join(f"s{i}" for i in range(41))
    assert cost.cost(settings(secrets, SECRETENV_BATCH="yes"))["calls"] == 3


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        pytest.param("5m", "1 call every 5 min, 8,755 a month: $0.04 for this device, $43.78 for 1,000", id="5 min"),
        pytest.param("1d", "1 call every 24.0 h, 30 a month: less than $0.01 for this device, $0.15 for", id="a day"),
        pytest.param("1s", "2,626,560 a month: $13.13 for this device, $13,132.80 for 1,000", id="1 s"),
    ],
)
def test_cost_in_words(interval: str, words: str) -> None:
    """Calls a month and dollars, for this device and for 1,000."""
    assert words in cost.words(cost.cost(settings("a", SECRETENV_INTERVAL=interval)))
