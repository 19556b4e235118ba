"""From secrets to files: which content goes where."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from secretenv.errors import ContentError
from secretenv.fetcher.secret_files import files
from secretenv.fetcher.variables import Reading
from secretenv.settings import Secret
from tests.unit.fetcher.secrets import secret


def reading(content: str | bytes | None, *wanted: tuple[str, str], mode: int = 0o600) -> Reading:
    """Return what a secret held whose keys go to these targets."""
    fields: dict[str, Any] = {**secret("app").to_json(), "files": [[*pair] for pair in wanted], "file_mode": mode}
    return Reading(secret=Secret.from_json(fields), content=content, version="v", created=None, note="")


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        ("no JSON é\n", "", "no JSON é\n".encode()),
        (b"\x00\xff", "", b"\x00\xff"),
        ("", "", b""),
        ('{"a": "text\\n"}', "a", b"text\n"),
        ('{"a": 1.10}', "a", b"1.10"),
        ('{"a": {"b": ["c"]}}', "a", b'{"b":["c"]}'),
        ('{"a": {"b": "deep"}}', "a.b", b"deep"),
        ('{"a": "\\u0000"}', "a", b"\0"),
        (b'{"a": "bytes"}', "a", b"bytes"),
    ],
)
def test_content(content: str | bytes, key: str, expected: bytes) -> None:
    """The whole secret byte for byte, or the value of one key as a variable would have it; a NUL is allowed."""
    found, origins = files([reading(content, (key, "/run/a"), mode=0o440)], ())
    assert {target: (base64.b64decode(text), mode) for target, (text, mode) in found.items()} == {
        "/run/a": (expected, 0o440)
    }
    assert origins == {"/run/a": "app"}


@pytest.mark.parametrize("content", [None, '{"a": null}'])
def test_nothing_to_write(content: str | None) -> None:
    """An optional secret that is missing, or a null, makes no file."""
    assert files([reading(content, ("a", "/run/a"))], ()) == ({}, {})


@pytest.mark.parametrize(
    ("content", "wanted", "variables", "says"),
    [
        ('{"a": 1}', ("b", "/run/a"), (), "has no key b; it has a"),
        ("no JSON", ("b", "/run/a"), (), "is not a JSON object"),
        ("\ud800", ("", "/run/a"), (), "half of a surrogate pair"),
        ("x", ("", "NAME"), ("NAME",), "NAME is set by a secret"),
    ],
)
def test_what_is_refused(content: str, wanted: tuple[str, str], variables: tuple[str, ...], says: str) -> None:
    """The error names the secret and the key, never a value."""
    with pytest.raises(ContentError, match=says) as caught:
        files([reading(content, wanted)], variables)
    assert caught.value.hint


def test_a_path_is_no_variable() -> None:
    """A path with the name of a variable at its end is another thing."""
    assert files([reading("x", ("", "/run/NAME"))], ("NAME",))[0]
