"""Helpers of the tests of `secretenv check`: settings of a device that does not exist, and a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from secretenv.config import merge

if TYPE_CHECKING:
    import pytest

    from secretenv.settings import Settings

NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z
DEVICE = {
    "SECRETENV_CERT": "/nowhere/device.crt",
    "SECRETENV_KEY": "/nowhere/device.key",
    "SECRETENV_ENDPOINT": "example.credentials.iot.eu-west-1.amazonaws.com",
    "SECRETENV_ROLE_ALIAS": "alias",
}


def settings(secrets: str, **more: str) -> Settings:
    """Return the settings of a device with these secrets."""
    return merge.read({}, {**DEVICE, "SECRETENV_SECRET": secrets, **more}, [])


class Terminal(io.StringIO):
    """A terminal that shows UTF-8."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say so."""
        return True


def terminal_of_60(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal of 60 columns with colours."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    return Terminal()
