"""What no editor shows at the edges of a value: a newline at its end, a byte order mark at its start.

`echo hunter2 > file` and a Windows editor put them into a secret, and the program's login fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTE_ORDER_MARK = "\ufeff"


def edges(value: str) -> list[str]:
    """Return what is odd at the edges of a value, in words that follow its name.

    The newline at the end of text of several lines is not: a PEM file has one.
    """
    found = ["begins with a byte order mark"] if value.startswith(BYTE_ORDER_MARK) else []
    if value.endswith("\n") and "\n" not in value[:-1]:
        found.append("ends with a newline")
    return found


def by_edge(variables: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of the variables for each odd edge that a value has."""
    found: dict[str, list[str]] = {}
    for name, value in variables.items():
        for words in edges(value):
            found.setdefault(words, []).append(name)
    return found
