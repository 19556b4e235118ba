"""The packages and files of secretenv as docs/architecture.md lists them: from their docstrings and the arrows."""

from __future__ import annotations

import ast
import re

from tests.unit.test_structure import ARROWS, FILES, PACKAGE, package_of, parsed, room_of

# What belongs to no folder has no `__init__` to say what it is.
_FILES_ALONE = {
    "shared": "The files beside the packages: what the processes say to one another.",
    "__main__": "",
}


def packages() -> str:
    """Return the packages in Markdown, one sentence each, with all that each may import of secretenv."""
    rows = ["| package | what it is | imports |", "| --- | --- | --- |"]
    for package, targets in ARROWS.items():
        arrows = ", ".join(f"*{each}*" if each == "shared" else f"`{each}`" for each in sorted(targets - {package}))
        rows.append(f"| {_shown(package)} | {_sentence_of(package)} | {arrows or '-'} |")
    return "\n".join(rows)


def files() -> str:
    """Return all files in Markdown, package by package, with the first sentence of each."""
    lines = []
    for package in ARROWS:
        if package != "__main__":
            lines += ["", f"**{_shown(package)}**", ""]
            rooms = {room_of(path): path for path in FILES if package_of(room_of(path)) == package}
            lines += [
                f"- `{path.relative_to(PACKAGE if package == 'shared' else PACKAGE / package)}`: {sentence}"
                for room, path in rooms.items()
                if not room.endswith("__init__") and (sentence := first_sentence(parsed(path)))
            ]
    return "\n".join(lines).strip()


def first_sentence(module: ast.Module) -> str:
    """Return the first sentence of a docstring, which says the one job of a file."""
    paragraph = " ".join((ast.get_docstring(module) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z`])", paragraph)[0]


def _shown(package: str) -> str:
    return {"shared": "*shared*", "__main__": "`__main__.py`"}.get(package, f"`{package}/`")


def _sentence_of(package: str) -> str:
    if text := _FILES_ALONE.get(package):
        return text
    file = PACKAGE / f"{package}.py" if package in _FILES_ALONE else PACKAGE / package / "__init__.py"
    return first_sentence(parsed(file))
