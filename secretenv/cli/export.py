"""Variables as text that another program reads: what `export` prints, and what a terminal shows instead.

Pure. The promise of each format is that its reader gets the very same names and values back; a format that cannot
promise that for some variable refuses it. Who the readers are, and what they make of the text:

- dotenv: python-dotenv from 0.13, which replaces `${NAME}` and `${NAME:-default}` even inside quotes unless it is told
  `interpolate=False`. There is no escape for that, so `${` is written as `${=:-$}{`: a variable that cannot exist,
  since no name holds `=`, and whose default is the dollar. Text that needs no escape at all stands in single quotes as
  it is, which other readers of .env files take too.
- json: any JSON parser; ASCII alone, so that no locale matters.
- shell: any POSIX sh, by `eval "$(...)"` or by `.`.
- docker: `docker run --env-file`, one verbatim line each (docker/cli, pkg/kvfile). It is not what Compose reads.
- systemd: `EnvironmentFile=` of systemd.exec(5), from systemd 233 on (newlines in values).
"""

from __future__ import annotations

import json
import re

from secretenv.errors import ContentError
from secretenv.wording import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS = ("dotenv", "json", "shell", "docker", "systemd")

_PORTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# What bash or dash set, guard or count themselves, so that an export fails or another value is read. Found by exporting
# every name of their manuals; LINES and COLUMNS are set anew after each command at a terminal (checkwinsize).
_SHELLS_OWN = frozenset(
    """
    BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_CMDS BASH_COMMAND BASH_LINENO BASH_SOURCE BASH_SUBSHELL
    BASH_VERSINFO COLUMNS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO LINES OPTIND
    PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID _
    """.split()  # noqa: SIM905 - thirty lines otherwise
)

_LONGEST_LINE = 65535  # bufio.MaxScanTokenSize of Go without the newline, in bytes

# systemd takes no noncharacters and no byte order mark, and before 248 no control characters but tab and newline: it
# drops such a variable with a line in the journal, and starts the service without it.
_NOT_FOR_SYSTEMD = re.compile(
    "[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef\ufeff"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


def render(variables: Mapping[str, str], form: str) -> str:
    """Return the variables, in their order, in one of `FORMATS`.

    Raises:
        ContentError: the format cannot carry a variable; it names the variable, the reason and the formats that can.
    """
    for name, value in variables.items():
        if why := _objection(form, name, value):
            raise ContentError(f"the format {form} cannot carry {short(name)}: {why}", hint=_hint(variables, name))
    if form == "json":
        return json.dumps(dict(variables), indent=2) + "\n"
    _, line = _LINES[form]
    return "".join(line(name, value) for name, value in variables.items())


def listing(variables: Mapping[str, str], origins: Mapping[str, str]) -> str:
    """Return a table of names, lengths in bytes and secrets of origin: what may be seen by who looks on."""
    rows = [("VARIABLE", "BYTES", "SECRET")]
    for name, value in sorted(variables.items()):
        rows.append((short(name), str(len(value.encode("utf-8", "surrogatepass"))), short(origins[name])))
    first, second = (max(len(row[column]) for row in rows) for column in range(2))
    return "".join(f"{name:{first}}  {size:>{second}}  {origin}\n" for name, size, origin in rows)


def _hint(variables: Mapping[str, str], name: str) -> str:
    """Return which formats carry all of the variables."""
    able = [form for form in FORMATS if not any(_objection(form, *variable) for variable in variables.items())]
    *others, last = able  # never empty: JSON carries everything
    choice = f"use --format {', '.join(others)} or {last}" if others else f"use --format {last}"
    return choice if _PORTABLE.fullmatch(name) else f"{choice}, or --sanitize for a portable name"


def _objection(form: str, name: str, value: str) -> str:
    """Return why a format cannot carry a variable, or an empty string."""
    if form == "json":
        return ""
    if not name or "=" in name or "\0" in name + value:
        return "it is none: the name is empty or holds '=', or there is a NUL character"
    if re.search("[\ud800-\udfff]", name + value):
        return "it holds half of a surrogate pair, which UTF-8 has no bytes for"
    objection, _ = _LINES[form]
    return objection(name, value)


def _shell_objection(name: str, _value: str) -> str:
    if not _PORTABLE.fullmatch(name):
        return "no name of a shell variable is like that"
    return "shells set this variable themselves" if name in _SHELLS_OWN else ""


def _shell(name: str, value: str) -> str:
    quoted = value.replace("'", r"'\''")
    return f"export {name}='{quoted}'\n"


def _dotenv_objection(name: str, _value: str) -> str:
    # A name has no escapes, and a file that is read as text has no \r: it becomes \n.
    return "its name holds a quote or a carriage return" if "'" in name or "\r" in name else ""


def _dotenv(name: str, value: str) -> str:
    key = name if re.fullmatch(r"[A-Za-z0-9_.-]+", name) else f"'{name}'"
    text = value.replace("${", "${=:-$}{")
    if not re.search(r"['\\\r\n]", text):
        return f"{key}='{text}'\n"
    end = ""
    if text.endswith("\\"):
        # Before 1.2.3 python-dotenv took the end of "...\\" for an escaped quote, and read on.
        text, end = text[:-1], r"${=:-\\}"
    for character, escaped in (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(character, escaped)
    return f'{key}="{text}{end}"\n'


def _docker_objection(name: str, value: str) -> str:
    if name[0].isspace() or name[0] in "#\ufeff" or re.search(r"[ \t\n]", name):
        return "its name begins with '#', white space or a byte order mark, or holds a blank"
    if "\n" in value:
        return "its value holds a newline, where an env-file has the next variable"
    if value.endswith("\r"):
        return "its value ends with a carriage return, which is dropped with the line's end"
    if len(_docker(name, value).encode()) - 1 > _LONGEST_LINE:
        return f"it is longer than the {_LONGEST_LINE} bytes of the longest line"
    return ""


def _docker(name: str, value: str) -> str:
    return f"{name}={value}\n"


def _systemd_objection(name: str, value: str) -> str:
    if not _PORTABLE.fullmatch(name):
        return "systemd drops names like that"
    if found := _NOT_FOR_SYSTEMD.search(value):
        who = "systemd before 248" if found[0].isascii() else "systemd"
        return f"{who} drops variables with the character U+{ord(found[0]):04X}"
    return ""


def _systemd(name: str, value: str) -> str:
    # Double quotes: before 240 systemd had escapes in single quotes too.
    escaped = re.sub(r'(["\\`$])', r"\\\1", value)
    return f'{name}="{escaped}"\n'


# Each format of lines: what it cannot carry, and the line of what it can.
_LINES = {
    "dotenv": (_dotenv_objection, _dotenv),
    "shell": (_shell_objection, _shell),
    "docker": (_docker_objection, _docker),
    "systemd": (_systemd_objection, _systemd),
}
