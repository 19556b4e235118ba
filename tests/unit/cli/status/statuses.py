"""Statuses for the tests: that of a run in which all is well, with changes."""

from __future__ import annotations

from typing import Any

VERSION = "0c51c0de-5ec2-4e4f-8f3e-1a2b3c4d5e6f"
NEWER = "77aa77aa-0000-4e4f-8f3e-1a2b3c4d5e6f"
NOW = 12345.0  # by CLOCK_BOOTTIME
EPOCH = 1764067890.0  # the same moment, since the epoch
DAY = 86400.0


def status(**changes: Any) -> dict[str, Any]:
    """Return the status of a run that started 1,345 seconds ago and looked 45 seconds ago."""
    well: dict[str, Any] = {
        "format": 1,
        "pid": 4711,
        "pid_namespace": 4026531836,
        "boot": "6f0c0000-0000-4000-8000-000000000000",
        "written": NOW - 40,
        "time": EPOCH - 40,
        "program": "myapp",
        "phase": "running",
        "shutdown": "",
        "started": NOW - 1345,
        "since": NOW - 1300,
        "restarts": 0,
        "interval": 300.0,
        "looked_at": NOW - 45,
        "next_look": NOW + 255,
        "trial_until": None,
        "secrets": [secret()],
        "refused": [],
        "failing": None,
        "cache": None,
        "certificate_end": EPOCH + 200 * DAY,
    }
    return well | changes


def secret(**changes: Any) -> dict[str, Any]:
    """Return the row of a secret of AWS."""
    row = {"secret": "prod/app", "version": VERSION, "since": NOW - 1300, "source": "aws", "newest": ""}
    return row | changes


def failing(link: str = "DNS", since: float = NOW - 600) -> dict[str, Any]:
    """Return why looks fail."""
    return {"since": since, "link": link, "message": "the name x was not resolved", "hint": "getent hosts x"}


def refused(**changes: Any) -> dict[str, Any]:
    """Return a version that the command refused."""
    return {"secret": "prod/app", "version": NEWER, "since": NOW - 120, "why": "exit status 3"} | changes


def cache(**changes: Any) -> dict[str, Any]:
    """Return the state of a cache that was written two days ago."""
    return {"file": "/c/app", "sealed_at": EPOCH - 2 * DAY, "denied_since": None, "in_use": False} | changes
