"""What a process holds stays inside it, each way tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.fetcher.fetching import FOLDER

MARKER = "v4lue-that-must-not-show"


@pytest.mark.parametrize(
    ("wall", "deed"),
    [
        ("silence_interpreter", f"raise ValueError({MARKER!r})"),
        ("silence_interpreter", f"import threading; threading.Thread(target=lambda: int({MARKER!r})).start()"),
        ("silence_interpreter", f"\nclass A:\n    def __del__(self): int({MARKER!r})\nA()"),
        ("silence_libraries", f"import logging; logging.getLogger('a').error({MARKER!r})"),
        ("silence_libraries", f"import warnings; warnings.warn({MARKER!r})"),
        ("forbid_dumps", "import ctypes; exit(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"),  # PR_GET_DUMPABLE
    ],
)
def test_walls(wall: str, deed: str) -> None:
    """Neither an exception nor a library prints anything, and the process cannot be dumped."""
    begin = f"import sys; sys.path.insert(0, {FOLDER!r}); from secretenv.identity import hardening"
    shown = [
        subprocess.run([sys.executable, "-I", "-c", f"{begin}{each}; {deed}"], capture_output=True, check=False)
        for each in ("", f"; hardening.{wall}()")
    ]
    assert MARKER.encode() in shown[0].stderr or shown[0].returncode == 1
    assert shown[1].stderr == shown[1].stdout == b""
    assert wall != "forbid_dumps" or shown[1].returncode == 0
