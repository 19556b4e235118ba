"""Quotes of somebody else's words; what refusals mean stands in test_provider."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secretenv.identity import provider_errors


@given(st.text(), st.integers(1, 300))
def test_plain_text(text: str, limit: int) -> None:
    """Somebody else's text is quoted as one printable line, cut to the limit."""
    quote = provider_errors.plain(text, limit)
    assert quote.isprintable()
    assert len(quote) <= limit
