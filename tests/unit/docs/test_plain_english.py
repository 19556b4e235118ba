"""Texts for people keep to plain words: README.md, docs, examples and the strings of secretenv."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.unit.test_structure import FILES, parsed, room_of

PROJECT = Path(__file__).parents[3]
# Words that a native engineer would not use here: fix; "it is not"; "who has to".
ODD = re.compile(r"\b(mend|that is none|who is to)\b")
# Nobody speaks here but secretenv, or this process.
WE = re.compile(r"\b(we|our|ours|us)\b", re.IGNORECASE)
# Words of other people, quoted, and names that only look like one of these words.
QUOTED = re.compile(r"us-(east|west|gov)-|US-ASCII|\"us\"|\bµs\b")
AWS_SAYS = "signature we calculated"  # of a wrong signature, in its own words
ALLOWED = {"docs/CONTRIBUTING.md": 'Not "we": say'}  # it names the word


def files_of(*names: str) -> list[Path]:
    """Return these text files, and those in these folders."""
    found_files = [file for name in names for file in [PROJECT / name, *(PROJECT / name).rglob("*")] if file.is_file()]
    assert found_files
    return [file for file in found_files if file.suffix not in {".png", ".pyc"}]


def found(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the lines in which a pattern is found, quoted words left out."""
    return [line.strip() for line in text.splitlines() if pattern.search(QUOTED.sub("", line))]


def strings(file: Path) -> str:
    """Return the strings of a source file, docstrings left out: what a user may see."""
    tree = parsed(file)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(str(node.value) for node in texts if id(node) not in alone)


def documents() -> dict[str, str]:
    """Return README.md, the pages and the examples by name, without what is made from the source."""
    files = files_of("README.md", "CHANGELOG.md", "docs", "examples")
    texts = {str(file.relative_to(PROJECT)): file.read_text("utf-8") for file in files}
    return {name: re.sub(r"<!-- (\S+) -->.*<!-- /\1 -->", "", text, flags=re.DOTALL) for name, text in texts.items()}


def test_documents_use_plain_words() -> None:
    """No page and no example has one of the odd words."""
    assert {name: lines for name, text in documents().items() if (lines := found(ODD, text))} == {}


def test_nobody_speaks_in_documents() -> None:
    """A page says who does a thing: secretenv, the command, systemd; never "we"."""
    for name, text in documents().items():
        allowed = ALLOWED.get(name, "\0")
        assert [line for line in found(WE, text) if allowed not in line] == [], name


def test_the_source_uses_plain_words() -> None:
    """Neither code nor comments have one of the odd words."""
    assert {str(file): lines for file in files_of("secretenv") if (lines := found(ODD, file.read_text("utf-8")))} == {}


def test_nobody_speaks_in_messages() -> None:
    """Nor does a string of the source, which may be a message."""
    said = {room_of(file): [line for line in found(WE, strings(file)) if AWS_SAYS not in line] for file in FILES}
    assert {room: lines for room, lines in said.items() if lines} == {}
