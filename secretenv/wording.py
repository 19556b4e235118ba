"""How names, numbers, signals and times are written in messages, and next steps that several packages name."""

from __future__ import annotations

import json
import signal
import time

from secretenv.settings import FILE_SCHEME, MISSING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# How an operator learns the account's endpoint of the credentials provider.
DESCRIBE_ENDPOINT = "aws iot describe-endpoint --endpoint-type iot:CredentialProvider"
PORTAL = "something between this device and AWS answered, perhaps a captive portal or a proxy"

COMPLETE = "is the installation complete? pip check; or install secretenv again"
USE_A_SHELL = "use sh -c '...', or env in front of variables"

_LONGEST_NAME = 80  # characters of a name in a message


def printable(text: str) -> str:
    """Return text that can neither move the cursor of a terminal nor begin a new line."""
    return "".join(c if c.isprintable() else "?" for c in text)


def short(name: str) -> str:
    """Return a name, which may be anything: at most 80 characters, and quoted unless it is one printable word."""
    cut = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return cut if cut and cut.isprintable() and " " not in cut else json.dumps(cut)


def many(count: int, what: str) -> str:
    """Return a number of things: `1 secret`, `2 secrets`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def signal_name(signum: int) -> str:
    """Return the name of a signal, without SIG; real-time signals have only two names of their own."""
    try:
        return signal.Signals(signum).name.removeprefix("SIG")
    except ValueError:
        return f"RTMIN+{signum - signal.SIGRTMIN}"


def shown_version(secret: str, version: str) -> str:
    """Return a secret's version; nothing for a file: its hash would help to guess a short secret."""
    if version == MISSING:
        return "(missing)"
    return "" if secret.startswith(FILE_SCHEME) else version


def shown_versions(versions: Mapping[str, str]) -> str:
    """Return the secrets, each with its version."""
    return ", ".join(f"{secret} {shown_version(secret, version)}".rstrip() for secret, version in versions.items())


def span(seconds: float) -> str:
    """Return a length of time in words: `0.4 s`, `12 s`, `5 min`, `3.2 h`, `3 days`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:  # noqa: PLR2004
        return f"{seconds / 3600:.1f} h"
    return f"{seconds // 86400:.0f} days"


def moment(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
