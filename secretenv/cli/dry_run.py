"""The plan that `run --dry-run` shows: variables, their secrets and what they replace; never a value. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretenv.cli.edges import edges
from secretenv.guessing import shown_key
from secretenv.settings import MISSING
from secretenv.wording import printable, short, shown_version

if TYPE_CHECKING:
    from collections.abc import Collection

    from secretenv.protocol import Answer


def plan(file: str, answer: Answer, inherited: Collection[str], settings: Collection[str]) -> str:
    """Return the lines that name the program, the variables it would get, and the settings that led there.

    Args:
        file: the program that would be executed.
        answer: of a fetch that succeeded.
        inherited: the names of the variables that the command would get without any secret.
        settings: each with its source, in words.
    """
    rows = [("VARIABLE", "SECRET", "NOTE")]
    for name in sorted(answer.variables):
        notes = ["replaces an inherited variable"] if name in inherited else []
        rows.append(
            (printable(shown_key(name)), answer.origins[name], ", ".join([*notes, *edges(answer.variables[name])]))
        )
    rows += [(short(target), answer.origins[target], "a file") for target in sorted(answer.files)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}".rstrip() for row in rows]
    versions = [f"{secret}: {_version(secret, version)}" for secret, version in answer.versions.items()]
    given = [f"setting: {printable(line)}" for line in settings]
    return "\n".join([*lines, "", *given, *versions, f"command: {printable(file)} (not started)"]) + "\n"


def _version(secret: str, version: str) -> str:
    """Return the version of a secret in words."""
    if version == MISSING:
        return "does not exist; it is optional"
    return f"version {shown_version(secret, version) or 'not shown: it is a file'}"
