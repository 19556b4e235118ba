"""What a cache begins with."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.cache.header import FORMAT, LONGEST, Header

BELONGS = "0f" * 32
LINES = Header(1767225600.25, BELONGS).lines()


def test_two_lines() -> None:
    """They are text, and give back what they were made of; nothing after them counts."""
    assert LINES.splitlines()[0] == FORMAT == b"secretenv cache 1"
    for rest in (b"", b"\n", b"\xff" * 1000):
        found = Header.of(LINES + rest)
        assert found is not None
        assert (found.sealed_at, found.belongs, found.size) == (1767225600.25, BELONGS, len(LINES))
    assert len(LINES) < LONGEST / 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        LINES[:-1],
        LINES[1:],
        LINES.replace(b"cache 1", b"cache 2"),
        LINES.replace(b"cache 1\n", b"cache 1\r\n"),
        b"x" + LINES,
        FORMAT + b"\n\n",
        FORMAT + b"\n" + b" " * LONGEST + LINES.splitlines()[1] + b"\n",
        FORMAT + b"\n" + b"[" * 400 + b"\n",
        *(
            FORMAT + b"\n" + second.encode() + b"\n"
            for second in (
                "[]",
                "1",
                "null",
                "{}",
                '{"sealed_at": 1}',
                f'{{"belongs": "{BELONGS}"}}',
                '{"belongs": "", "sealed_at": 1}',
                f'{{"belongs": "{BELONGS.upper()}", "sealed_at": 1}}',
                f'{{"belongs": "{BELONGS}0", "sealed_at": 1}}',
                *(
                    f'{{"belongs": "{BELONGS}", "sealed_at": {time}}}'
                    for time in ("-1", "NaN", "Infinity", "1e999", "253402300800", "1" + "0" * 330, "[]", "null", '"x"')
                ),
            )
        ),
    ],
)
def test_something_else(raw: bytes) -> None:
    """It is no header, and its time, which is shown, is one that can be shown."""
    assert Header.of(raw) is None


@given(st.binary(max_size=600))
def test_any_bytes(raw: bytes) -> None:
    """Nothing raises."""
    for begun in (raw, FORMAT + b"\n" + raw, LINES[:60] + raw):
        found = Header.of(begun)
        assert found is None or math.isfinite(found.sealed_at)
