"""The environment of the command: what passes, what the secrets add, and what names this process."""

from __future__ import annotations

import os
from typing import Any

import pytest

from secretenv.supervisor.environment import environment, readdressed
from tests.unit.supervisor.stories import settings

BASE = {b"PATH": b"/bin", b"HOME": b"/root", b"SECRETENV_KEY": b"/k", b"bytes\xff": b"\xff"}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param({}, {b"PATH", b"HOME", b"bytes\xff"}, id="all"),
        pytest.param({"pristine": True}, set(), id="pristine"),
        pytest.param({"pristine": True, "keep": ("P*", "SECRETENV_*")}, {b"PATH"}, id="keep"),
        pytest.param({"drop": ("H?ME",)}, {b"PATH", b"bytes\xff"}, id="drop"),
        pytest.param({"pristine": True, "keep": ("*",), "drop": ("PATH",)}, {b"HOME", b"bytes\xff"}, id="drop-wins"),
    ],
)
def test_what_the_command_inherits(given: dict[str, Any], names: set[bytes]) -> None:
    """--pristine, --keep and --drop choose what is inherited; secretenv's own settings never are."""
    assert environment(BASE, {}, settings(**given)) == {name: BASE[name] for name in names}


def test_a_secret_wins_over_what_is_inherited() -> None:
    """Secrets win over inherited variables, and are UTF-8 whatever the locale is."""
    found = environment(BASE, {"PATH": "/ä", "NEW": ""}, settings(drop=("NEW",)))
    assert found[b"PATH"] == "/ä".encode()
    assert found[b"NEW"] == b"", "--drop is for what is inherited"


def test_what_is_addressed_to_this_process_is_addressed_to_the_command() -> None:
    """Sockets and the watchdog of a service manager, which name a process, name the command that takes its place."""
    given = {b"LISTEN_PID": b"7", b"LISTEN_PIDFDID": b"99", b"WATCHDOG_PID": b"8", b"LISTEN_FDS": b"1"}
    found = readdressed(given, 7)
    assert found == {b"LISTEN_PID": b"%d" % os.getpid(), b"WATCHDOG_PID": b"8", b"LISTEN_FDS": b"1"}
    assert readdressed(given, 9) is given, "none of it was meant for this process"


def test_the_process_that_systemd_started_is_the_command() -> None:
    """SYSTEMD_EXEC_PID names the command: a program that compares it with its pid learns that systemd started it."""
    given = {b"SYSTEMD_EXEC_PID": b"7", b"LISTEN_PID": b"8", b"LISTEN_PIDFDID": b"99"}
    assert readdressed(given, 7) == {**given, b"SYSTEMD_EXEC_PID": b"%d" % os.getpid()}
