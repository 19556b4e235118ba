"""The walls of the house: which package may import which, and what the resident process may load.

`docs/architecture.md` draws the same picture. A new name in one of these tables is a decision, not a convenience.
"""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = Path(__file__).parents[2] / "secretenv"
FILES = sorted(PACKAGE.rglob("*.py"))

# The files beside the packages: what the processes say to one another.
SHARED = {
    "__init__",
    "cache_protocol",
    "credentials",
    "defects",
    "errors",
    "files",
    "guessing",
    "protocol",
    "settings",
    "values",
    "wording",
}

# What each package may import: whole packages, or single rooms of them. "shared" stands for the files above.
ARROWS = {
    "shared": {"shared"},
    "supervisor": {"shared"},
    "identity": {"shared"},
    "config": {"shared"},
    "fetcher": {"shared", "identity"},
    "cache": {"shared", "identity"},
    "cli": {"shared", "supervisor", "fetcher", "cache", "identity", "config", "provision", "sandbox"},
    "provision": {
        "shared",
        "config.parsers",
        "config.quoting",
        "identity.background",
        "identity.hardening",
        "identity.proxy",
        "identity.x509",
        "fetcher.variables",
    },
    "sandbox": {"shared", "config.parsers", "config.quoting", "provision", "supervisor.ending"},
    "__main__": {
        "shared",
        "supervisor.loop",
        "supervisor.starting",
        "supervisor.caller",
        "cache.main",
        "config.argv",
        "cli.main",
        "cli.stderr",
    },
}
# The operator's and the tester's side: nobody waits for them to load before they are asked for.
LAZY = {"cli": {"provision", "sandbox"}}

# All of the standard library that the process that stays may import, for types alone not counted. Each name costs
# memory for as long as the command runs.
RESIDENT = {
    "__future__", "_ctypes", "_socket", "binascii", "ctypes", "errno", "fcntl", "fnmatch", "json", "os", "select",
    "signal", "stat", "sys", "termios", "time",
}  # fmt: skip

# The libraries that are dear, and the rooms that may import them.
ONLY_IN = {
    "requests": {"identity.provider"},
    "urllib3": {"identity.provider", "identity.connecting"},
    "boto3": {"fetcher.secretsmanager", "provision", "sandbox"},
    "botocore": {"fetcher.secretsmanager", "fetcher.wire", "provision", "sandbox"},
    "typer": {"cli.app", "cli.typer_options", "provision.command"},
    "click": set[str](),
    "moto": {"sandbox"},
    "flask": {"sandbox"},
    "cryptography": {"sandbox", "cache", "config.merge"},
    "rich": {"cli.check.report", "sandbox"},
}

DOCSTRING_ONLY = ("supervisor", "fetcher", "cache", "identity", "config", "cli", "cli/check", "cli/status")
LONGEST_FUNCTION = 40


class Import(NamedTuple):
    """One import statement's module."""

    module: str
    at_load: bool  # whether it runs when the file is loaded, not when a function is called
    for_types: bool  # whether it never runs, and only a type checker reads it


def room_of(path: Path) -> str:
    """Return a file's name with dots below the package: `supervisor.loop`, `errors`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def package_of(room: str) -> str:
    """Return the package of a room, `shared` for a file beside the packages."""
    top = room.partition(".")[0]
    return "shared" if top in SHARED else top


ROOMS = {room_of(path) for path in FILES}


@cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Return what a file imports, in functions and for types alone too."""
    return tuple(_imports(parsed(path).body, at_load=True, for_types=False))


def _imports(nodes: Iterable[ast.AST], *, at_load: bool, for_types: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, at_load, for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                module = whole if whole.removeprefix("secretenv.") in ROOMS else node.module or ""
                yield Import(module, at_load, for_types)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from _imports(node.body, at_load=at_load, for_types=True)
            yield from _imports(node.orelse, at_load=at_load, for_types=for_types)
        elif not isinstance(node, ast.expr):
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports(ast.iter_child_nodes(node), at_load=at_load and not later, for_types=for_types)


def ours(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the rooms of secretenv that a file imports, and whether it does so when it is loaded."""
    for module, at_load, for_types in imports(path):
        top, _, room = module.partition(".")
        if top == "secretenv" and not for_types:
            yield (room if room in ROOMS else f"{room}.__init__".lstrip(".")), at_load


PER_FILE = pytest.mark.parametrize("path", FILES, ids=room_of)


def test_every_package_is_on_the_table() -> None:
    """A new package gets arrows of its own, and a new file beside the packages is said to be shared."""
    assert {package_of(room) for room in ROOMS} == set(ARROWS)


@PER_FILE
def test_imports_follow_the_arrows(path: Path) -> None:
    """A package imports what the table allows and nothing else, in functions too."""
    package = package_of(room_of(path))
    for room, at_load in ours(path):
        target = package_of(room)
        allowed = ARROWS[package] | {package}
        assert target in allowed or any(f"{room}.".startswith(f"{each}.") for each in allowed), f"imports {room}"
        assert not at_load or target not in LAZY.get(package, set()), f"loads {room} before it is asked for"


def test_imports_make_no_circle() -> None:
    """No room needs itself, by whatever way round."""
    TopologicalSorter({room_of(path): {room for room, _ in ours(path)} for path in FILES}).prepare()


@PER_FILE
def test_dear_libraries_have_rooms_of_their_own(path: Path) -> None:
    """A library that is slow to load or large is imported in its rooms only."""
    room = room_of(path)
    for module, _, _ in imports(path):
        rooms = ONLY_IN.get(module.partition(".")[0])
        assert rooms is None or any(f"{room}.".startswith(f"{each}.") for each in rooms), f"imports {module}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if package_of(room_of(path)) in {"shared", "supervisor"}], ids=room_of
)
def test_the_resident_process_loads_what_is_allowed(path: Path) -> None:
    """What stays in memory beside the command imports a few modules of the standard library and secretenv's own."""
    foreign = {each.module.partition(".")[0] for each in imports(path) if not each.for_types} - {"secretenv"}
    assert foreign <= RESIDENT


@pytest.mark.parametrize("package", DOCSTRING_ONLY)
def test_a_package_holds_a_docstring_and_nothing_else(package: str) -> None:
    """An import in `__init__` is paid by whoever wants a single constant of the package."""
    body = ast.parse((PACKAGE / package / "__init__.py").read_text("utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


@PER_FILE
def test_each_file_says_its_job(path: Path) -> None:
    """The first sentence of a file's docstring says its one job."""
    assert ast.get_docstring(parsed(path))


@PER_FILE
def test_functions_are_short(path: Path) -> None:
    """A function that does not fit on a screen is two."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - (node.body[0].lineno if ast.get_docstring(node) is None else node.lineno)
            lines -= len((ast.get_docstring(node) or "").splitlines())
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"
