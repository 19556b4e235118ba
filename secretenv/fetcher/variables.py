"""From secrets to environment variables: which names, which values, and which are refused.

Pure: text in, variables out. Where the text comes from is the business of `fetch`; whether the whole environment fits
the system, and what else is inherited, is the supervisor's business. No message of this module holds a value.
"""

from __future__ import annotations

import binascii
import json
import re
from fnmatch import fnmatchcase

from secretenv.fetcher import keys, messages
from secretenv.fetcher.dangerous import is_dangerous
from secretenv.fetcher.secret_ids import several
from secretenv.guessing import shown_key
from secretenv.settings import DEFAULT_STAGE, MISSING, Secret
from secretenv.values import Values
from secretenv.wording import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, NoReturn

    from secretenv.errors import Message, SecretenvError

# MAX_ARG_STRLEN of Linux: 32 pages for NAME=value and the NUL that ends it (execve(2)). Systems with pages larger than
# 4 KiB accept more; a secret that works on one device should work on the next.
LONGEST = 131072

_PORTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MANY = 10  # names in one warning: a line of the log is at most PIPE_BUF long


class Reading(Values):
    """What one secret held: text, bytes for a SecretBinary, or None for an optional secret that is missing."""

    secret: Secret
    content: str | bytes | None
    version: str  # MISSING if there is none
    created: float | None  # of this version, in seconds since the epoch
    note: str  # for the log: where it was read, if that is not where it should have been

    def for_secret(self, secret: Secret) -> Reading:
        """Return the same reading, to make other variables of it."""
        return Reading(**{**self.__dict__, "secret": secret})

    def with_note(self, note: str) -> Reading:
        """Return the same reading with a note."""
        return Reading(**{**self.__dict__, "note": note})

    def __repr__(self) -> str:
        return f"Reading({self.secret.id!r}, version {self.version!r})"


def plain(identifier: str, **fields: Any) -> Secret:
    """Return a secret whose keys become variables as they are, but for the given fields of `Secret`."""
    defaults: dict[str, Any] = {
        "name": "",
        "keys": (),
        "files": (),
        "file_mode": 0o600,
        "optional": False,
        "version_stage": DEFAULT_STAGE,
        "fallback_region": (),
        "prefix": "",
        "upcase": False,
        "sanitize": False,
        "only": (),
        "except_": (),
    }
    return Secret(**{"id": identifier, **defaults, **fields})


def missing(secret: Secret) -> Reading:
    """Return the reading of an optional secret that does not exist."""
    return Reading(secret=secret, content=None, version=MISSING, created=None, note="")


class _Number(str):
    """The text of a JSON number, exactly as written."""

    __slots__ = ()


def variables(readings: Sequence[Reading]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the variables, the id of the secret that each came from, and warnings.

    Raises:
        ContentError: a secret cannot become variables; it names the secret and the key, never a value.
    """
    found: dict[str, str] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for reading in readings:
        own = _one(reading, warnings)
        overridden: dict[str, list[str]] = {}
        for name in own.keys() & found.keys():
            overridden.setdefault(origins[name], []).append(name)
        for other, names in overridden.items():
            warnings.append(f"secret {short(reading.secret.id)} overrides {listed(names)} of secret {short(other)}")
        found.update(own)
        origins.update(dict.fromkeys(own, reading.secret.id))
    return found, origins, warnings + _warnings_of_names(found)


def demand(required: Iterable[str], found: Mapping[str, str], secrets: Iterable[Secret]) -> None:
    """Refuse variables that --require asks for, if one is missing or empty.

    Args:
        required: their names.
        found: all variables of the secrets.
        secrets: those that were searched.

    Raises:
        ContentError: it names the variables and the secrets.
    """
    if lacking := [name if name not in found else f"{name} (empty)" for name in required if not found.get(name)]:
        searched = several([*dict.fromkeys(secret.id for secret in secrets)])
        raise messages.REQUIRED_MISSING(variables=", ".join(lacking), secrets=searched)


def _one(reading: Reading, warnings: list[str]) -> dict[str, str]:
    """Return the variables of one secret."""
    secret, held = reading.secret, reading.content
    if held is None or not secret.in_variables:
        return {}
    if secret.name:
        whole = held if isinstance(held, str) else _base64(held)
        _check(secret, "", secret.name, whole)
        return {secret.name: whole}
    content = object_of(secret, held)
    chosen = _chosen(secret, content)
    own: dict[str, str] = {}
    taken: dict[str, str] = {}
    for key, given, value in chosen:
        if value is None:
            continue
        name = given or _name(secret, key)
        if name in taken:
            raise messages.KEYS_COLLIDE(
                key=shown_key(taken[name]), other_key=shown_key(key), secret=short(secret.id), variable=shown_key(name)
            )
        own[name] = text = text_of(secret, key, value)
        taken[name] = key
        _check(secret, key, name, text)
    if not own:
        nulls = "all values are null" if chosen else "no key matches --only/--except"
        why = nulls if content else "it is an empty object"
        warnings.append(f"secret {short(secret.id)} gives no variables: {why}")
    return own


def _chosen(secret: Secret, content: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return the keys to use, each with its variable if one is given (else empty), and its value."""
    if secret.keys:
        return [(key, variable, value_of(secret, content, key)) for key, variable in secret.keys]
    return [(key, "", value) for key, value in content.items() if _wanted(secret, key)]


def value_of(secret: Secret, content: Mapping[str, Any], path: str) -> Any:
    """Return the value that a key, or a path of keys, names."""
    values = keys.found(content, path)
    if len(values) > 1:
        raise messages.KEY_AMBIGUOUS(key=shown_key(path), secret=short(secret.id))
    if not values:
        there = listed([*keys.paths(content)]) or "no keys"
        raise messages.KEY_MISSING(key=shown_key(path), secret=short(secret.id), keys=there)
    return values[0]


def object_of(secret: Secret, content: str | bytes) -> dict[str, Any]:
    """Return the members of the secret's JSON object."""
    try:
        parsed = _parse(secret, content if isinstance(content, str) else content.decode())
    except UnicodeDecodeError:
        raise _refused(secret, messages.BINARY) from None
    except json.JSONDecodeError as error:
        if not error.doc.lstrip().startswith("{"):
            raise _refused(secret, messages.NOT_AN_OBJECT) from None
        # Only the place: the decoder's own words can quote the text, and its .doc is all of it.
        raise _refused(secret, messages.INVALID_JSON, line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise _refused(secret, messages.TOO_DEEP) from None
    if not isinstance(parsed, dict):
        raise _refused(secret, messages.NOT_AN_OBJECT)
    return parsed


def _refused(secret: Secret, message: Message, **values: object) -> SecretenvError:
    return message(secret=short(secret.id), id=secret.id, **values)


def _parse(secret: Secret, text: str) -> Any:
    """Return what the JSON text says, numbers as their texts."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        unique: dict[str, Any] = {}
        for key, value in pairs:
            if key in unique:
                raise messages.KEY_TWICE(key=shown_key(key), secret=short(secret.id))
            unique[key] = value
        return unique

    def constant(word: str) -> NoReturn:
        raise messages.NOT_JSON(word=word, secret=short(secret.id))

    # A parser may ignore the byte order mark (RFC 8259, 8.1), which Windows editors put there.
    text = text.removeprefix("\ufeff")
    return json.loads(text, object_pairs_hook=members, parse_int=_Number, parse_float=_Number, parse_constant=constant)


def _wanted(secret: Secret, key: str) -> bool:
    """Tell whether --only and --except let the secret's own key pass."""
    if secret.only and not any(fnmatchcase(key, glob) for glob in secret.only):
        return False
    return not any(fnmatchcase(key, glob) for glob in secret.except_)


def _name(secret: Secret, key: str) -> str:
    """Return the variable's name for a key: prefix, then upcase, then sanitize."""
    if not key:
        raise messages.KEY_EMPTY(secret=short(secret.id))
    name = secret.prefix + key
    if secret.upcase:
        name = name.upper()
    if secret.sanitize:
        name = re.sub(r"[^A-Za-z0-9_]", "_", name)
        if name[0].isdigit():
            name = "_" + name
    return name


def text_of(secret: Secret, key: str, value: Any) -> str:
    """Return the variable's value for a JSON value."""
    if isinstance(value, str):  # a number too: its text as written
        return str(value)
    try:
        return "".join(_compact(value))
    except RecursionError:
        raise messages.VALUE_TOO_DEEP(key=shown_key(key), secret=short(secret.id)) from None


def _compact(value: Any) -> Iterator[str]:
    """Yield compact JSON in which numbers stay as written and other scripts unescaped."""
    if isinstance(value, _Number):
        yield value
    elif isinstance(value, dict):
        yield "{"
        for i, (key, member) in enumerate(value.items()):
            yield "," * (i > 0) + json.dumps(key, ensure_ascii=False) + ":"
            yield from _compact(member)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for i, member in enumerate(value):
            yield "," * (i > 0)
            yield from _compact(member)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False)


def _check(secret: Secret, key: str, name: str, value: str) -> None:
    """Refuse what no environment can hold."""
    source = f"key {shown_key(key)} of secret {short(secret.id)}" if key else f"secret {short(secret.id)}"
    for text, nul, surrogate in (
        (name, messages.NUL_IN_NAME, messages.SURROGATE_IN_NAME),
        (value, messages.NUL_IN_VALUE, messages.SURROGATE_IN_VALUE),
    ):
        if "\0" in text:
            raise nul(source=source)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise surrogate(source=source) from None
    if "=" in name:
        raise messages.EQUALS_IN_NAME(source=source)
    size = len(name.encode()) + len(value.encode()) + len("=\0")
    if size > LONGEST:
        raise messages.TOO_LARGE(source=source, size=size, limit=LONGEST)


def _warnings_of_names(names: Iterable[str]) -> list[str]:
    """Return the warnings about names that are set as they are."""
    warnings = []
    if odd := [name for name in names if not _PORTABLE.fullmatch(name)]:
        warnings.append(f"variable names that are not portable, set unchanged: {listed(odd)}; see --sanitize")
    if bad := [name for name in names if is_dangerous(name)]:
        warnings.append(f"a secret sets variables that change what programs run or trust: {listed(bad)}")
    return warnings


def listed(names: Sequence[str]) -> str:
    """Return names for a message, not more of them than a line holds."""
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(shown_key(name) for name in names[:_MANY]) + more


def _base64(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()
