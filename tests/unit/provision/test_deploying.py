"""The lines that follow a template can be run by a shell as they are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from secretenv.provision import deploying
from secretenv.provision.deploying import Where
from secretenv.provision.wanted import wanted
from tests.unit.provision.templates import ID


@pytest.mark.parametrize("name", ["app", "my_app", "_a-B_9"])
def test_a_stack_name_is_one(name: str) -> None:
    """CloudFormation allows letters, digits and `-` for a stack's name."""
    assert re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", deploying.stack_name(name))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"folder": "certs"},
        {"folder": "a folder", "thing": "t", "per_thing": True, "secrets": ["x", "y"]},
        {"certificate": ID, "role": "r", "alias": "a", "policy": "p", "duration": "12h"},
        {"group": "g", "kms_keys": ["arn:aws:kms:eu-west-1:111122223333:alias/mine"]},
    ],
)
def test_the_words_ask_for_the_same_again(options: dict[str, Any]) -> None:
    """What follows `secretenv provision` in the last line is what the template was made with."""
    asked = wanted("app", **options)
    words = asked.words
    names = {"--secret": "secrets", "--role-alias": "alias", "--new-certificate": "folder", "--thing-group": "group"}
    read: dict[str, Any] = {"per_thing": "--per-thing" in words}
    rest = [word for word in words[1:] if word != "--per-thing"]
    for option, text in zip(rest[::2], rest[1::2], strict=True):
        name = names.get(option, option.removeprefix("--").replace("-", "_"))
        if name in {"secrets", "kms_key"}:
            read.setdefault(name.replace("kms_key", "kms_keys"), []).append(text)
        else:
            read[name] = text
    assert wanted(words[0], **read) == asked


@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("", "# save the template as secretenv-my_app/secretenv.tf.json"),
        ("x.tf.json", "terraform init"),
        ("infra/x.tf.json", "terraform -chdir=infra init"),
        ("template.json", "mkdir -p secretenv-my_app"),
    ],
)
def test_terraform_reads_the_file(file: str, first: str) -> None:
    """Terraform reads files called *.tf.json only; a template of another name is put where it looks."""
    assert deploying.terraform(wanted("my_app"), Where(file=file))[0] == first


def test_a_value_from_a_stream() -> None:
    """A value that came from standard input is given again: the file of a `<(command)` is gone."""
    for source in ("-", "/dev/fd/63"):
        remark, line = deploying.cloudformation(wanted("app"), Where(file="t.json", source=source))[:2]
        assert remark.startswith("# the next line reads the secret's value from standard input")
        assert '--parameter-overrides SecretValue="$(cat)"' in line


def test_another_thing_of_a_fleet() -> None:
    """--per-thing: the remark for further things has all the options that the role was made with."""
    asked = wanted("fleet", per_thing=True, thing="one", folder="one", duration="12h", secrets=["a", "b"], alias="x")
    remark = deploying.cloudformation(asked, Where())[-1]
    words = "--per-thing --secret a --secret b --role-alias x --duration 43200 --thing THING --new-certificate DIR"
    assert remark == f"# another thing: secretenv provision fleet {words}"
