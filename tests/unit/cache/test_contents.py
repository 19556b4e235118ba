"""What is sealed: times in place of ages, and a clock that may be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secretenv.cache.contents import DAY, pack, unpack
from secretenv.cache_protocol import Known
from secretenv.credentials import Credentials
from secretenv.protocol import Answer

NOW = 1767225600.0  # 2026


def known(**changes: Any) -> Known:
    """Return a last known good answer."""
    answer = Answer()
    answer.variables, answer.versions = {"A": "b"}, {"app": "1"}
    fields = {"answer": answer, "refused": {}, "why": "", "age": 0.0, "denied": None, "denials": 0}
    return Known(**{**fields, **changes})


def ages(content: bytes, now: float, earliest: float = 0.0) -> tuple[float | None, float | None]:
    """Return the ages that bytes have at a time."""
    found, _ = unpack(content, now, earliest)
    return found.age, found.denied


def test_all_of_it() -> None:
    """What comes out is what went in."""
    answer = Answer()
    answer.variables, answer.origins, answer.versions = (
        {"A": "b", "C": "\udcff"},
        {"A": "app", "C": "app"},
        {"app": "1"},
    )
    answer.files = {"/run/x": ("aGk=", 0o640)}
    what = known(answer=answer, refused={"app": "2"}, why="status 1", age=10.0, denied=4.0, denials=3)
    found, looked_at = unpack(pack(what, NOW, None), NOW, 0.0)
    assert found.to_json() == what.to_json()
    assert looked_at == NOW - 10


def test_no_credentials() -> None:
    """Neither they nor warnings are in it."""
    answer = Answer()
    answer.credentials = Credentials(
        access_key_id="AKIA", secret_access_key="SECRET", session_token="TOKEN", expiration=1.0, obtained=0.0
    )
    answer.warnings = ["WARNED"]
    content = pack(known(answer=answer), NOW, None)
    assert not any(text in content for text in (b"AKIA", b"SECRET", b"TOKEN", b"WARNED"))
    assert set(json.loads(content)["answer"]) == {"variables", "files", "origins", "versions"}


@pytest.mark.parametrize(
    ("later", "age"),
    [(0.0, 60.0), (100.0, 160.0), (-60.0, 0.0), (-1000.0, 0.0), (-DAY - 60.0, 0.0), (-DAY - 61.0, None)],
)
def test_ages(later: float, age: float | None) -> None:
    """They grow with the clock, are never negative, and unknown where the clock is a day behind."""
    content = pack(known(age=60.0, denied=60.0), NOW, None)
    assert ages(content, NOW + later) == (age, max(60.0 + later, 0.0))


def test_the_earliest_time() -> None:
    """Before it no age is known; that AWS refused is not forgotten."""
    content = pack(known(age=0.0, denied=5.0), NOW, None)
    assert ages(content, NOW + 10, NOW + 10) == (10.0, 15.0)
    assert ages(content, NOW + 10, NOW + 11) == (None, 15.0)
    assert ages(content, 0.0, NOW) == (None, 0.0)


def test_an_age_that_nobody_knows() -> None:
    """It is that of the file before, or stays unknown."""
    assert ages(pack(known(age=None), NOW, NOW - 100), NOW) == (100.0, None)
    assert ages(pack(known(age=None), NOW, None), NOW) == (None, None)
    assert ages(pack(known(age=7.0), NOW, NOW - 100), NOW) == (7.0, None)
    # Sealed in 1970, with an answer of 2026.
    assert ages(pack(known(age=None), 1000.0, NOW), 2000.0) == (None, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"1", b'{"looked_at": 1, "denied_at": 1}', b"\xff"])
def test_something_else(content: bytes) -> None:
    """It raises what the caller knows of."""
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        unpack(content, NOW, 0.0)
