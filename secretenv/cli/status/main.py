"""`secretenv status`: find the runs, or read the file of one, and show them in the form that was asked for."""

from __future__ import annotations

import io
import os
import sys
import time
from typing import TYPE_CHECKING

from secretenv.cli import messages
from secretenv.cli.status import finding, status_file
from secretenv.cli.stderr import show
from secretenv.errors import SettingsError, StatusError
from secretenv.wording import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretenv.cli.status.finding import Found

_DIGITS = 18  # more than any pid has
NOTHING = 3  # the exit status where a run was not found, or its status cannot be read


def main(pids: Sequence[str], *, forms: Sequence[str] = (), max_age: str | None = None, file: str | None = None) -> int:
    """Print the statuses of runs, and return the exit status.

    Args:
        pids: of the runs, as a user writes them; none for all.
        forms: at most one of `json`, `prometheus` and `check`; none for people.
        max_age: of the values with `check`: a duration as a user writes it.
        file: a status file to read instead of looking for processes.

    Raises:
        SettingsError: these exclude each other, or one of them cannot be used.
    """
    if forms[1:]:
        raise messages.ONE_FORM(first=f"--{forms[0]}", second=f"--{forms[1]}")
    if file is not None and pids:
        raise messages.FILE_OR_PROCESSES()
    form = "".join(forms)
    if max_age is not None and form != "check":
        raise messages.ONLY_WITH_CHECK()
    oldest = None if max_age is None else _duration(max_age)
    found = _found([_pid(word) for word in pids], file)
    if form == "check":
        from secretenv.cli.status.monitoring import check

        status, line = check(found.runs, found.problems, time.time(), oldest)
        _write(line)
        return status
    _write(_shown(found, form), "utf-8" if form == "prometheus" else None)
    for problem in found.problems:
        show(problem)
    return NOTHING if found.problems else 0


def _pid(word: str) -> int:
    """Return the number of a process."""
    if not (word.isascii() and word.isdecimal() and len(word) <= _DIGITS):
        raise messages.NOT_A_PID(value=short(word))
    return int(word)


def _duration(text: str) -> float:
    """Return the seconds of --max-age."""
    from secretenv.config.messages import told_of
    from secretenv.config.parsers import interval

    try:
        return interval(text)
    except SettingsError as error:
        raise told_of("--max-age", error) from None


def _found(pids: Sequence[int], file: str | None) -> Found:
    """Return the runs, and why there are no others."""
    try:
        return finding.Found([status_file.read(file)], []) if file is not None else finding.find(pids)
    except StatusError as error:
        return finding.Found([], [error])


def _shown(found: Found, form: str) -> str:
    """Return the text for standard output."""
    if form == "json":
        import json

        return json.dumps([run.document() for run in found.runs], indent=2) + "\n"
    if form == "prometheus":
        from secretenv.supervisor.exposition import exposition

        return exposition([run.document() for run in found.runs])
    from secretenv.cli.status.shown import report

    return report(found.runs, time.time(), _width())


def _width() -> int | None:
    """Return the width of the terminal at standard output; None if there is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def _write(text: str, encoding: str | None = None) -> None:
    """Write to standard output, whose encoding may lack a character."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors="replace")
    sys.stdout.write(text)
