"""How a signal, a time and a length of time are written in messages. The supervisor imports this room."""

from __future__ import annotations

import signal
import time

from secretenv.settings import FILE_SCHEME


def signal_name(signum: int) -> str:
    """Return the name of a signal, without SIG; real-time signals have only two names of their own."""
    try:
        return signal.Signals(signum).name.removeprefix("SIG")
    except ValueError:
        return f"RTMIN+{signum - signal.SIGRTMIN}"


def shown_version(secret: str, version: str) -> str:
    """Return a secret's version; nothing of a file's, which is a hash from which a short secret could be guessed."""
    return "" if secret.startswith(FILE_SCHEME) else version


def span(seconds: float) -> str:
    """Return a length of time in words: `0.4 s`, `12 s`, `5 min`, `3.2 h`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def moment(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
