"""Find one value of a secret by the name of its key, or by a path of keys with dots in between. Pure.

`database.password` is the member `password` of the member `database`. A key that has the dots in its own name takes
precedence, on every level; a number names an element of an array, from 0 on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

SEPARATOR = "."


def found(content: Any, path: str) -> list[Any]:
    """Return the values that a path can mean: one, none, or several where keys have dots in their names.

    Args:
        content: the JSON value to look in.
        path: as above.
    """
    if isinstance(content, dict):
        return [content[path]] if path in content else [*_below(content, path)]
    if isinstance(content, list):
        number, dot, rest = path.partition(SEPARATOR)
        if number.isdecimal() and number.isascii() and int(number) < len(content):
            return found(content[int(number)], rest) if dot else [content[int(number)]]
    return []


def _below(content: Mapping[str, Any], path: str) -> Iterator[Any]:
    """Yield what the path leads to for each of its prefixes that is a key and ends before a dot."""
    for place, character in enumerate(path):
        if character == SEPARATOR and path[:place] in content:
            yield from found(content[path[:place]], path[place + 1 :])


def paths(content: Mapping[str, Any], before: str = "", levels: int = 3) -> Iterator[str]:
    """Yield the path of each value that is not an object, or is an empty one, or is below this many levels."""
    for key, value in content.items():
        if isinstance(value, dict) and value and levels:
            yield from paths(value, f"{before}{key}{SEPARATOR}", levels - 1)
        else:
            yield f"{before}{key}"
