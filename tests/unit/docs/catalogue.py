"""The errors that secretenv can show, read from its source: for docs/troubleshooting.md, which cannot drift so.

A name in capitals stands for what is put in there; where only the run can tell what is said, the entry is left out.
"""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from secretenv import errors
from secretenv.fetcher import secretsmanager_errors
from secretenv.identity import pem, provider_errors
from secretenv.identity.denials import OR_THING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGE = Path(errors.__file__).parent
FILES = "certificate file, key file or roots file"  # where the call says which of them
# The chain in the order in which it is walked, as `errors.Link` has it.
CHAIN = [
    str(word.value)
    for node in ast.walk(ast.parse(Path(errors.__file__).read_text("utf-8")))
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "Link"
    for word in ast.walk(node.value)
    if isinstance(word, ast.Constant)
]
# Names of the source that say little to a reader.
_NAMES = {
    "QUOTE": ": AWS's words",
    "NEAR_MISSES": "",  # sentences of their own, in front
    "__NAME__": "KIND",
    "STRERROR": "REASON",
    "TB_LINENO": "LINE",
    "FINGERPRINT": "ID",
    "OR_THING": OR_THING,
}
_KINDS = {kind.__name__: kind.link for kind in errors.SecretenvError.__subclasses__()}


class Entry(NamedTuple):
    """One error: the link that it blames, the message, and the next step."""

    link: str
    message: str
    hint: str


@cache
def entries() -> list[Entry]:
    """Return all errors of the chain, in its order."""
    found = {*_of_aws(), *_of_forms()}
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in {"provision", "sandbox"}:
            continue
        module = importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
        found |= {*_of_messages(module), *_of_room(path, module)}

    def place(entry: Entry) -> tuple[int, Entry]:
        return CHAIN.index(entry.link), entry

    return sorted(found, key=place)


def table() -> str:
    """Return the catalogue in Markdown."""
    lines = []
    link = ""
    for entry in entries():
        if entry.link != link:
            link = entry.link
            lines += ["", f"### {link}", "", "| what it says | next step |", "| --- | --- |"]
        lines.append("| " + " | ".join(text.replace("|", "\\|") for text in entry[1:]) + " |")
    return "\n".join(lines).strip()


def _of_aws() -> Iterator[Entry]:
    """Yield what stands in the tables of AWS's answers."""
    for part, (link, hint) in provider_errors.PROVIDER.items():
        yield Entry(link, f"the credentials provider ENDPOINT refused with status STATUS: … {part} …", _open(hint))
    for codes, part, link, hint in (*secretsmanager_errors.ROWS, *secretsmanager_errors.BATCH_ROWS):
        named = ", ".join(sorted(codes)[:3]) + (", …" if len(codes) > 3 else "") if codes else "any other code"
        yield Entry(link, f"secret ID: {named}" + (f": … {part.strip()} …" if part else ""), _open(hint))


def _of_forms() -> Iterator[Entry]:
    """Yield what a file may hold in place of PEM text."""
    for form in pem.FORMS:
        if form.certificate == form.key:
            yield Entry("certificate file", f"the … file FILE holds no … in PEM form, but {form.found}", form.key)
            continue
        for wanted, step in (("certificate", form.certificate), ("private key", form.key)):
            if re.search(r"\bFILE\b", step):  # otherwise it is the other row's
                link = f"{wanted.removeprefix('private ')} file"
                yield Entry(link, f"the {link} FILE holds no {wanted} in PEM form, but {form.found}", step)


def _open(hint: str) -> str:
    """Return a text with the names of what it leaves open in capitals, and doubled braces as they are shown."""

    def shown(found: re.Match[str]) -> str:
        name = (found[1] or "").upper()
        return _NAMES.get(name, name) if name else found[0][0]

    return re.sub(r"\{\{|\}\}|'?\{(\w+)\}'?", shown, hint)


def _of_messages(module: ModuleType) -> Iterator[Entry]:
    """Yield the errors of a table of messages."""
    for message in vars(module).values():
        if isinstance(message, errors.Message) and message.hint != "{fix}":
            yield Entry(message.link, _open(message.text), _open(message.hint) or "-")


def _of_room(path: Path, module: ModuleType) -> Iterator[Entry]:
    """Yield the errors that are made in a file."""
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            local = _assigned(function, call.lineno)
            name, keys = call.func.id, {word.arg: word.value for word in call.keywords}
            if name in _KINDS and call.args:
                link = keys.get("link", ast.Constant(_KINDS[name]))
                message, hint = call.args[0], keys.get("hint", ast.Constant(""))
            else:
                continue
            texts = [_rendered(node, local, module) for node in (link, message, hint)]
            if texts[1] and texts[2] is not None:  # without the hint it is described elsewhere, or passed on
                kind: str = _KINDS.get(name, FILES)
                for blamed in (texts[0] or kind).split(" / "):
                    yield Entry(blamed, texts[1], texts[2] or "-")


def _assigned(function: ast.AST, line: int) -> dict[str, ast.expr]:
    """Return what the names of a function were given last before a line: each error has its own hint."""
    found: dict[str, ast.Assign] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if node.lineno < line and (name not in found or found[name].lineno < node.lineno):
                found[name] = node
    return {name: node.value for name, node in found.items()}


def _rendered(  # noqa: PLR0911 - a kind of expression each
    node: ast.expr, local: dict[str, ast.expr], module: ModuleType
) -> str | None:
    """Return the text that an expression makes, or None where that cannot be told."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_piece(part, local, module) for part in parts)
        case ast.Name(id=name) if isinstance(found := getattr(module, name, None), str):
            return found
        case ast.Name(id=name) if name in local:
            return _rendered(local[name], {}, module)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="format")):
            return _open(found) if isinstance(found := getattr(module, name, None), str) else None
        case ast.IfExp(body=body, orelse=other):
            texts = [_rendered(each, local, module) for each in (body, other)]
            return None if None in texts else " / ".join(text for text in texts if text)
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            found = getattr(getattr(module, name, None), attribute, None)
            return found if isinstance(found, str) else None
        case _:
            return None


def _piece(part: ast.expr, local: dict[str, ast.expr], module: ModuleType) -> str:
    """Return a part of an f-string: its text, or a name in capitals for what is put in."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.Name | ast.IfExp) and (text := _rendered(value, local, module)) is not None:
        return text
    while isinstance(value, ast.Call | ast.Subscript):
        value = value.args[0] if isinstance(value, ast.Call) and value.args else ast.Constant("…")
    if isinstance(value, ast.Name):
        number = getattr(module, value.id, None)
        return str(number) if isinstance(number, int | float) else _NAMES.get(value.id.upper(), value.id.upper())
    return _NAMES.get(value.attr.upper(), value.attr.upper()) if isinstance(value, ast.Attribute) else "…"
