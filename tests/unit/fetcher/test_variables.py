"""From secrets to variables: the table, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secretenv.errors import ContentError
from secretenv.fetcher.variables import LONGEST, Reading, plain, variables

MARKER = "v4lue-that-must-not-show"


def secret(content: str | bytes, **changes: Any) -> Reading:
    """Return a reading of a secret called `app`."""
    return Reading(secret=plain("app", **changes), content=content, version="v1", created=None, note="")


def refusal(*readings: Reading) -> ContentError:
    """Return the error that these readings lead to, which shows no value and has a next step."""
    with pytest.raises(ContentError) as caught:
        variables(readings)
    error = caught.value
    assert MARKER not in f"{error.message} {error.hint} {error!r}"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert error.hint
    assert error.link == "content"
    assert not error.transient
    assert "app" in error.message
    return error


VALUES = [
    pytest.param('{"A": "text"}', {"A": "text"}, id="text"),
    pytest.param('{"A": ""}', {"A": ""}, id="empty text"),
    pytest.param('\ufeff{"A": "text"}', {"A": "text"}, id="byte order mark"),
    pytest.param(b'\xef\xbb\xbf{"A": "text"}', {"A": "text"}, id="byte order mark in bytes"),
    pytest.param('{"A": "a\\nb\\t\\"c\\" $d `e` é 😀"}', {"A": 'a\nb\t"c" $d `e` é 😀'}, id="any text"),
    pytest.param('{"A": "\\ud83d\\ude00"}', {"A": "😀"}, id="both halves of a surrogate pair"),
    pytest.param('{"A": 1.10}', {"A": "1.10"}, id="fraction"),
    pytest.param('{"A": 1e3}', {"A": "1e3"}, id="exponent"),
    pytest.param('{"A": -0}', {"A": "-0"}, id="minus zero"),
    pytest.param('{"A": 1E+400}', {"A": "1E+400"}, id="beyond a float"),
    pytest.param('{"A": 12345678901234567890}', {"A": "12345678901234567890"}, id="20 digits"),
    pytest.param('{"A": ' + "9" * 5000 + "}", {"A": "9" * 5000}, id="beyond Python's limit for integers"),
    pytest.param('{"A": true, "B": false}', {"A": "true", "B": "false"}, id="booleans"),
    pytest.param('{"A": null, "B": "b"}', {"B": "b"}, id="null is no variable"),
    pytest.param(
        '{"A": {"b": [1.10, 1e3, null, true, "é\\n", {}, []]}}', {"A": '{"b":[1.10,1e3,null,true,"é\\n",{},[]]}'}
    ),
    pytest.param('{"A": {"x": {}, "ключ": []}}', {"A": '{"x":{},"ключ":[]}'}, id="nested and empty"),
    pytest.param('{"A": {"n": "1"}}', {"A": '{"n":"1"}'}, id="nested text stays text"),
    pytest.param('{"A": {"n": "\\u0000"}}', {"A": '{"n":"\\u0000"}'}, id="nested NUL stays escaped"),
    pytest.param('{"a.b": "1", "c-d": "2"}', {"a.b": "1", "c-d": "2"}, id="names that are not portable"),
    pytest.param('{"ключ": "1"}', {"ключ": "1"}, id="name in another script"),
    pytest.param(' \n{"A": "1"}\n', {"A": "1"}, id="blanks around"),
    pytest.param(b'{"A": "\xc3\xa9"}', {"A": "é"}, id="binary that is JSON"),
]


@pytest.mark.parametrize(
    ("content", "expected"),
    VALUES,
)
def test_values(content: str | bytes, expected: dict[str, str]) -> None:
    """The keys of the JSON object are the names; text is itself, numbers are as written, the rest is compact JSON."""
    assert variables([secret(content)])[0] == expected


NAMES = [
    pytest.param('{"a": "1"}', {"prefix": "APP_"}, ["APP_a"], id="prefix"),
    pytest.param('{"a": "1"}', {"upcase": True}, ["A"], id="upcase"),
    pytest.param('{"a": "1"}', {"prefix": "app_", "upcase": True}, ["APP_A"], id="prefix, then upcase"),
    pytest.param('{"a.b-c d": "1"}', {"sanitize": True}, ["a_b_c_d"], id="sanitize"),
    pytest.param('{"1a": "1"}', {"sanitize": True}, ["_1a"], id="a leading digit"),
    pytest.param('{"1a": "1"}', {"sanitize": True, "prefix": "x"}, ["x1a"], id="prefix, then sanitize"),
    pytest.param('{"a": "1"}', {"sanitize": True, "prefix": "1-"}, ["_1_a"], id="a prefix is sanitized too"),
    pytest.param('{"a=b": "1"}', {"sanitize": True}, ["a_b"], id="sanitize replaces ="),
    pytest.param('{"ß": "1"}', {"sanitize": True, "upcase": True}, ["SS"], id="upcase, then sanitize"),
    pytest.param('{"é": "1"}', {"sanitize": True}, ["_"], id="letters of other scripts are not portable"),
    pytest.param('{"a": "1", "b": "2"}', {"only": ("a",)}, ["a"], id="only"),
    pytest.param('{"a": "1", "b": "2"}', {"except_": ("a",)}, ["b"], id="except"),
    pytest.param('{"a1": "1", "a2": "2"}', {"only": ("a*",), "except_": ("*2",)}, ["a1"], id="except beats only"),
    pytest.param('{"a": "1", "A": "2"}', {"only": ("a",)}, ["a"], id="globs know upper from lower case"),
    pytest.param('{"a": "1"}', {"only": ("a",), "upcase": True, "prefix": "X"}, ["XA"], id="globs see the own keys"),
    pytest.param('{"a": "1", "A": "2"}', {"upcase": True, "except_": ("A",)}, ["A"], id="except solves a collision"),
    pytest.param('{"a": null, "A": "2"}', {"upcase": True}, ["A"], id="null collides with nothing"),
]


@pytest.mark.parametrize(
    ("content", "changes", "names"),
    NAMES,
)
def test_names(content: str, changes: dict[str, Any], names: list[str]) -> None:
    """--only and --except choose among the secret's own keys; then come prefix, upcase and sanitize, in this order."""
    assert list(variables([secret(content, **changes)])[0]) == names


WHOLE = [
    pytest.param(MARKER, MARKER, id="text"),
    pytest.param('{"a": 1}\n', '{"a": 1}\n', id="JSON as it is"),
    pytest.param("", "", id="nothing"),
    pytest.param(b"\x00\xff", "AP8=", id="binary"),
    pytest.param(b'{"a": 1}', "eyJhIjogMX0=", id="binary even if it is text"),
]


@pytest.mark.parametrize(
    ("content", "value"),
    WHOLE,
)
def test_whole_secret(content: str | bytes, value: str) -> None:
    """NAME=ID puts the whole secret in one variable; binary is base64, always."""
    whole = secret(content, name="Name", prefix="P_", upcase=True, only=("x",))
    assert variables([whole])[0] == {"Name": value}


REFUSED = [
    pytest.param(MARKER, {}, "is not a JSON object", id="no JSON"),
    pytest.param("", {}, "is not a JSON object", id="empty"),
    pytest.param(f'"{MARKER}"', {}, "is not a JSON object", id="JSON text"),
    pytest.param("[]", {}, "is not a JSON object", id="array"),
    pytest.param("null", {}, "is not a JSON object", id="null"),
    pytest.param("17", {}, "is not a JSON object", id="number"),
    pytest.param(f'{{"A": "{MARKER}",}}', {}, "not valid JSON at line 1, column", id="broken JSON"),
    pytest.param(f'{{"A": "{MARKER}\\q"}}', {}, "not valid JSON at line 1, column", id="unknown escape"),
    pytest.param(b"\xff" + MARKER.encode(), {}, "is binary and not JSON", id="binary"),
    pytest.param(f'{{"A": "{MARKER}", "A": 1}}', {}, "key A is given twice", id="key twice"),
    pytest.param('{"A": {"B": [{"C": 1, "C": 1}]}}', {}, "key C is given twice", id="key twice, deep"),
    pytest.param('{"A": NaN}', {}, "holds NaN", id="NaN"),
    pytest.param('{"A": [-Infinity]}', {}, "holds -Infinity", id="infinity"),
    pytest.param(f'{{"": "{MARKER}"}}', {}, "a key of secret app is empty", id="empty key"),
    pytest.param(f'{{"": "{MARKER}"}}', {"prefix": "P"}, "a key of secret app is empty", id="empty key with a prefix"),
    pytest.param(f'{{"A=B": "{MARKER}"}}', {}, "the name of key A=B of secret app holds '='", id="="),
    pytest.param(f'{{"A\\u0000": "{MARKER}"}}', {}, 'the name of key "A\\u0000" of secret app', id="NUL in a key"),
    pytest.param(f'{{"A": "{MARKER}\\u0000"}}', {}, "the value of key A of secret app holds a NUL", id="NUL"),
    pytest.param(f"{MARKER}\0", {"name": "A"}, "the value of secret app holds a NUL", id="NUL in a whole secret"),
    pytest.param(f'{{"A": "{MARKER}\\ud83d"}}', {}, "the value of key A of secret app holds half", id="half"),
    pytest.param(f'{{"A": ["{MARKER}\\ude00"]}}', {}, "the value of key A of secret app holds half", id="deep half"),
    pytest.param(f'{{"A\\ud83d": "{MARKER}"}}', {}, 'key "A\\ud83d" of secret app holds half', id="half in a key"),
    pytest.param('{"a.b": "1", "a-b": "2"}', {"sanitize": True}, "keys a.b and a-b of secret app both become a_b"),
    pytest.param('{"a": "1", "A": "2"}', {"upcase": True}, "keys a and A of secret app both become A"),
    pytest.param('{"A": ' + "[" * 100_000 + "]" * 100_000 + "}", {}, "nested too deeply", id="deep"),
    pytest.param('{"A": ' + "[" * 600 + "]" * 600 + "}", {"only": ("B",)}, "", id="deep, but not wanted"),
]


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    REFUSED,
)
def test_refused_content(content: str | bytes, changes: dict[str, Any], words: str) -> None:
    """Content that cannot be a variable is an error with the secret, the key and the next step, never a value."""
    if words:
        assert words in refusal(secret(content, **changes)).message
    else:
        assert variables([secret(content, **changes)])[0] == {}


@pytest.mark.parametrize("content", ["text", "[]", "{", b"\xff"])
def test_hint_of_the_whole_secret(content: str | bytes) -> None:
    """A text that is not a JSON object can still be one variable: the hint says how."""
    assert "--secret NAME=app" in refusal(secret(content)).hint


def test_limit_of_one_variable() -> None:
    """NAME=value and the NUL that ends it may have 128 KiB, counted in bytes of UTF-8."""
    fits = LONGEST - len("Aé=\0".encode())
    assert len(variables([secret(json.dumps({"Aé": "x" * fits}))])[0]["Aé"]) == fits
    error = refusal(secret(json.dumps({"Aé": "x" * (fits + 1)})))
    assert "key Aé of secret app is too large" in error.message
    refusal(secret(json.dumps({"A": "é" * (LONGEST // 2)})))


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    [
        pytest.param("{}", {}, "it is an empty object", id="empty"),
        pytest.param('{"A": null}', {}, "all values are null", id="nulls"),
        pytest.param('{"A": "1"}', {"only": ("B",)}, "no key matches --only/--except", id="no match"),
    ],
)
def test_no_variables(content: str, changes: dict[str, Any], words: str) -> None:
    """A secret that gives no variables is a warning."""
    found, _, warnings = variables([secret(content, **changes)])
    assert found == {}
    assert warnings == [f"secret app gives no variables: {words}"]


def test_right_most_secret_wins() -> None:
    """One name from two secrets: the right-most wins, with a warning that names both."""
    found, origins, warnings = variables(
        [secret('{"A": "1", "B": "1"}', id="left"), secret('{"B": "2", "C": "2"}', id="right")]
    )
    assert found == {"A": "1", "B": "2", "C": "2"}
    assert origins == {"A": "left", "B": "right", "C": "right"}
    assert warnings == ["secret right overrides B of secret left"]


def test_one_secret_twice() -> None:
    """A secret may be used as a whole and by its keys."""
    content = '{"A": "1"}'
    assert variables([secret(content), secret(content, name="ALL")])[0] == {"A": "1", "ALL": content}


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "PATH", "GIT_CONFIG_GLOBAL", "LESSOPEN", "https_proxy", "LUA_INIT", "BASH_FUNC_ls%%"]
)
def test_dangerous_names(name: str) -> None:
    """A name that an attacker would set is set, with a warning."""
    found, _, warnings = variables([secret(json.dumps({name: "1", "FINE": "2"}))])
    assert found == {name: "1", "FINE": "2"}
    assert warnings[-1] == f"a secret sets variables that change what programs run or trust: {name}"


def test_dangerous_by_renaming() -> None:
    """The name that counts is the one that is set."""
    assert "LD_PRELOAD" in variables([secret('{"preload": "1"}', prefix="ld_", upcase=True)])[2][0]


def test_one_warning_for_odd_names() -> None:
    """Names that are not portable are passed on with one warning, which does not grow without end."""
    content = json.dumps({f"a.{i}": "1" for i in range(100)})
    _, _, warnings = variables([secret(content), secret('{"b c": "1"}', id="other")])
    assert len(warnings) == 1
    assert "a.0, a.1" in warnings[0]
    assert "and 91 more" in warnings[0]
    assert variables([secret(content, sanitize=True)])[2] == []


def test_long_and_strange_keys_in_messages() -> None:
    """A message stays on one line and short, whatever a key holds."""
    error = refusal(secret(json.dumps({"\n" + "k" * 1000 + "=": MARKER})))
    assert "\n" not in error.message
    assert len(error.message) < 200


def test_a_reading_shows_no_value() -> None:
    """The value of a secret is not shown, even in a debugger."""
    assert MARKER not in repr(secret(MARKER))
