"""The rooms of the package: imports go one way, and what is dear is imported in one room only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "secretenv"

# From the bottom up: a room may import the rooms above it in this list, never one below.
ROOMS = [
    "__init__",
    "errors",
    "settings",
    "actions",
    "words",
    "versions",
    "refresh",
    "notices",
    "lifecycle",
    "log",
    "notify",
    "program",
    "processes",
    "signals",
    "child",
    "helper",
    "terminal",
    "answer",
    "fetching",
    "handover",
    "supervisor",
    "parsers",
    "options",
    "examples",
    "configfile",
    "config",
    "plainwords",
    "environ",
    "x509",
    "certificate",
    "network",
    "refusals",
    "temporary",
    "credentials",
    "batch",
    "secretsmanager",
    "localfile",
    "fetcher",
    "isolation",
    "polling",
    "report",
    "probes",
    "check",
    "export",
    "process",
    "dryrun",
    "output",
    "provision",
    "sandbox",
    "cli",
    "__main__",
]

# What the supervisor process loads, and keeps for as long as the command runs.
SUPERVISOR = ROOMS[: ROOMS.index("supervisor") + 1]

ONLY_IN = {
    "requests": {"credentials"},
    "boto3": {"secretsmanager", "provision", "sandbox"},
    "botocore": {"secretsmanager", "provision", "sandbox"},
    "typer": {"cli", "provision"},
    "click": set[str](),
    "moto": {"sandbox"},
    "flask": {"sandbox"},
    "cryptography": {"sandbox"},
    "rich": {"report", "sandbox"},
}


def room_of(path: Path) -> str:
    """Return the room a file belongs to: its name, or the folder's."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports, in functions and for types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            if node.module == "secretenv":
                found |= {f"secretenv.{alias.name}" for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_is_on_the_list() -> None:
    """A new room is put where it belongs; one that is gone leaves the list."""
    assert {room_of(path) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    """A room imports only rooms below it; the dear libraries are imported in their own rooms only."""
    room = room_of(path)
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "secretenv" and rest:
            other = rest.partition(".")[0]
            if other in ROOMS and other != room:
                assert ROOMS.index(other) < ROOMS.index(room), f"{room} imports {other}"
        elif top in ONLY_IN:
            assert room in ONLY_IN[top], f"{room} imports {top}"


@pytest.mark.parametrize("room", SUPERVISOR)
def test_supervisor_rooms_are_light(room: str) -> None:
    """What the supervisor loads imports nothing that is heavy and would stay."""
    heavy = {"typing", "dataclasses", "logging", "subprocess", "socket", "ssl", "datetime", "random", "pathlib", "enum"}
    tree = ast.parse((PACKAGE / f"{room}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    plain = {name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in _names(node)}
    assert not (plain | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}) & heavy


def _names(node: ast.Import) -> set[str]:
    return {alias.name for alias in node.names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_have_one_job(path: Path) -> None:
    """A room that grows past 350 lines is no longer one; each says its job in its docstring."""
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 350
