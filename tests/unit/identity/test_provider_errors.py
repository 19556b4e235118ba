"""Quotes of somebody else's words, and the time of an answer; what refusals mean stands in test_provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.identity import provider_errors


@given(st.text(), st.integers(1, 300))
def test_plain_text(text: str, limit: int) -> None:
    """Somebody else's text is quoted as one printable line, cut to the limit."""
    quote = provider_errors.plain(text, limit)
    assert quote.isprintable()
    assert len(quote) <= limit


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 15 Nov 2023 10:00:00 GMT", 1_700_042_400.0),
        ("", None),
        ("yesterday", None),
        ("Wed, 15 Nov 99999 10:00:00 GMT", None),
    ],
)
def test_the_time_of_an_answer(date: str, seconds: float | None) -> None:
    """The Date header gives seconds since the epoch; one that is missing or nonsense gives None."""
    assert provider_errors.date_of({"Date": date}) == seconds
    assert provider_errors.date_of({}) is None
