"""What a message may quote of a user's text."""

from __future__ import annotations

import base64

import pytest

from secretenv.config import merge, parsers
from secretenv.config.options import OPTIONS
from secretenv.config.quoting import name, no_path, shown, uri
from secretenv.errors import SettingsError

MARKER = "MARKERsecretMARKER"
PEM = f"-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----\n"
TEXTS = {
    "PEM": PEM,
    "PEM on one line": PEM.replace("\n", " ").strip(),
    "PEM with \\n": PEM.replace("\n", r"\n"),
    "carriage returns": f"{MARKER}\r{MARKER}",
    "JSON": f'{{"password":"{MARKER}"}}',
    "base64 of PEM": base64.b64encode(PEM.encode()).decode(),
    "base64 of DER": "MIGH" + "b64" * 20 + MARKER,
    "long": MARKER * 300,
}
# Everything that a user gives a text for.
TEXT_OPTIONS = [option for option in OPTIONS if not option.flag]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_can_be_no_path_is_not_quoted(text: str) -> None:
    """The text of a key, a secret's JSON, or more than a path can hold: the message says what it is, not the text."""
    assert no_path(text)
    assert MARKER not in shown(text) + name(text)


@pytest.mark.parametrize("text", ["/etc/x y", "é", "C:\\x", "a=b", "Many/of/my/folders.d/with-a-file", "M" * 40])
def test_what_can_be_a_path_is_quoted(text: str) -> None:
    """An odd path is one nevertheless."""
    assert no_path(text) == ""
    assert parsers.path(text) == text
    assert shown(text) == repr(text)


@pytest.mark.parametrize("text", [text for text in TEXTS.values() if " " not in text and "\r" not in text])
@pytest.mark.parametrize("option", TEXT_OPTIONS, ids=lambda option: option.name)
def test_no_setting_quotes_it(option: object, text: str) -> None:
    """Whichever setting such a text is given for, by flag, by variable or in the file, no error shows it."""
    assert isinstance(option, type(OPTIONS[0]))
    given = [text] if option.repeatable else text
    for flags, environ in (({option.key: given}, {}), ({}, {option.variable: text})):
        with pytest.raises(SettingsError) as error:  # at the least, other settings are missing
            merge.read(flags, {"XDG_CONFIG_HOME": "/nowhere", **environ}, ["true"])
        assert MARKER not in error.value.message + error.value.hint


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("key", ["cert", "key", "key_password_file", "ca"])
def test_a_path_is_asked_for(key: str, text: str) -> None:
    """A setting that takes a path says so, and names its source."""
    with pytest.raises(SettingsError) as error:
        merge.read({key: text}, {"XDG_CONFIG_HOME": "/nowhere"}, ["true"])
    assert error.value.message.startswith(f"--{key.replace('_', '-')}: expected a path, but got text with ")
    assert error.value.hint == "write the path of the file that holds it"


def test_a_quote_that_an_env_file_keeps() -> None:
    """`SECRETENV_CERT="/c.pem"` of docker's --env-file has the quotes in it: the error says where they come from."""
    with pytest.raises(SettingsError, match="begins and ends with a quote") as error:
        parsers.path('"/c.pem"')
    assert "env-file" in error.value.hint


def test_a_password_in_the_place_of_its_file() -> None:
    """A single word that is no file here may be the password: it is not shown; the path of a missing file is."""
    with pytest.raises(SettingsError) as error:
        merge.read({"key_password_file": MARKER}, {"XDG_CONFIG_HOME": "/nowhere"}, ["true"])
    assert error.value.message.startswith("--key-password-file: there is no such file")
    assert MARKER not in error.value.message + error.value.hint
    found = merge.read({"key_password_file": f"./{MARKER}", "secret": ["file:///x"]}, {}, ["true"])
    assert found.device.key_password_file.endswith(MARKER)


@pytest.mark.parametrize("key", ["cert", "key", "key_password_file", "ca", "config"])
@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("pkcs11:object=k?pin-value=MARKER", "does not support keys in hardware"),
        ("PKCS11:token=t;object=k?pin-source=MARKER", "does not support keys in hardware"),
        (" 'pkcs11:id=%01?pin-value=MARKER'", "does not support keys in hardware"),
        ("tpm2:MARKER", "does not support keys in hardware"),
        ("handle:MARKER", "does not support keys in hardware"),
        ("file:///etc/MARKER.pem", "without file://"),
        ("arn:aws:acm:eu-west-1:123456789012:certificate/MARKER", "the path of a file on this machine"),
        ("s3://MARKER/key.pem", "the path of a file on this machine"),
        ("https://user:MARKER@host/key.pem", "the path of a file on this machine"),
        ("/etc/k?pin-value=MARKER", "write the path of the file"),
    ],
)
def test_a_uri_for_a_path(key: str, text: str, hint: str) -> None:
    """The URI of a key in hardware may hold a PIN: no part of it is shown, and the hint says what is supported."""
    with pytest.raises(SettingsError) as caught:
        merge.read({key: text, "secret": ["file:///s"]}, {}, ["true"])
    assert "MARKER" not in f"{caught.value.message} {caught.value.hint}"
    assert hint in caught.value.hint


def test_a_path_that_looks_like_a_uri() -> None:
    """A file may have a colon in its name."""
    assert uri("a:b") == uri("/etc/file:x") == uri("./pkcs11:x") == ""
