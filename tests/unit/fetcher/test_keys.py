"""One value of a secret by its key, or by a path of keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.fetcher.keys import found, paths

CONTENT = {
    "user": "u",
    "db": {"host": "h", "a.b": {"c": "deep"}, "": "empty"},
    "x.y": "dot",
    "x": {"y": "below", "z": "z"},
    "hosts": ["one", {"name": "two"}, ["three"]],
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("user", ["u"]),
        ("db.host", ["h"]),
        ("db.a.b.c", ["deep"]),
        ("db.a.b", [{"c": "deep"}]),
        ("db.", ["empty"]),
        ("x.y", ["dot"]),
        ("x.z", ["z"]),
        ("hosts.0", ["one"]),
        ("hosts.1.name", ["two"]),
        ("hosts.2.0", ["three"]),
        ("nothing", [None]),
        *(
            (path, [])
            for path in ("", ".", "User", "user.x", "db.port", "hosts.3", "hosts.-1", "hosts.\u0660", "db..host")
        ),
    ],
)
def test_a_path(path: str, values: list[Any]) -> None:
    """A dot leads one level down, a key with the dots in its name comes first, a number is a place in an array."""
    assert found(CONTENT, path) == values


def test_a_path_with_two_meanings() -> None:
    """Where two keys with dots in their names make two ways, both values are returned."""
    assert found({"a": {"b.c": 1}, "a.b": {"c": 2}}, "a.b.c") == [1, 2]


words = st.text("ab.", max_size=4)
contents = st.dictionaries(words, st.recursive(st.integers(), lambda below: st.dictionaries(words, below)), max_size=4)


@given(contents)
def test_each_path_leads_somewhere(content: dict[str, Any]) -> None:
    """Each path that an error shows can be given, whatever the keys are called."""
    for path in paths(content):
        assert found(content, path)


def test_paths_are_those_of_values() -> None:
    """Objects are gone through, three levels deep; arrays and empty objects are values."""
    content = {"a": 1, "b": {"c": {"d": {"e": {"f": 1}}}, "g": [1]}, "h": {}}
    assert [*paths(content)] == ["a", "b.c.d.e", "b.g", "h"]
