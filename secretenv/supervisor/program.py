"""The program to run: find its file, check that the system takes its words and its environment, execute it.

`command` starts it as a process of its own.
"""

from __future__ import annotations

import errno
import os
import resource
import stat

from secretenv.errors import CommandError, CommandNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

# linux/binfmts.h and fs/exec.c: one string of argv or environ, and a ceiling of 3/4 of _STK_LIM for them all.
_MAX_STRING = 128 * 1024
_MAX_TOTAL = 6 * 1024 * 1024
_LEAST_TOTAL = 128 * 1024
_POINTER = 8


def find(command: str, path: str | None) -> str:
    """Return the file that execvp(3) would run for `command`, searching `path`.

    Raises:
        CommandNotFoundError: there is none.
        CommandError: there is one, but it cannot be executed.
    """
    if not command:
        raise CommandNotFoundError("the command is an empty word", hint="name a program after the options of run")
    folders = [""] if "/" in command else (os.defpath if path is None else path).split(os.pathsep)
    refused = ""
    for folder in folders:
        file = os.path.join(folder, command)  # noqa: PTH118
        try:
            mode = os.stat(file).st_mode  # noqa: PTH116
        except (OSError, ValueError) as error:
            if isinstance(error, PermissionError):
                refused = refused or file
            continue
        if stat.S_ISREG(mode) and os.access(file, os.X_OK):
            return file
        refused = refused or file
    if refused and (stat.S_ISDIR(_mode(refused)) and "/" not in command):
        refused = ""
    if refused:
        raise _unusable(refused)
    where = "" if "/" in command else " in PATH"
    hint = "check its name, or give its whole path"
    if command.split()[1:]:  # envconsul and a Dockerfile's CMD take such a line to a shell
        hint = "no shell reads it: give each word by itself, or sh -c 'WORDS'"
    raise CommandNotFoundError(f"{command}: not found{where}", hint=hint)


def _unusable(file: str) -> CommandError:
    """Return the error for a file that is there, and that this user cannot execute."""
    if stat.S_ISDIR(_mode(file)):
        return CommandError(f"{file}: is a directory", hint="name a program in it")
    hint = f"make it executable for uid {os.geteuid()}, or name another program"
    return CommandError(f"{file}: permission denied", hint=hint)


def _mode(file: str) -> int:
    try:
        return os.stat(file).st_mode  # noqa: PTH116
    except OSError:
        return 0


def check_size(words: Sequence[str], environment: Mapping[bytes, bytes]) -> None:
    """Refuse what execve(2) would refuse as too large, before anything is stopped for it.

    Raises:
        CommandError: a single string, or all together, are longer than the system takes.
    """
    total = sum(len(os.fsencode(word)) + 1 + _POINTER for word in words)
    for name, value in environment.items():
        length = len(name) + len(value) + 2
        if length > _MAX_STRING:
            shown = name.decode("utf-8", "backslashreplace")
            raise CommandError(
                f"the variable {shown} is {length} bytes long, and the system takes {_MAX_STRING} at most",
                hint="shorten it, or leave it out with --except or --drop",
                link="environment",
            )
        total += length + _POINTER
    limit = _most_together() - 4096  # the file's name and the auxiliary vector need room too
    if total > limit:
        raise CommandError(
            f"the command's environment and arguments are {total} bytes, and the system takes {limit} at most",
            hint="read fewer secrets, choose keys with --only, or raise the stack limit (`ulimit -s`)",
            link="environment",
        )


def execute(file: str, words: Sequence[str], environment: Mapping[bytes, bytes]) -> NoReturn:
    """Replace this process, as execvp(3) does: a script without `#!` goes to the shell.

    Raises:
        OSError: the system refuses it.
    """
    try:
        os.execve(file, list(words), environment)  # noqa: S606
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        os.execve("/bin/sh", ["sh", file, *words[1:]], environment)  # noqa: S606


def _most_together() -> int:
    """Return what the kernel takes of arguments and environment: not sysconf, which is a constant in musl."""
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    quarter = _MAX_TOTAL if stack == resource.RLIM_INFINITY else stack // 4
    return max(min(quarter, _MAX_TOTAL), _LEAST_TOTAL)


def refusal(file: str, number: int) -> CommandError | CommandNotFoundError:
    """Return the error for a file that was found and that execve(2) refused with this errno."""
    what = os.strerror(number).lower()
    if number == errno.ENOENT:
        # The file was there a moment ago: it is the interpreter of its #! line or its dynamic loader that is missing.
        return CommandNotFoundError(
            f"{file}: {what}, or its interpreter is missing", hint="look at its first line, or run `ldd` on it"
        )
    return CommandError(f"{file}: {what}", hint="run it without secretenv to see whether the system can")
