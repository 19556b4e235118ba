"""`SECRETENV_KEY="$(cat key.pem)"`: a key's text in place of a path is shown by no command, in no form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.conftest import MARKER
from tests.running import SECRETENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import World
    from tests.running import Program

KEY = f"-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----"
COMMANDS = {
    "run": ["run", "--", "true"],
    "json": ["run", "--log-format=json", "--log-level=debug", "--", "true"],
    "once": ["run", "--once", "--", "true"],
    "dry-run": ["run", "--dry-run", "--", "true"],
    "check": ["check"],
    "check verbose": ["check", "--verbose"],
    "check json": ["check", "--json"],
    "export": ["export"],
    "credentials": ["credentials"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_key_in_the_place_of_its_path(start: Callable[..., Program], world: World, words: list[str]) -> None:
    """Each command names the variable and says that expected a path."""
    program = start(SECRETENV, *words, variables={**world.variables(), "SECRETENV_KEY": KEY})
    assert program.ends() == (125 if words[0] == "run" else 2)
    said = program.out + program.err
    assert "SECRETENV_KEY: expected a path, but got text with a newline" in said
    assert MARKER not in said


@pytest.mark.parametrize("words", [["run", KEY, "--", "true"], ["check", KEY], ["run", "--cert", KEY, "--", "true"]])
def test_a_key_among_the_words(start: Callable[..., Program], words: list[str]) -> None:
    """A text that is taken for an option, or is one's value, is not quoted either."""
    program = start(SECRETENV, *words)
    assert program.ends() == (125 if words[0] == "run" else 2)
    assert "but got text with a newline" in program.err
    assert MARKER not in program.out + program.err


def test_a_command_may_have_such_words(run: Callable[..., Program], tmp_path: object) -> None:
    """The words of the command are its own: a script with newlines is no mistake."""
    (secret := tmp_path / "s.json").write_text('{"A": "b"}')  # type: ignore[operator]
    program = run("--secret", f"file://{secret}", "sh", "-c", 'echo "$A"\necho {}')
    assert program.ends() == 0
    assert program.out == "b\n{}\n"


FORMS = {"lines": KEY, "escaped": KEY.replace("\n", "\\n"), "one line": KEY.replace("\n", " ")}
BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ" + MARKER.replace("-", "").replace("_", "")


@pytest.mark.parametrize("words", [["run", "--", "true"], ["check", "--json"], ["export"], ["credentials"]])
@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_roots_in_the_place_of_their_path(
    start: Callable[..., Program], world: World, words: list[str], text: str
) -> None:
    """AWS_CA_BUNDLE is not secretenv's own variable, and its text is shown as little."""
    program = start(SECRETENV, *words, variables={**world.variables(), "AWS_CA_BUNDLE": text})
    assert program.ends() == (125 if words[0] == "run" else 2)
    assert "AWS_CA_BUNDLE: expected a path, but got text with" in program.out + program.err
    assert MARKER not in program.out + program.err


@pytest.mark.parametrize(
    "words", [["run", "--log-level=debug", "--", "true"], ["run", "--dry-run", "--", "true"], ["check"]]
)
@pytest.mark.parametrize("name", ["ONLY", "EXCEPT", "DROP"])
def test_a_key_in_the_place_of_a_list(start: Callable[..., Program], world: World, words: list[str], name: str) -> None:
    """Its lines become many words of the list, and none of them is shown with the settings."""
    program = start(SECRETENV, *words, variables={**world.variables(), f"SECRETENV_{name}": KEY})
    program.ends()
    assert MARKER not in program.out + program.err


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    "words", [["run", "--"], ["run", "--dry-run", "--"], ["sandbox", "--fault"], ["sandbox", "--"]]
)
def test_a_key_in_the_place_of_a_command(
    start: Callable[..., Program], world: World, words: list[str], text: str
) -> None:
    """Neither a program that is not found nor a fault that there is not is quoted."""
    program = start(SECRETENV, *words, text, variables=world.variables())
    assert program.ends() != 0
    assert MARKER not in program.out + program.err


@pytest.mark.parametrize("text", [*FORMS.values(), BASE64], ids=[*FORMS, "base64"])
@pytest.mark.parametrize(
    "option",
    ["--secret", "--role", "--role-alias", "--policy", "--thing-group", "--kms-key", "--duration", "--region",
     "--profile", "--from-file", "--certificate", "--new-certificate", "--output", ""],
)  # fmt: skip
def test_a_key_among_the_options_of_provision(start: Callable[..., Program], option: str, text: str) -> None:
    """The operator's shell history and the log of the build get no key either."""
    words = [option, text] if option else [f"--{text}"]
    nobody = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "eu-west-1"}
    program = start(
        SECRETENV, "provision", "myapp", *words, variables={**nobody, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    )
    assert program.ends() in {1, 2}
    assert MARKER not in program.out + program.err
    assert text[:64] not in program.out + program.err


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"])
def test_a_key_in_a_variable_of_the_operator(start: Callable[..., Program], name: str) -> None:
    """The errors of boto3 would quote it."""
    nobody = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "eu-west-1"}
    program = start(SECRETENV, "provision", "myapp", variables={**nobody, name: KEY})
    assert program.ends() == 2
    assert f"{name}: expected a" in program.err
    assert MARKER not in program.out + program.err
