"""Temporary credentials: until when they are used."""

from __future__ import annotations

import json

import pytest

from secretenv.credentials import Credentials


def credentials(life: float) -> Credentials:
    """Return credentials that were obtained at 1000 and live so long."""
    return Credentials(
        access_key_id="ASIA", secret_access_key="s", session_token="t", expiration=1000 + life, obtained=1000.0
    )


@pytest.mark.parametrize(
    ("life", "at", "good"),
    [
        pytest.param(3600, 1000, True, id="new"),
        pytest.param(3600, 1000 + 3299, True, id="just over five minutes left"),
        pytest.param(3600, 1000 + 3300, False, id="five minutes left"),
        pytest.param(3600, 1000 + 7200, False, id="expired"),
        pytest.param(600, 1000 + 399, True, id="short life: over a third left"),
        pytest.param(600, 1000 + 400, False, id="short life: a third left"),
        pytest.param(30, 1000 + 5, True, id="very short life"),
        pytest.param(3600, 500, True, id="the clock was set back"),
    ],
)
def test_still_good(life: float, at: float, good: bool) -> None:  # noqa: FBT001
    """They are used until five minutes before their end, or a third of a short life."""
    assert credentials(life).still_good(at) is good


def test_a_clock_set_back_makes_them_no_longer() -> None:
    """They never have more left than they were given for."""
    assert credentials(600).left(-1_000_000) == 600


def test_journey_as_json() -> None:
    """They travel from fetcher to fetcher as JSON."""
    found = credentials(3600)
    assert Credentials.from_json(json.loads(json.dumps(found.to_json()))) == found
