"""Where the sandbox cannot start, one sentence says why."""

from __future__ import annotations

import subprocess

import pytest

from secretenv.sandbox.starting import FILES
from tests.running import SECRETENV


def refused(*begin: str) -> list[str]:
    """Start a sandbox for `true` with these words in front, and return what it says; the status is 1."""
    words = [*begin, SECRETENV, "sandbox", "--", "true"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


@pytest.mark.parametrize("limit", [10, 14, FILES - 1])
def test_too_few_open_files(limit: int) -> None:
    """A low limit of open files is named, with what is needed."""
    assert refused("sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh") == [
        f"secretenv: error: secretenv: the sandbox needs {FILES} open files, and the limit here is {limit}",
        f"secretenv: hint: ulimit -n {FILES}",
    ]


def test_enough_open_files() -> None:
    """With as many as are asked for, a device in the sandbox runs its program."""
    limited = ["sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh"]
    words = [*limited, SECRETENV, "sandbox", "--", SECRETENV, "run", "--once", "--", "true"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_loopback() -> None:
    """A network namespace whose loopback is down is no defect of secretenv."""
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    assert refused("unshare", "-rn") == [
        "secretenv: error: secretenv: the sandbox cannot start: it cannot be reached on this machine's loopback",
        "secretenv: hint: ip addr show lo; df -h /tmp",
    ]
