"""How the supervisor reads what a fetcher has left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv import protocol
from secretenv.credentials import Credentials
from secretenv.errors import ContentError, FetcherError
from secretenv.protocol import read_answer

MARKER = "v4lue-that-must-not-show"
CREDENTIALS = Credentials(access_key_id="A", secret_access_key="S", session_token="T", expiration=2.0, obtained=1.0)
FILES = {"/run/a": (MARKER, 0o600)}
FOUND = {"variables": {"A": MARKER}, "files": FILES, "origins": {"A": "app"}, "versions": {"app": "v1"}}


def lines(*documents: Any) -> bytes:
    """Return documents as lines of JSON."""
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def test_answer() -> None:
    """The last line decides; its parts are there by name, and its repr shows no value."""
    found = read_answer(
        lines({"link": "DNS", "at": "host"}, {"answer": FOUND, "warnings": ["w"], "credentials": CREDENTIALS.to_json()})
    )
    assert found.error is None
    assert (found.variables, found.origins, found.versions) == ({"A": MARKER}, {"A": "app"}, {"app": "v1"})
    assert found.files == FILES
    assert found.warnings == ["w"]
    assert found.credentials == CREDENTIALS
    assert MARKER not in repr(found)


def test_error() -> None:
    """An error arrives as what it was, with the credentials that were obtained before it."""
    told = ContentError("message", hint="hint", transient=True, link="proxy")
    found = read_answer(lines({"error": told.to_json(), "warnings": [], "credentials": CREDENTIALS.to_json()}))
    assert isinstance(found.error, ContentError)
    assert found.error.to_json() == told.to_json()
    assert found.credentials == CREDENTIALS


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(lines({"answer": FOUND, "warnings": [], "credentials": None})[:-1], id="no newline at the end"),
        pytest.param(b"rubbish\n", id="rubbish"),
        pytest.param(b"\xff\xfe\n", id="no text"),
        pytest.param(b"[" * 100_000 + b"\n", id="nested"),
        pytest.param(lines(7), id="a number"),
        pytest.param(lines({"answer": FOUND}), id="half of it missing"),
        pytest.param(
            lines({"answer": {**FOUND, "variables": {"A": 1}}, "warnings": [], "credentials": None}), id="type"
        ),
        pytest.param(
            lines({"error": {"kind": "ContentError"}, "warnings": [], "credentials": None}), id="half an error"
        ),
    ],
)
def test_no_answer(raw: bytes) -> None:
    """Nothing and rubbish are a transient error of the fetcher that shows nothing of it."""
    found = read_answer(raw, "signal 9")
    assert isinstance(found.error, FetcherError)
    assert found.error.transient
    assert found.error.link == "fetcher"
    assert found.error.message == "the fetcher ended without an answer: signal 9"
    assert (found.variables, found.credentials) == ({}, None)


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer beyond all reason is not parsed."""
    good = lines({"answer": FOUND, "warnings": [], "credentials": None})
    monkeypatch.setattr(protocol, "LARGEST", len(good) - 1)
    assert isinstance(read_answer(good).error, FetcherError)
    monkeypatch.setattr(protocol, "LARGEST", len(good))
    assert read_answer(good).error is None


def test_last_step_is_blamed() -> None:
    """A fetcher that was killed is blamed on the step that it had come to."""
    steps = lines({"link": "certificate", "at": "device.crt"}, {"link": "DNS", "at": "host"})
    error = read_answer(steps + b'{"answer": {"vari', "signal 9").error
    assert error is not None
    assert error.link == "DNS"
    assert error.message == "the fetcher ended without an answer, at step DNS (host): signal 9"


@given(st.binary() | st.lists(st.recursive(st.none() | st.text(), st.lists)).map(lambda many: lines(*many)))
def test_anything(raw: bytes) -> None:
    """Whatever a fetcher leaves, the supervisor gets an answer."""
    assert isinstance(read_answer(raw).error, FetcherError)
