r"""Write variables as text for another program, as `export` prints them, or as a table without values for a terminal.

Pure. The promise of each format is that its reader gets exactly the same names and values; a format refuses a variable
for which it cannot promise that. The readers, and how they parse the text:

- dotenv: python-dotenv from 0.13, npm's dotenv from 16, `node --env-file` from 20.12, dotenvx, Ruby's dotenv from 3.0,
  direnv. They agree on little: single quotes are literal for all of them, but python-dotenv reads `\\` and `\'` as
  one character and replaces `${NAME}` even there; double quotes and values without quotes are literal where no
  character is special to any reader. The rest has no form that all of them read right, and is refused. An older direnv
  (2.32) knows no newlines in values: it refuses the file, or else the value is refused here.
- json: any JSON parser; ASCII only, so that the locale does not matter.
- shell: any POSIX sh, by `eval "$(...)"` or by `.`.
- docker: `docker run --env-file`, one verbatim line each (docker/cli, pkg/kvfile). Compose reads another format.
- systemd: `EnvironmentFile=` of systemd.exec(5), from systemd 233 on (newlines in values).
- github: a job's `$GITHUB_ENV`, in the form with a delimiter (actions/runner, FileCommandManager.cs), on Linux. GitHub
  does not let a job set GitHub's own variables or NODE_OPTIONS there.
- yaml: any YAML 1.1 or 1.2 parser. Names are quoted too: `on` and `no` would be booleans.
"""

from __future__ import annotations

import json
import os
import re
from functools import partial
from typing import TYPE_CHECKING

from secretenv.cli import messages
from secretenv.guessing import shown_key
from secretenv.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretenv.errors import SecretenvError

    Objection = Callable[..., SecretenvError]

FORMATS = ("dotenv", "json", "shell", "docker", "systemd", "github", "yaml")

_PORTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Variables that bash or dash set, protect or count themselves, so that an export fails or another value is read. Found
# by exporting every name in their manuals; LINES and COLUMNS are set again after each command at a terminal
# (checkwinsize).
_SHELLS_OWN = frozenset(
    """
    BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_CMDS BASH_COMMAND BASH_LINENO BASH_SOURCE BASH_SUBSHELL
    BASH_VERSINFO COLUMNS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO LINES OPTIND
    PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID _
    """.split()  # noqa: SIM905 - thirty lines otherwise
)

# What some reader of .env files replaces or drops in any quotes: node a carriage return, direnv an empty line, and
# python-dotenv a variable, unless it is called with `interpolate=False`.
_DISAGREED = (
    (re.compile(r"\r"), "a carriage return"),
    (re.compile(r"\n\n"), "an empty line"),
    (re.compile(r"\$\{[^}:]*(?::-[^}]*)?\}"), "${...}"),
)

# What direnv 2.32 takes for a line (pkg/dotenv/parse.go); it refuses a file with any other.
_DIRENV_LINE = re.compile(
    r"""\s*(?:|#.*|(?:export\s+)?[\w.]+(?:\s*=\s*|:\s+?)(?:'.*'|".*"|[^\s#]+)?\s*(?:#.*)?)""", re.ASCII
)

_LONGEST_LINE = 65535  # bufio.MaxScanTokenSize of Go without the newline, in bytes

# The default variables of a job, and what a job may not set since runner 2.309.
_GITHUBS_OWN = re.compile(r"(?:GITHUB|RUNNER)_.*|NODE_OPTIONS", re.IGNORECASE)

# Characters that YAML does not allow as they are, or that its readers fold, trim or take for the end of a line.
_NOT_IN_YAML = re.compile('[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufdcf\ufdf0-\ufefe\uff00-\uffef]|["\\\\]')

_LONGEST_KEY = 1000  # characters: YAML looks for the colon in the first 1,024 (1.2.2, 7.4.2)

# systemd accepts no noncharacters and no byte order mark, and before 248 no control characters but tab and newline: it
# logs a line, drops the variable and starts the service without it.
_NOT_FOR_SYSTEMD = re.compile(
    "[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef\ufeff"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


def render(variables: Mapping[str, str], form: str) -> str:
    """Return the variables, in their order, in one of `FORMATS`.

    Raises:
        ContentError: the format cannot carry a variable; the error names it, the reason and the formats that can.
    """
    for name, value in variables.items():
        if objection := _objection(form, name, value):
            raise objection(format=form, variable=shown_key(name), formats=_alternatives(variables, name))
    if form == "json":
        return json.dumps(dict(variables), indent=2) + "\n"
    _, line = _LINES[form]
    return "".join(line(name, value) for name, value in variables.items())


def listing(variables: Mapping[str, str], origins: Mapping[str, str]) -> str:
    """Return a table of names, lengths in bytes and secrets of origin, without values: others may see the terminal."""
    rows = [("VARIABLE", "BYTES", "SECRET")]
    for name, value in sorted(variables.items()):
        rows.append((shown_key(name), str(len(value.encode("utf-8", "surrogatepass"))), short(origins[name])))
    first, second = (max(len(row[column]) for row in rows) for column in range(2))
    return "".join(f"{name:{first}}  {size:>{second}}  {origin}\n" for name, size, origin in rows)


def _alternatives(variables: Mapping[str, str], name: str) -> str:
    """Return the formats that carry all of the variables, and the option that makes a name portable."""
    able = [form for form in FORMATS if not any(_objection(form, *variable) for variable in variables.items())]
    *others, last = able  # never empty: JSON carries everything
    choice = f"{', '.join(others)} or {last}" if others else last
    return choice if _PORTABLE.fullmatch(name) else f"{choice}, or --sanitize for a portable name"


def _objection(form: str, name: str, value: str) -> Objection | None:
    """Return the error of a format that cannot carry a variable."""
    if form == "json":
        return None
    if not name or "=" in name or "\0" in name + value:
        return messages.NOT_A_VARIABLE
    if re.search("[\ud800-\udfff]", name + value):
        return messages.HALF_A_PAIR
    objection, _ = _LINES[form]
    return objection(name, value)


def _shell_objection(name: str, _value: str) -> Objection | None:
    if not _PORTABLE.fullmatch(name):
        return messages.NOT_A_SHELL_NAME
    return messages.SET_BY_SHELLS if name in _SHELLS_OWN else None


def _shell(name: str, value: str) -> str:
    quoted = value.replace("'", r"'\''")
    return f"export {name}='{quoted}'\n"


def _dotenv_objection(name: str, value: str) -> Objection | None:
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        return messages.DOTENV_NAME
    if part := next((words for expression, words in _DISAGREED if expression.search(value)), ""):
        return partial(messages.DOTENV_VALUE, part=part)
    written = _dotenv(name, value)
    if not written:
        beside = "a single quote and other special characters"
        part = beside if "'" in value else "two backslashes in a row, or one at its end"
        return partial(messages.DOTENV_VALUE, part=part)
    if "\n" in value and all(_DIRENV_LINE.fullmatch(line) for line in written[:-1].split("\n")):
        return partial(messages.DOTENV_VALUE, part="a newline")  # direnv would take the first line for the value
    return None


def _dotenv(name: str, value: str) -> str:
    """Return the line, or an empty string where no form is read alike by all."""
    if "'" not in value and not re.search(r"\\\\|\\$", value):
        return f"{name}='{value}'\n"
    if not re.search(r'["\\$]', value):
        return f'{name}="{value}"\n'
    # Ruby drops backslashes unless they are last; some take a backtick for a quote.
    plain = re.fullmatch(r"[^'\"`\\$#][^\\$#]*\\?", value)
    if plain and value.isprintable() and value == value.strip():
        return f"{name}={value}\n"
    return ""


def _docker_objection(name: str, value: str) -> Objection | None:
    if name[0].isspace() or name[0] in "#\ufeff" or re.search(r"[ \t\n]", name):
        return messages.DOCKER_NAME
    if "\n" in value:
        return messages.DOCKER_NEWLINE
    if value.endswith("\r"):
        return messages.DOCKER_CARRIAGE_RETURN
    if len(_docker(name, value).encode()) - 1 > _LONGEST_LINE:
        return partial(messages.DOCKER_TOO_LONG, limit=_LONGEST_LINE)
    return None


def _docker(name: str, value: str) -> str:
    return f"{name}={value}\n"


def _systemd_objection(name: str, value: str) -> Objection | None:
    if not _PORTABLE.fullmatch(name):
        return messages.SYSTEMD_NAME
    if found := _NOT_FOR_SYSTEMD.search(value):
        error = messages.SYSTEMD_OLD_CHARACTER if found[0].isascii() else messages.SYSTEMD_CHARACTER
        return partial(error, character=f"U+{ord(found[0]):04X}")
    return None


def _systemd(name: str, value: str) -> str:
    # Double quotes: before 240 systemd interpreted escapes in single quotes too.
    escaped = re.sub(r'(["\\`$])', r"\\\1", value)
    return f'{name}="{escaped}"\n'


def _github_objection(name: str, _value: str) -> Objection | None:
    if not _PORTABLE.fullmatch(name):
        return messages.GITHUB_NAME
    return messages.GITHUBS_OWN if _GITHUBS_OWN.fullmatch(name) else None


def _github(name: str, value: str) -> str:
    delimiter = f"END_{os.urandom(16).hex()}"  # no value holds it
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _yaml_objection(name: str, _value: str) -> Objection | None:
    return partial(messages.YAML_NAME, limit=_LONGEST_KEY) if len(_yaml_text(name)) > _LONGEST_KEY else None


def _yaml(name: str, value: str) -> str:
    return f"{_yaml_text(name)}: {_yaml_text(value)}\n"


def _yaml_text(text: str) -> str:
    """Return a text as a double-quoted scalar of YAML 1.1 and 1.2, on one line."""

    def escaped(found: re.Match[str]) -> str:
        character = found[0]
        number = ord(character)
        if character in '"\\':
            return f"\\{character}"
        if number <= 0xFF:  # noqa: PLR2004
            return f"\\x{number:02X}"
        return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"  # noqa: PLR2004

    return f'"{_NOT_IN_YAML.sub(escaped, text)}"'


# For each format of lines: the error for a variable that it cannot carry, and the line of one that it can.
_LINES = {
    "dotenv": (_dotenv_objection, _dotenv),
    "shell": (_shell_objection, _shell),
    "docker": (_docker_objection, _docker),
    "systemd": (_systemd_objection, _systemd),
    "github": (_github_objection, _github),
    "yaml": (_yaml_objection, _yaml),
}
