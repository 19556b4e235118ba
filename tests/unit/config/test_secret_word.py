"""The parts of `[?][NAME=]ID[#KEY]`, and those of a [[secret]]."""

from __future__ import annotations

from typing import Any

import pytest

from secretenv.config.secret_word import check_table, of_table, read, read_file
from secretenv.errors import SettingsError

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf"


@pytest.mark.parametrize(
    ("word", "name", "identifier", "keys", "optional"),
    [
        ("app", "", "app", (), False),
        ("A=app", "A", "app", (), False),
        ("A=app#key", "", "app", (("key", "A"),), False),
        ("app#key", "", "app", (("key", ""),), False),
        ("A=app#db.host", "", "app", (("db.host", "A"),), False),
        ("A=app#k=v", "", "app", (("k=v", "A"),), False),
        ("app#k=v", "", "app", (("k=v", ""),), False),
        ("A=app#a#b", "", "app", (("a#b", "A"),), False),
        (f"A={ARN}#key", "", ARN, (("key", "A"),), False),
        ("A=file://s.json#key", "", "file://s.json", (("key", "A"),), False),
        ("?app", "", "app", (), True),
        ("?A=app", "A", "app", (), True),
        ("A=?app#key", "", "app", (("key", "A"),), True),
        ("?file://s.json", "", "file://s.json", (), True),
    ],
)
def test_parts(word: str, name: str, identifier: str, keys: tuple[tuple[str, str], ...], *, optional: bool) -> None:
    """A name before `=`, a key after `#`, and `?` for what may be missing."""
    assert read(word) == {"id": identifier, "name": name, "keys": keys, "files": (), "optional": optional}


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("", "has no secret id"),
        ("?", "has no secret id"),
        ("A=", "has no secret id"),
        ("#key", "has no secret id"),
        ("A=#key", "has no secret id"),
        ("file://", "has no secret id"),
        ("=app", "has no variable name"),
        ("app#", "has no key after #"),
        ("app#db.host", "a key with a dot, and no variable name"),
        ("app?", "is a pattern"),
    ],
)
def test_what_is_refused(word: str, says: str) -> None:
    """What is missing is said, with the form to write."""
    with pytest.raises(SettingsError, match=says) as caught:
        read(word)
    assert caught.value.hint


def test_a_table() -> None:
    """A [[secret]] has the same parts as keys."""
    table = {"id": "app", "keys": {"password": "A", "db.host": "B"}, "optional": True}
    check_table("f", "t", table)
    nothing = {"id": "app", "name": "", "keys": (), "files": (), "optional": False}
    assert of_table(table) == {**nothing, "keys": (("password", "A"), ("db.host", "B")), "optional": True}
    assert of_table({"id": "app"}) == nothing
    table = {"id": "app", "file": "/a", "files": {"k": "B"}}
    check_table("f", "t", table)
    assert of_table(table) == {**nothing, "files": (("", "/a"), ("k", "B"))}


@pytest.mark.parametrize(
    ("word", "target", "identifier", "key", "optional"),
    [
        ("A=app", "A", "app", "", False),
        ("/run/a=app#k", "/run/a", "app", "k", False),
        ("./a=file://s.json#a.b", "./a", "file://s.json", "a.b", False),
        ("?A=app", "A", "app", "", True),
        ("A=?app#k", "A", "app", "k", True),
    ],
)
def test_parts_of_a_file(word: str, target: str, identifier: str, key: str, *, optional: bool) -> None:
    """A path or the name of a variable in front of a secret, or of one of its keys."""
    parts = {"id": identifier, "name": "", "keys": (), "files": ((key, target),), "optional": optional}
    assert read_file(word) == parts


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("app", "has no target"),
        ("=app", "has no target"),
        ("a.key=app", "neither a path nor the name of a variable"),
        ("A=", "has no secret id"),
        ("A=app#", "has no key after #"),
        ("/a\nb=app", "expected a path"),
    ],
)
def test_a_file_that_is_refused(word: str, says: str) -> None:
    """What is missing is said, with the form to write."""
    with pytest.raises(SettingsError, match=says) as caught:
        read_file(word)
    assert caught.value.hint


NO_TEXTS: list[Any] = [1, "", []]
NO_KEYS: list[Any] = ["a", [], {}, {"a": 1}, {"a": ""}, {"a": "b=c"}, {"": "A"}]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"optional": "yes"}, "optional is neither true nor false"),
        *(({"keys": each}, "keys is not a table of variables") for each in NO_KEYS),
        *(({"file": each}, "file is not a string") for each in NO_TEXTS),
        *(({"files": each}, "file is not a string") for each in ("a", {"a": 1}, {"": "A"}, {"a": ""})),
        ({"file": "a.key"}, "'a.key' is neither a path"),
        ({"keys": {"a": "A", "b": "A"}}, "two of its keys become A"),
        *(
            ({"keys": {"a": "A"}, key: "x"}, f"has both `keys` and `{key}`")
            for key in ("name", "prefix", "only", "except")
        ),
    ],
)
def test_a_table_that_is_refused(table: dict[str, Any], says: str) -> None:
    """What keys and optional cannot be, and what keys would leave without a meaning."""
    with pytest.raises(SettingsError, match=f"f: t:? ?{says}") as caught:
        check_table("f", "t", {"id": "app", **table})
    assert caught.value.hint
