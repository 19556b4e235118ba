"""The parsers: from a user's text to a value, or to an error that shows a valid one."""

from __future__ import annotations

import re
import shlex
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretenv.config import parsers
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5s", 1.5), ("0", 0), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations: 500ms, 90, 90s, 5m, 1h30m."""
    assert parsers.duration(text) == pytest.approx(seconds)


def test_a_duration_has_an_end() -> None:
    """A duration that no clock can hold is refused; ten years are enough."""
    assert parsers.duration("3650d") == 3650 * 86400
    for text in ("3651d", "99999999999h", "1e9"):
        with pytest.raises(SettingsError):
            parsers.duration(text)


@pytest.mark.parametrize("text", ["", "5x", "-1s", "1h 30", "m", "1s5", "5 m", "٣s", "1e3", "inf", "nan"])
def test_bad_durations_are_refused_with_examples(text: str) -> None:
    """The error for a bad duration shows valid ones."""
    with pytest.raises(SettingsError) as error:
        parsers.duration(text)
    assert "1h30m" in error.value.hint


@pytest.mark.parametrize(
    ("text", "number"),
    [("TERM", 15), ("sigterm", 15), ("15", 15), ("RTMIN", 34), ("rtmin+3", 37), ("RTMAX-1", 63), ("USR1", 10)],
)
def test_signals(text: str, number: int) -> None:
    """Signals by name, case-insensitively, with or without SIG, or by number."""
    assert parsers.signal_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TREM",
        "0",
        "65",
        "99",
        "KILL",
        "STOP",
        "CHLD",
        "9",
        "RTMIN+99",
        "_IGN",
        "_DFL",
        "9" * 5000,
        f"RTMIN+{'9' * 5000}",
    ],
)
def test_bad_signals_are_refused_with_the_valid_ones(text: str) -> None:
    """The error for an unknown signal lists the valid ones."""
    with pytest.raises(SettingsError) as error:
        parsers.signal_number(text)
    assert "HUP" in error.value.hint
    assert "USR2" in error.value.hint


def test_kill_signal_may_be_kill() -> None:
    """KILL is allowed, by name and by number, to stop a command."""
    assert parsers.kill_signal("KILL") == parsers.kill_signal("9") == signal.SIGKILL
    with pytest.raises(SettingsError):
        parsers.kill_signal("STOP")


@pytest.mark.parametrize(
    ("parse", "words"),
    [
        (parsers.kill_signal, ["KILL", "HUP"]),
        (parsers.optional_signal, ["none", "HUP"]),
        (parsers.on_change, ["restart", "exit", "ignore", "HUP"]),
    ],
)
def test_what_may_be_given_beside_a_signal_is_listed_too(parse: Callable[[str], object], words: list[str]) -> None:
    """The error for an unknown signal lists the other words that the option takes as well."""
    with pytest.raises(SettingsError) as error:
        parse("TREM")
    assert set(words) <= set(re.findall(r"\w+", error.value.hint))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("c1.credentials.iot.eu-west-1.amazonaws.com", "c1.credentials.iot.eu-west-1.amazonaws.com"),
        ("localhost:8443", "localhost:8443"),
        ("https://localhost:8443/", "localhost:8443"),
        ("HTTPS://Host.Example", "host.example"),
        ("[::1]:443", "[::1]:443"),
    ],
)
def test_endpoints(text: str, host: str) -> None:
    """--endpoint takes HOST, HOST:PORT or a URL."""
    assert parsers.endpoint(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "http://host",
        "host/path",
        "host:port",
        "https://u@host",
        "a b",
        "ftp://x",
        "https://",
        "host?x",
        "h:99999",
        "h:0",
        "ho\nst",
        "ho\tst",
        "host\x00",
        ".",
        "*.host",
        "a..b",
        "-h",
        "h%2e",
        "\u24dbocalhost",
        "host\u3002example",
        "[::1%lo]",
    ],
)
def test_bad_endpoints_are_refused(text: str) -> None:
    """Plain HTTP and anything that is not an endpoint is refused, with the command that prints the right one."""
    with pytest.raises(SettingsError) as error:
        parsers.endpoint(text)
    assert "describe-endpoint" in error.value.hint


@pytest.mark.parametrize(
    "text", ["user:s3cret@host", "https://user:s3cret@host", "http://user:s3cret@host", "u:s3cret@h:x"]
)
def test_a_password_in_an_endpoint_is_not_shown(text: str) -> None:
    """An endpoint takes none, and the error does not show it."""
    with pytest.raises(SettingsError) as error:
        parsers.endpoint(text)
    assert "s3cret" not in error.value.message + error.value.hint


@pytest.mark.parametrize(
    ("parse", "good", "bad", "message", "hint"),
    [
        (parsers.role_alias, "a_=,@-Z9", "a/b", "not a role alias: 'a/b'", "use 1 to 128 letters, digits and"),
        (parsers.thing_name, "a:b_c-1", "a b", "not a thing name: 'a b'", "use 1 to 128 letters, digits and : _ -"),
        (parsers.region, "us-gov-west-1", "nowhere", "not a region: 'nowhere'", "eu-west-1"),
        (parsers.version_stage, "AWSPREVIOUS", "a\t", "not a staging label: 'a\\t'", "AWSCURRENT"),
    ],
    ids=["role alias", "thing name", "region", "staging label"],
)
def test_names_that_aws_takes(parse: Callable[[str], str], good: str, bad: str, message: str, hint: str) -> None:
    """A name that AWS would refuse is refused here, with the characters that it may have."""
    assert parse(good) == good
    with pytest.raises(SettingsError) as error:
        parse(bad)
    assert error.value.message == message
    assert hint in error.value.hint


@pytest.mark.parametrize("text", ["maybe", "2", "", "wahr"])
def test_bad_booleans_are_refused(text: str) -> None:
    """Booleans: 1/true/yes/on, 0/false/no/off, and nothing else."""
    with pytest.raises(SettingsError, match="not a boolean: "):
        parsers.boolean(text)


def test_choices_name_the_nearest() -> None:
    """A misspelt word gets the nearest valid one, any other the list."""
    with pytest.raises(SettingsError) as error:
        parsers.choice("debug", "info")("inof")
    assert error.value.message == "unknown value: 'inof'"
    assert error.value.hint == "did you mean info? use one of debug, info"
    with pytest.raises(SettingsError) as error:
        parsers.choice("debug", "info")("xml")
    assert error.value.hint == "use one of debug, info"


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("pkcs11:object=k?pin-value=1234", "keys in hardware"),
        ("PKCS11:object=k?pin-source=file:/1234", "keys in hardware"),
        ("'pkcs11:object=k?pin-value=1234'", "keys in hardware"),
        (" tpm2:1234", "keys in hardware"),
        ("file:///certs/1234", "without file://"),
        ("file:1234", "without file://"),
        ("arn:aws:secretsmanager:eu-west-1:1234:secret:k", "a file on this machine"),
        ("s3://bucket/1234", "a file on this machine"),
        ("x;pin-value=1234", "the path of the file"),
    ],
)
def test_a_uri_for_a_path(uri: str, hint: str) -> None:
    """A URI is no path, and nothing of it but its scheme is shown; quotes or spaces around it change nothing."""
    with pytest.raises(SettingsError) as caught:
        parsers.path(uri)
    assert hint in caught.value.hint
    assert "1234" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("path", ["/certs/arn:aws.pem", "./pkcs11:x", "a:b.pem", "certs/device.key", "pkcs11.pem"])
def test_a_path_with_a_colon(path: str) -> None:
    """A colon makes no URI."""
    assert parsers.path(path) == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("none", ()),
        (" none ", ()),
        ("check-db", ("check-db",)),
        ("check-db  --file '/a b'\t\"c d\" e\\ f", ("check-db", "--file", "/a b", "c d", "e f")),
        ("sh -c 'test \"$DB\" && exit 1; ls ~'", ("sh", "-c", 'test "$DB" && exit 1; ls ~')),
        ('sh -c "test \\"$DB\\" | cat"', ("sh", "-c", 'test "$DB" | cat')),
        ("check \\$5 a~b '' # *", ("check", "$5", "a~b", "", "#", "*")),
        ("'none'", ("none",)),
        ("./none", ("./none",)),
        ("check\n", ("check",)),
    ],
)
def test_programs(text: str, words: tuple[str, ...]) -> None:
    """A program and its arguments, split as a POSIX shell splits them; `none` is none."""
    assert parsers.program(text) == words


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "no program is named: ''", "write for example"),
        ("  \t", "no program is named: '  \\t'", "or none"),
        ("'' x", "no program is named", "write for example"),
        ("check 'db", 'a quote or a backslash is left open: "check \'db"', "close it"),
        ('check "db', "a quote or a backslash is left open", "close it"),
        ("check db\\", "a quote or a backslash is left open", "close it"),
        ("a\0b", "a program's words cannot contain a NUL: 'a\\x00b'", "write for example"),
        ("~/check", "no shell runs this program, so ~ has no effect: '~/check'", "write the path"),
        ("check ~me/db", "so ~ has no effect", "sh -c '...'"),
        ("$HOME/check", "so $ has no effect", "sh -c '...'"),
        ("check `db`", "so ` has no effect", "sh -c '...'"),
        ("check && db", "so & has no effect", "sh -c '...'"),
        ("check db > /dev/null", "so > has no effect", "sh -c '...'"),
        ("check\ndb", "so a newline has no effect", "sh -c '...'"),
        ("DB=s3cret check", "DB=... is not a program, and no shell sets the variable", "env in front"),
        ("file:///s3cret", "a path is needed, not a URI", ""),
        ("-----BEGIN\\ PRIVATE", "expected a path", ""),
        ("s3cret-" * 20 + "$", "(text with more than 128 characters, not shown)", ""),
    ],
)
def test_bad_programs(text: str, message: str, hint: str) -> None:
    """What is no program, and what only a shell could run, is refused with what to write instead."""
    with pytest.raises(SettingsError) as error:
        parsers.program(text)
    assert message in error.value.message
    assert hint in error.value.hint
    assert "s3cret" not in error.value.message + error.value.hint


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1))
def test_a_quoted_word_is_itself(words: list[str]) -> None:
    """Whatever is quoted for a shell is found as it is: what a shell would do with it unquoted does not matter."""
    assert parsers.program(" ".join(["check", *(shlex.quote(word) for word in words)])) == ("check", *words)
