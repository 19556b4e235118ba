"""The environment of the command: what it inherits, the secrets' variables, and those that name this process."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.settings import Settings

# sd_listen_fds(3), sd_watchdog_enabled(3), systemd.exec(5): only the process with this pid takes what is inherited, or
# knows that systemd started it.
_ADDRESSED = (b"LISTEN_PID", b"WATCHDOG_PID", b"SYSTEMD_EXEC_PID")


def environment(base: Mapping[bytes, bytes], variables: Mapping[str, str], settings: Settings) -> dict[bytes, bytes]:
    """Return the command's environment: what it inherits of `base`, and over it the secrets' variables, in UTF-8.

    With --prefer-inherited some of what it inherits stays as it is.
    """
    kept = {name: value for name, value in base.items() if _passes(os.fsdecode(name), settings)}
    found = kept | {name.encode(): value.encode() for name, value in variables.items()}
    if settings.prefer_inherited:
        found |= {name: kept[name] for name in kept if _matches(os.fsdecode(name), settings.prefer_inherited)}
    return found


def _passes(name: str, settings: Settings) -> bool:
    """Whether an inherited variable reaches the command: never secretenv's own settings."""
    if name.startswith("SECRETENV_") or _matches(name, settings.drop):
        return False
    return not settings.pristine or _matches(name, settings.keep)


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    if not globs:
        return False
    from fnmatch import fnmatchcase  # most runs have no globs, and fnmatch stays in memory

    return any(fnmatchcase(name, glob) for glob in globs)


def readdressed(environment: Mapping[bytes, bytes], old: int) -> Mapping[bytes, bytes]:
    """Return the environment; the service manager's variables that name process `old` name this one instead."""
    mine = {name: b"%d" % os.getpid() for name in _ADDRESSED if environment.get(name) == b"%d" % old}
    if not mine:
        return environment
    # A newer systemd names the process a second time, by the inode of its pidfd; without that the pid is enough.
    stale = {b"LISTEN_PIDFDID"} if b"LISTEN_PID" in mine else set()
    return {name: value for name, value in {**environment, **mine}.items() if name not in stale}
