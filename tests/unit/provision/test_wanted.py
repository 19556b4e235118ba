"""The operator's options become names, or an error."""

from __future__ import annotations

import re
from typing import Any

import pytest

from secretenv.errors import SecretenvError
from secretenv.provision.wanted import wanted
from tests.unit.provision.templates import ID, PREFIX


def test_all_names_come_from_one() -> None:
    """NAME is the secret; role, role alias and policy are `secretenv-NAME`; a new certificate's thing is NAME."""
    made = wanted("myapp", folder="certs")
    assert (made.secrets, made.role, made.alias, made.policy, made.thing, made.duration, made.tags) == (
        ("myapp",),
        *["secretenv-myapp"] * 3,
        "myapp",
        3600,
        {"secretenv": "myapp"},
    )


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a b", {}, "NAME"),
        ("x" * 55, {}, "NAME"),
        ("a", {"role": "a/b"}, "--role"),
        ("a", {"thing": "a/b", "certificate": ID}, "--thing"),
        ("a", {"secrets": ["a*"]}, "--secret"),
        ("a", {"secrets": [PREFIX + "x-AbCdEf"], "per_thing": True}, "--secret"),
        ("a", {"duration": "10m"}, "--duration"),
        ("a", {"duration": "13h"}, "--duration"),
        ("a", {"duration": "1000.5s"}, "duration"),
        ("a", {"certificate": ID, "group": "g"}, "--certificate and --thing-group exclude"),
        ("a", {"folder": "d", "certificate": ID}, "--certificate and --new-certificate exclude"),
        ("a", {"per_thing": True, "folder": "d"}, "no thing is given"),
        ("a", {"thing": "t"}, "needs a certificate"),
    ],
)
def test_what_cannot_be(name: str, options: dict[str, Any], words: str) -> None:
    """A name that AWS does not allow, or options that exclude each other, are refused before AWS is asked."""
    with pytest.raises(SecretenvError, match=re.escape(words)):
        wanted(name, **options)
