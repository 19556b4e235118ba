"""The program to run: find its file, check that the system allows its arguments and environment, execute it.

`command` starts it as a process of its own.
"""

from __future__ import annotations

import errno
import os
import stat

from secretenv.supervisor import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from secretenv.errors import SecretenvError

# linux/binfmts.h and fs/exec.c: one string of argv or environ, and a ceiling of 3/4 of _STK_LIM for them all.
_MAX_STRING = 128 * 1024
_MAX_TOTAL = 6 * 1024 * 1024
_LEAST_TOTAL = 128 * 1024
_POINTER = 8
_USUAL_STACK = 8 * 1024 * 1024  # where /proc cannot tell


# After these execvp(3) goes on to the next folder; any other error ends its search.
_GOES_ON = {errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT}


def find(command: str, path: str | None) -> str:
    """Return the file that execvp(3) would run for `command`, searching `path`.

    As in env(1) and timeout(1), "not found" means that there is no such file. If there are only files that may not be
    executed, the error is that of the first.

    Raises:
        CommandNotFoundError: no such file.
        CommandError: it cannot be executed.
    """
    if not command:
        raise messages.EMPTY()
    if "-----BEGIN" in command:  # a key's text, which no message may quote
        raise messages.PEM()
    folders = [""] if "/" in command else (os.defpath if path is None else path).split(os.pathsep)
    denied = ""  # the first file of that name that may not be executed
    for folder in folders:
        file = os.path.join(folder, command)  # noqa: PTH118
        number = _refused(file)
        if not number:
            return file
        if number == errno.EACCES:
            denied = denied or file
        elif number not in _GOES_ON:
            raise refusal(file, number)
    if denied:
        raise _denied(denied)
    if number != errno.ENOENT:
        raise refusal(file, number)
    raise _not_found(command)


def _not_found(command: str) -> SecretenvError:
    """Return the error for a command that was not found."""
    if command.split()[1:]:
        return messages.WHOLE_LINE(line=command)
    from secretenv.guessing import of_a_shell  # only for the error

    if of_a_shell(command):
        # The text after the `=` may be a value.
        return messages.SHELL_WORD(word=command if "=" not in command else f"{command.partition('=')[0]}=...")
    return (messages.NOT_FOUND if "/" in command else messages.NOT_IN_PATH)(command=command)


def _refused(file: str) -> int:
    """Return the errno with which execve(2) would refuse this file, 0 if it would not."""
    try:
        regular = stat.S_ISREG(os.stat(file).st_mode)  # noqa: PTH116
    except OSError as error:
        return error.errno or errno.ENOENT
    except ValueError:  # a NUL
        return errno.ENOENT
    return 0 if regular and os.access(file, os.X_OK) else errno.EACCES


def _denied(file: str) -> SecretenvError:
    """Return the error for a file that this user may not execute."""
    try:
        mode = os.stat(file).st_mode  # noqa: PTH116
    except OSError:
        return messages.NOT_REACHABLE(file=file)
    if stat.S_ISDIR(mode):
        return messages.DIRECTORY(file=file)
    if not stat.S_ISREG(mode):
        return messages.NOT_REGULAR(file=file)
    if os.statvfs(file).f_flag & os.ST_NOEXEC:
        return messages.NOEXEC(file=file)
    return messages.NOT_EXECUTABLE(file=file, uid=os.geteuid())


def check_size(words: Sequence[str], environment: Mapping[bytes, bytes]) -> None:
    """Refuse what execve(2) would refuse as too large, before anything is stopped for it.

    Raises:
        CommandError: a single string, or all together, are longer than the system allows.
    """
    total = sum(len(os.fsencode(word)) + 1 + _POINTER for word in words)
    for name, value in environment.items():
        length = len(name) + len(value) + 2
        if length > _MAX_STRING:
            shown = name.decode("utf-8", "backslashreplace")
            from secretenv.guessing import shown_key  # only for the error

            raise messages.VARIABLE_TOO_LARGE(variable=shown_key(shown), size=length, limit=_MAX_STRING)
        total += length + _POINTER
    limit = _most_together() - 4096  # the file's name and the auxiliary vector need room too
    if total > limit:
        raise messages.ENVIRONMENT_TOO_LARGE(size=total, limit=limit)


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
    """Return how much the kernel accepts in arguments and environment: not sysconf, which is a constant in musl."""
    stack = _stack_limit()
    quarter = _MAX_TOTAL if stack is None else stack // 4
    return max(min(quarter, _MAX_TOTAL), _LEAST_TOTAL)


def _stack_limit() -> int | None:
    """Return RLIMIT_STACK in bytes, None for no limit; from /proc, as the module `resource` costs 30 KiB that stay."""
    try:
        with open("/proc/self/limits", "rb") as file:  # noqa: PTH123
            limit = next(line for line in file if line.startswith(b"Max stack size")).split()[3]
    except OSError:
        return _USUAL_STACK
    return None if limit == b"unlimited" else int(limit)


def refusal(file: str, number: int) -> SecretenvError:
    """Return the error for a file that was found and that execve(2) refused with this errno."""
    if number == errno.ENOENT:
        # The file was there a moment ago: it is the interpreter of its #! line or its dynamic loader that is missing.
        return messages.NO_INTERPRETER(file=file)
    return messages.REFUSED(file=file, reason=os.strerror(number).lower())
