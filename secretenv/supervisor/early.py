"""Guess, before the command line is read, which helpers the first start needs: they load their libraries meanwhile.

A wrong guess costs time, nothing else: what is not needed is killed, and what is missing is started later.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# An option that only shows something has no use for a helper.
_SHOWS = {"--help", "--dry-run"}
_LARGEST = 1 << 16  # bytes of a settings file that are looked at


def guess(words: Sequence[str], environ: Mapping[bytes, bytes]) -> tuple[bool, bool]:
    """Return whether the first start needs a fetcher at once, and whether it opens a cache.

    Args:
        words: of the command line, after `run`.
        environ: the caller's environment.
    """
    options = list(words[: words.index("--")] if "--" in words else words)
    if _SHOWS.intersection(options):
        return False, False
    file = b""
    asked = _given(options, environ, "cache")
    after = _given(options, environ, "cache-after")
    if not asked or not after:
        file = _settings_file(options, environ)
    cached = bool(asked) or b"cache" in file
    if after:
        return not (cached and not after.strip("0ms. ")), cached
    return not (cached and b"cache_after" in file), cached


def _given(options: Sequence[str], environ: Mapping[bytes, bytes], name: str) -> str:
    """Return the last value that an option was given, or that of its variable; empty if it has none."""
    flag, found = f"--{name}", ""
    for place, word in enumerate(options):
        if word.startswith(f"{flag}="):
            found = word.partition("=")[2]
        elif word == flag:
            found = "".join(options[place + 1 : place + 2])
    variable = f"SECRETENV_{name.upper().replace('-', '_')}"
    return found or environ.get(variable.encode(), b"").decode("utf-8", "replace")


def _settings_file(options: Sequence[str], environ: Mapping[bytes, bytes]) -> bytes:
    """Return the settings file, empty if there is none."""
    home = environ.get(b"XDG_CONFIG_HOME") or environ.get(b"HOME", b"") + b"/.config"
    given = _given(options, environ, "config").encode("utf-8", "surrogateescape")
    for path in [given] if given else [home + b"/secretenv/config.toml", b"/etc/secretenv/config.toml"]:
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                return file.read(_LARGEST)
        except (OSError, ValueError):
            continue
    return b""
