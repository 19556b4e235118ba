"""Read the words after `secretenv run` without typer, as long as each is an option of the table or its value.

Typer takes a quarter of a second of CPU to load and to read them, several seconds on a small board, and every start of
a service would pay for it. Help, errors and all other words are left to typer. The values are the business of `merge`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from secretenv.config import merge
from secretenv.config.options import OPTIONS, Option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BY_FLAG = {f"--{option.name}": option for option in OPTIONS}
_BY_NEGATION = {f"--no-{option.name}": option for option in OPTIONS if option.flag}


def read(words: Sequence[str]) -> tuple[dict[str, Any], list[str]] | None:
    """Return the given options, as `merge.read` takes them, and the command; None where typer has to read the words.

    Args:
        words: those after `run`.
    """
    flags: dict[str, Any] = {}
    negated: dict[str, bool] = {}  # `--no-NAME` wins wherever it is
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if option := _BY_NEGATION.get(word):
            negated[option.key] = False
            continue
        flag, equals, value = word.partition("=")
        option = _BY_FLAG.get(flag)
        if option is None or (option.flag and equals):
            return None
        if not option.flag and not equals:
            if not rest or rest[0].startswith("-"):
                return None  # a value that was forgotten, or one that begins with a dash
            value = rest.pop(0)
        flags[option.key] = _added(option, flags.get(option.key), value)
    return ({**flags, **negated}, rest) if rest else None


def _added(option: Option, before: Any, value: str) -> Any:
    """Return the value of an option after it was given again."""
    if option.flag:
        return True
    return [*(before or []), value] if option.repeatable else value


def write_settings(words: Sequence[str], environ: Mapping[str, str], descriptor: int) -> bool:
    """Write the settings that these words ask for as one JSON document, or return False where typer has to read them.

    Raises:
        SettingsError: a value cannot be used, or something is missing.
    """
    # A shell sets this variable to ask for completions.
    found = None if "_SECRETENV_COMPLETE" in environ else read(words)
    if found is None:
        return False
    text = json.dumps(merge.read(found[0], environ, found[1]).to_json())
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    return True
