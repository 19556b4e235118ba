"""Guess, before the command line is read, which helpers the first start needs: they load their libraries meanwhile.

A wrong guess costs time, nothing else: what is not needed is killed, and what is missing is started later. No file is
read here: a settings file may be on a disk that hangs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# An option that only shows something has no use for a helper.
_SHOWS = {"--help", "--dry-run"}


def guess(words: Sequence[str], environ: Mapping[bytes, bytes]) -> tuple[bool, bool, list[str]]:
    """Return whether the first start needs a fetcher at once, whether it opens a cache, and which files say more.

    Args:
        words: of the command line, after `run`.
        environ: the caller's environment.

    Returns:
        The files: settings files that may say that no fetcher is needed at once; the first that exists counts.
    """
    options = words[: words.index("--")] if "--" in words else words
    if _SHOWS.intersection(options):
        return False, False, []
    opens = bool(_given(options, environ, "cache"))
    if after := _given(options, environ, "cache-after"):
        return not (opens and not after.strip("0ms. ")), opens, []
    if file := _given(options, environ, "config"):
        return True, opens, [file]
    home = environ.get(b"XDG_CONFIG_HOME") or environ.get(b"HOME", b"") + b"/.config"
    return (
        True,
        opens,
        [f"{home.decode('utf-8', 'surrogateescape')}/secretenv/config.toml", "/etc/secretenv/config.toml"],
    )


def _given(options: Sequence[str], environ: Mapping[bytes, bytes], name: str) -> str:
    """Return the last value that an option was given, or that of its variable; empty if it has none."""
    flag, found = f"--{name}", ""
    for place, word in enumerate(options):
        if word.startswith(f"{flag}="):
            found = word.partition("=")[2]
        elif word == flag:
            found = "".join(options[place + 1 : place + 2])
    variable = f"SECRETENV_{name.upper().replace('-', '_')}"
    return found or environ.get(variable.encode(), b"").decode("utf-8", "surrogateescape")
