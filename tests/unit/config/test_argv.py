"""Words that are read without typer are read as typer reads them."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.cli.main import main
from secretenv.config import argv, merge
from secretenv.config.options import OPTIONS

COMMAND = [["true"], ["--", "true"], ["--", "--once"], ["sh", "-c", "a b", "--", "--once"], ["--", "--", "x"], ["-"]]
VALUES = st.sampled_from(["", "x", "5", "a=b", "ü", "\udcff", "--once", "-"])


def words_of(option: Any) -> st.SearchStrategy[list[str]]:
    """Return the ways to give an option, some of them wrong."""
    if option.flag:
        return st.sampled_from([[f"--{option.name}"], [f"--no-{option.name}"], [f"--{option.name}=1"]])
    return st.one_of(
        VALUES.map(lambda text: [f"--{option.name}", text]), VALUES.map(lambda text: [f"--{option.name}={text}"])
    )


STRANGE = st.sampled_from([["-x"], ["--no-cert"], ["--nonce"], ["--inter", "5"], ["--=x"], ["--no-once=1"]])
LINES = st.lists(st.one_of(STRANGE, *map(words_of, OPTIONS)), max_size=4)


@given(line=LINES, command=st.sampled_from([*COMMAND, []]))
def test_typer_reads_the_same(line: list[list[str]], command: list[str]) -> None:
    """Both return the same, and words that typer refuses are left to typer."""
    words = [word for given in line for word in given] + command
    found = argv.read(words)
    if found is None:
        return
    seen: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "read", _Seen(seen))
        assert main(["run", *words], os.open(os.devnull, os.O_WRONLY)) == 0, words
    flags, after = seen[0]
    given_flags = {key: list(value) if isinstance(value, tuple) else value for key, value in flags.items()}
    assert {key: value for key, value in given_flags.items() if value not in (None, [])} == found[0]
    assert list(after) == found[1]


class _Seen:
    """A double of `merge.read` that keeps its arguments."""

    def __init__(self, seen: list[Any]) -> None:
        self._seen = seen

    def __call__(self, flags: Any, environ: Any, command: Any) -> _Seen:
        self._seen.append((flags, command))
        return self

    def to_json(self) -> dict[str, Any]:
        """Return an empty document."""
        return {}


@pytest.mark.parametrize("words", [["--help"], ["-h", "true"], ["--dry-run", "true"], ["--once"], ["--cert"], []])
def test_the_rest_is_for_typer(words: list[str]) -> None:
    """Help, a dry run, a missing value and a missing command are not read here."""
    assert argv.read(words) is None


def test_no_wins_and_lists_grow() -> None:
    """`--no-` wins wherever it stands, the last of two values counts, and a list keeps all in their order."""
    words = ["--no-once", "--once", "--cert=a", "--cert", "b", "--only=x", "--only", "y", "--", "true", "--once"]
    assert argv.read(words) == ({"once": False, "cert": "b", "only": ["x", "y"]}, ["true", "--once"])
