"""From secrets to environment variables: which names, which values, and which are refused.

Pure: text in, variables out. Where the text comes from is the business of `fetch`; whether the whole environment fits
the system, and what is inherited beside it, is the supervisor's. No message of this room holds a value.
"""

from __future__ import annotations

import binascii
import json
import re
from fnmatch import fnmatchcase

from secretenv.fetcher import messages
from secretenv.fetcher.dangerous import is_dangerous
from secretenv.values import Values
from secretenv.wording import short, shown_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, NoReturn

    from secretenv.errors import Message, SecretenvError
    from secretenv.settings import Secret

# MAX_ARG_STRLEN of Linux: 32 pages for NAME=value and the NUL that ends it (execve(2)). Systems with pages larger than
# 4 KiB accept more; a secret that works on one device should work on the next.
LONGEST = 131072

_PORTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MANY = 10  # names in one warning: a line of the log is at most PIPE_BUF long


class Reading(Values):
    """What one secret held: text, or bytes for a SecretBinary."""

    secret: Secret
    content: str | bytes
    version: str
    created: float | None  # of this version, in seconds since the epoch

    def for_secret(self, secret: Secret) -> Reading:
        """Return the same reading, to make other variables of it."""
        return Reading(secret=secret, content=self.content, version=self.version, created=self.created)

    def __repr__(self) -> str:
        return f"Reading({self.secret.id!r}, version {self.version!r})"


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


def _one(reading: Reading, warnings: list[str]) -> dict[str, str]:
    """Return the variables of one secret."""
    secret = reading.secret
    if secret.name:
        whole = reading.content if isinstance(reading.content, str) else _base64(reading.content)
        _check(secret, "", secret.name, whole)
        return {secret.name: whole}
    content = _object(secret, reading.content)
    chosen = {key: value for key, value in content.items() if _wanted(secret, key)}
    own: dict[str, str] = {}
    keys: dict[str, str] = {}
    for key, value in chosen.items():
        if value is None:
            continue
        name = _name(secret, key)
        if name in keys:
            raise messages.KEYS_COLLIDE(
                key=shown_key(keys[name]), other_key=shown_key(key), secret=short(secret.id), variable=shown_key(name)
            )
        own[name] = text = _text(secret, key, value)
        keys[name] = key
        _check(secret, key, name, text)
    if not own:
        nulls = "all values are null" if chosen else "no key matches --only/--except"
        why = nulls if content else "it is an empty object"
        warnings.append(f"secret {short(secret.id)} gives no variables: {why}")
    return own


def _object(secret: Secret, content: str | bytes) -> dict[str, Any]:
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

    # A parser may ignore the byte order mark (RFC 8259, 8.1), which editors of Windows put there.
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


def _text(secret: Secret, key: str, value: Any) -> str:
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
