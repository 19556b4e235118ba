"""Variables survive a real execve(2), byte for byte."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretenv.fetcher.variables import LONGEST, variables
from tests.unit.fetcher.test_variables import secret

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = text.filter(lambda name: name and "=" not in name)


def through_execve(found: dict[str, str]) -> dict[bytes, bytes]:
    """Return the environment of a process that was started with these variables."""
    environ = {name.encode(): value.encode() for name, value in found.items()}
    printed = subprocess.run(["/usr/bin/env", "-0"], env=environ, capture_output=True, check=True).stdout
    return dict(entry.split(b"=", 1) for entry in printed.split(b"\0")[:-1])


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(names, text, max_size=20))
def test_round_trip(content: dict[str, str]) -> None:
    """Any variable that is not refused reaches the command as it is."""
    found, _, _ = variables([secret(json.dumps(content))])
    assert through_execve(found) == {name.encode(): value.encode() for name, value in content.items()}


def test_longest_variable() -> None:
    """The longest variable is the longest that Linux accepts, to the byte."""
    found, _, _ = variables([secret(json.dumps({"A": "x" * (LONGEST - 3)}))])
    assert len(through_execve(found)[b"A"]) == LONGEST - 3
    with pytest.raises(OSError, match="too long"):
        through_execve({"A": found["A"] + "x"})
