"""Which texts are a status, and which sentence says that one is none."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.cli.status.fields import FIELDS, Field, parsed

from .statuses import cache, failing, refused, secret, status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FULL = status(failing=failing(), refused=[refused()], cache=cache())


def test_a_status_is_read_as_it_was_written() -> None:
    """Every field comes back, and so does one that a newer secretenv adds to the same format."""
    assert parsed(json.dumps(FULL | {"push": "up"}).encode()) == FULL | {"push": "up"}
    assert parsed(json.dumps(status()).encode()) == status()


def places(fields: Mapping[str, Field], way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the way to each field."""
    for name, field in fields.items():
        yield (*way, name)
        yield from places(field.fields, (*way, name))


@pytest.mark.parametrize("way", [way for way in places(FIELDS) if way != ("format",)], ids=".".join)
@pytest.mark.parametrize("value", [True, [1], {"a": 1}, float("1e13"), "missing"], ids=str)
def test_a_field_that_is_something_else(way: tuple[str, ...], value: Any) -> None:
    """A field that is missing or holds something else is named, and what it holds is not shown."""
    if way == ("cache", "in_use") and value is True:
        value = 1
    broken = json.loads(json.dumps(FULL))
    holder = broken
    for name in way[:-1]:
        holder = holder[name][0] if isinstance(holder[name], list) else holder[name]
    if value != "missing":
        holder[way[-1]] = value
    else:
        del holder[way[-1]]
    with pytest.raises(ValueError, match=rf"its field {way[0]}\S* is missing or holds something else"):
        parsed(json.dumps(broken).encode())


OTHERS = {
    "empty": (b"", "not JSON"),
    "cut": (json.dumps(FULL).encode()[:-1], "not JSON"),
    "deep": (b"[" * 100_000, "not JSON"),
    "a number that is none": (json.dumps(status(written=float("nan"))).encode(), "not JSON"),
    "a number of 5,000 digits": (b'{"format": 1, "written": ' + b"9" * 5000 + b"}", "not JSON"),
    "not UTF-8": (b'{"format": "\xff"}', "not JSON"),
    "a list": (b"[]", "not the status of a secretenv"),
    "something else": (b'{"a": 1}', "not the status of a secretenv"),
    "of the future": (json.dumps(status(format=2)).encode(), "it has format 2, and this secretenv knows format 1"),
    "metrics": (b"# HELP secretenv_up x\n", "not JSON"),
}


@pytest.mark.parametrize(("text", "words"), OTHERS.values(), ids=OTHERS)
def test_other_texts(text: bytes, words: str) -> None:
    """Each other text has a sentence."""
    with pytest.raises(ValueError, match=words):
        parsed(text)


ANYTHING = st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists)


@given(ANYTHING, st.sampled_from([*FIELDS]))
def test_whatever_a_field_holds(value: Any, name: str) -> None:
    """No content leads to another exception."""
    with suppress(ValueError):
        parsed(json.dumps(FULL | {name: value}).encode())


def test_the_rows_of_the_tests_are_complete() -> None:
    """The statuses of these tests have all fields of the table, and no others."""
    assert set(FULL) == set(FIELDS)
    assert set(secret()) == set(FIELDS["secrets"].fields)
    assert set(refused()) == set(FIELDS["refused"].fields)
    assert set(failing()) == set(FIELDS["failing"].fields)
    assert set(cache()) == set(FIELDS["cache"].fields)
