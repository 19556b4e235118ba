"""Shell completion: the scripts of the three shells, and the values of options that can be known.

The scripts are files of the package: the wheel installs them where the shells look for them, `--show-completion SHELL`
prints them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import secretenv
from secretenv.cli import messages
from secretenv.config import parsers
from secretenv.settings import FILE_SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from secretenv.config.options import Option

VARIABLE = "_SECRETENV_COMPLETE"  # by which a shell asks for completions, or for its script: `source_SHELL`
SHARE = Path(secretenv.__file__).with_name("share")
SCRIPTS = {
    "bash": SHARE / "bash-completion" / "completions" / "secretenv",
    "zsh": SHARE / "zsh" / "site-functions" / "_secretenv",
    "fish": SHARE / "fish" / "vendor_completions.d" / "secretenv.fish",
}


def asked(arguments: Sequence[str]) -> bool:
    """Print a shell's script where one is asked for, and tell whether it was: by an option, or by the variable.

    Raises:
        SettingsError: there is none for this shell.
    """
    instruction, _, shell = os.environ.get(VARIABLE, "").partition("_")
    if instruction != "source":
        first, _, shell = " ".join(arguments[:2]).replace("=", " ").partition(" ")
        if first != "--show-completion":
            return False
        shell = shell or _current()
    if shell not in SCRIPTS:
        raise messages.NO_COMPLETION(shell=shell or "this shell", shells=", ".join(SCRIPTS))
    sys.stdout.write(SCRIPTS[shell].read_text("utf-8"))
    return True


def _current() -> str:
    """Return the name of the shell that started this process; an empty string where it cannot be known."""
    import shellingham

    try:
        return str(shellingham.detect_shell()[0])
    except (shellingham.ShellDetectionFailure, OSError, RuntimeError):
        return ""


def values(option: Option) -> Callable[[str], list[str]] | None:
    """Return a function from the beginning of an option's value to the values it can have; None: they are not known."""
    if option.key == "secret":
        return secrets
    signals = option.metavar in {"SIGNAL", "ACTION"}
    if not option.words and not signals:
        return None
    return lambda incomplete: beginning(
        incomplete, [*option.words, *(parsers.signal_names().split() if signals else [])]
    )


def beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    """Return the words that begin with this."""
    return [word for word in words if word.startswith(incomplete)]


def secrets(incomplete: str) -> list[str]:
    """Return the `file://` paths that an incomplete secret can become; folders end with a slash."""
    name, equals, identifier = incomplete.partition("=")
    name, identifier = (name + equals, identifier) if equals else ("", incomplete)
    if not identifier.startswith(FILE_SCHEME):
        return [f"{name}{FILE_SCHEME}"] if identifier and FILE_SCHEME.startswith(identifier) else []
    folder, slash, last = identifier.removeprefix(FILE_SCHEME).rpartition("/")
    where = f"{folder}{slash}"
    try:
        entries = sorted(Path(where or ".").expanduser().iterdir())
    except OSError:
        return []
    wanted = [each for each in entries if each.name.startswith(last) and (last or not each.name.startswith("."))]
    return [f"{name}{FILE_SCHEME}{where}{each.name}{'/' if each.is_dir() else ''}" for each in wanted]
