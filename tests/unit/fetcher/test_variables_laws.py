"""From secrets to variables: what holds for any secret."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secretenv.errors import ContentError
from secretenv.fetcher.variables import Reading, variables
from secretenv.settings import Secret

from .test_variables import secret

PORTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Everything but NUL and lone surrogates: what a variable can hold.
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = text.filter(lambda name: name and "=" not in name)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, values, max_size=5)
changes = st.fixed_dictionaries({"prefix": names | st.just(""), "upcase": st.booleans(), "sanitize": st.booleans()})


@given(objects, changes)
def test_no_variable_without_a_key(content: dict[str, Any], how: dict[str, Any]) -> None:
    """No variable appears that no key gave, and none but nulls and renamed twins go missing."""
    try:
        found, origins, _ = variables([secret(json.dumps(content), **how)])
    except ContentError as error:
        assert "both become" in error.message  # noqa: PT017 - the other outcome is as good
        return
    assert len(found) == sum(value is not None for value in content.values())
    assert origins.keys() == found.keys()
    if not any(how.values()):
        assert found.keys() == {key for key, value in content.items() if value is not None}


@given(st.dictionaries(names, text))
def test_texts_are_themselves(content: dict[str, str]) -> None:
    """A text of the JSON is the value, character for character."""
    assert variables([secret(json.dumps(content))])[0] == content


@given(st.dictionaries(names, values.filter(lambda value: isinstance(value, dict | list | int | float))))
def test_the_rest_is_json(content: dict[str, Any]) -> None:
    """A value that is not text reads back as the JSON that it was."""
    found, _, _ = variables([secret(json.dumps(content))])
    assert {name: json.loads(value) for name, value in found.items()} == content


@given(st.from_regex(r"-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,5})?", fullmatch=True).filter(str.isascii))
def test_numbers_are_as_written(number: str) -> None:
    """A number's text is untouched, alone and nested."""
    found, _, _ = variables([secret(f'{{"A": {number}, "B": [{number}]}}')])
    assert found == {"A": number, "B": f"[{number}]"}


@given(objects, changes)
def test_sanitized_names_are_portable(content: dict[str, Any], how: dict[str, Any]) -> None:
    """With --sanitize every name is portable."""
    try:
        found, _, warnings = variables([secret(json.dumps(content), **{**how, "sanitize": True})])
    except ContentError:
        return
    assert all(PORTABLE.fullmatch(name) for name in found)
    assert not any("portable" in warning for warning in warnings)


@given(st.lists(st.dictionaries(st.sampled_from("ABCD"), text, max_size=4), min_size=2, max_size=4))
def test_order_decides_only_between_equal_names(contents: list[dict[str, str]]) -> None:
    """Each name has the value of the right-most secret that has it; the order changes nothing else."""
    readings = [secret(json.dumps(content), id=f"s{i}") for i, content in enumerate(contents)]
    found, origins, _ = variables(readings)
    for name, value in found.items():
        last = max(i for i, content in enumerate(contents) if name in content)
        assert (value, origins[name]) == (contents[last][name], f"s{last}")
    assert variables(readings[::-1])[0].keys() == found.keys() == {name for content in contents for name in content}


@given(st.text() | st.binary() | values.map(json.dumps), st.sampled_from(["", "NAME"]))
def test_any_content(content: str | bytes, name: str) -> None:
    """Whatever a secret holds becomes variables that can be encoded, or is a ContentError."""
    one: Reading = secret(content, name=name)
    assert isinstance(one.secret, Secret)
    try:
        found, _, _ = variables([one])
    except ContentError:
        return
    for key, value in found.items():
        assert key
        assert "=" not in key
        assert b"\0" not in f"{key}={value}".encode()


@given(st.dictionaries(names, text, min_size=1), st.data())
def test_a_mapping_gives_its_keys_and_nothing_else(content: dict[str, str], data: st.DataObject) -> None:
    """Of the keys that are asked for none is lost, each is under its name, and no other key becomes a variable."""
    wanted = data.draw(st.lists(st.sampled_from([*content]), unique=True, min_size=1))
    keys = tuple((key, f"V{number}") for number, key in enumerate(wanted))
    found, origins, _ = variables([secret(json.dumps(content), keys=keys)])
    assert found == {name: content[key] for key, name in keys}
    assert origins.keys() == found.keys()
