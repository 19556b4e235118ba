"""The words after `secretenv run`, read without typer where nothing about them is in doubt.

typer takes a quarter of a second of CPU to load and to read them, on a small board several; every start of a service
would pay for it. Help, errors and whatever else is not simply an option of the table, its value and a command are left
to typer, which has the last word on what is right. What the values mean is the business of `config`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from secretenv.config import merge
from secretenv.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BY_NAME = {option.name: option for option in OPTIONS}


def read(words: Sequence[str]) -> tuple[dict[str, Any], list[str]] | None:
    """Return the options that were given, as `merge.read` takes them, and the command; None: it is for typer to say.

    Args:
        words: what stands after `run`.
    """
    flags: dict[str, Any] = {}
    refused: set[str] = set()  # by --no-NAME, which wins wherever it stands
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.removeprefix("--").partition("=")
        negated = _BY_NAME.get(name.removeprefix("no-"))
        if word.startswith("--no-") and negated and negated.flag and not equals:
            refused.add(negated.key)
            continue
        option = _BY_NAME.get(name)
        if option is None or not word.startswith("--") or (option.flag and equals):
            return None
        if option.flag:
            flags[option.key] = True
            continue
        if not equals:
            if not rest or rest[0].startswith("-"):
                return None  # forgotten, or meant: typer knows
            value = rest.pop(0)
        flags[option.key] = [*flags.get(option.key, []), value] if option.repeatable else value
    return ({**flags, **dict.fromkeys(refused, False)}, rest) if rest else None


def write_settings(words: Sequence[str], environ: Mapping[str, str], descriptor: int) -> bool:
    """Write the settings that these words ask for as one JSON document, or return False: they are for typer.

    Raises:
        SecretenvError: they ask for something that cannot be.
    """
    # A shell that completes words calls us with this.
    found = None if "_SECRETENV_COMPLETE" in environ else read(words)
    if found is None:
        return False
    text = json.dumps(merge.read(found[0], environ, found[1]).to_json())
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    return True
