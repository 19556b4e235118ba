"""What a new answer changes, in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.protocol import Answer
from secretenv.supervisor.changes import of_answer, of_names, of_secret


@pytest.mark.parametrize(
    ("secret", "before", "version", "words"),
    [
        ("app", "v1", "v2", "secret app has a new version v2"),
        ("app", "", "v2", "secret app exists now, with version v2"),
        ("app", "v1", "", "secret app no longer exists; it is optional"),
        ("file:///a", "v1", "v2", "secret file:///a has a new version"),
        ("file:///a", "", "v2", "secret file:///a exists now"),
    ],
)
def test_a_secret(secret: str, before: str, version: str, words: str) -> None:
    """A new version, an optional secret that appears, and one that goes."""
    assert of_secret(secret, before, version) == words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({"A": "1"}, {"A": "1"}, ""),
        ({"A": "1", "B": "1", "C": "1"}, {"B": "2", "C": "1", "D": "1"}, "variables changed: B; new: D; gone: A"),
        ({}, {"B": "", "A": ""}, "variables new: A, B"),
        ({"A B": "1"}, {}, 'variables gone: "A B"'),
    ],
)
def test_variables(old: dict[str, str], new: dict[str, str], words: str) -> None:
    """Changed, new and gone names, in their order."""
    assert of_names("variables", old, new) == words


def test_an_answer() -> None:
    """Variables and files, or that none has changed."""
    old, new = Answer(), Answer()
    assert of_answer(old, new) == "no variable has changed"
    new.variables, new.files = {"A": "1"}, {"/run/tls.key": ("AA==", 0o600)}
    assert of_answer(old, new) == "variables new: A; files new: /run/tls.key"
    new.files = {"/dev/shm/test-d0fb14174b5bb9f2/value": ("AA==", 0o600)}
    assert of_answer(old, new).endswith("files new: /dev/shm/test-d0fb14174b5bb9f2/value")


names = st.dictionaries(
    st.sampled_from([f"N{number}" for number in range(30)]), st.sampled_from(["value-1", "value-2"])
)


@given(names, names)
def test_no_value_and_ten_names_at_most(old: dict[str, str], new: dict[str, str]) -> None:
    """However many change: ten names, the number of the others, and never a value."""
    words = of_names("variables", old, new)
    changed = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    assert "value" not in words
    assert words.count("N") == min(len(changed), 10)
    assert words.endswith(f"and {len(changed) - 10} more") == (len(changed) > 10)
