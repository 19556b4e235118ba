"""Switching the sandbox's faults: the words for them, a file of them, and `secretenv sandbox` with them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from secretenv.errors import SettingsError
from secretenv.sandbox import Sandbox
from secretenv.sandbox.command import serve
from secretenv.sandbox.faults import FORMS, SERVICES, parse
from tests.integration.sandbox.test_command import printed, serving, surroundings
from tests.integration.sandbox.test_faults import cleared, raw, status_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cleared", "surroundings"]  # fixtures

# Says the status of an answer of Secrets Manager before and after the faults are switched off, and after a line that
# is no fault.
SWITCH = """
import os, urllib.error, urllib.request
def status():
    try:
        urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"]))
    except urllib.error.HTTPError as error:
        return error.code
for text in (None, "", "nonsense\\nsecretsmanager:status=429\\n"):
    if text is not None:
        with open(os.environ["SANDBOX_FAULTS"], "w") as file:
            file.write(text)
    print(status(), status())
"""
SERVE = "import sys; from secretenv.sandbox.command import serve; sys.exit(serve(sys.argv[2:], sys.argv[1].split()))"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no ''"),
        ("black-hole", "there is no 'black-hole'"),
        ("credential:close", "did you mean credentials"),
        ("credentials:blackhole", "did you mean black-hole"),
        ("credentials:", "''"),
        ("credentials:close=1", "close takes no value"),
        ("credentials:latency", "duration"),
        ("credentials:latency=fast", "duration"),
        ("credentials:status", "status from 300"),
        ("credentials:status=200", "status from 300"),
        ("credentials:status=³00", "status from 300"),
        ("secretsmanager:rubbish=xml", "xml"),
        ("secretsmanager:portal=door", "door"),
        ("clock=600s", "begins with"),
        ("clock", "begins with"),
        ("clock=+soon", "duration"),
    ],
)
def test_what_is_no_fault(sandbox: Sandbox, text: str, says: str) -> None:
    """A word that is no fault is an error that says why, with a hint that has all that are; nothing is switched."""
    sandbox.faults.set("clock=+1s")
    with pytest.raises(SettingsError, match=says) as caught:
        sandbox.faults.set("credentials:close", text)
    assert all(form in caught.value.hint for form in [*FORMS.values(), *SERVICES, "clock=+600s"])
    assert [fault.text for fault in sandbox.faults.current()] == ["clock=+1s"]
    with pytest.raises(SettingsError, match="not a fault"):
        serve(["true"], [text])


def test_words_with_values() -> None:
    """The words are read as durations, statuses and offsets are everywhere; a first choice may be left out."""
    assert parse(" credentials:latency=1m30s ").seconds == 90
    assert parse("clock=-2h").seconds == -7200
    assert parse("secretsmanager:portal") != parse("secretsmanager:portal=page")
    assert parse("secretsmanager:portal").value == parse("secretsmanager:portal=page").value == "page"


def test_a_file_switches_faults(tmp_path: Path) -> None:
    """A file that is followed is read for each request; a line that is no fault is told of, once."""
    file, complaints = tmp_path / "faults", list[SettingsError]()
    with Sandbox() as own:
        own.faults.set("secretsmanager:status=503")
        own.faults.follow(file, complaints.append)
        assert file.read_text() == "secretsmanager:status=503\n"
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_text("\n nonsense\n secretsmanager:status=429\n")
        assert [status_of(raw(own, "secretsmanager")) for _ in range(3)] == [429] * 3
        assert ["nonsense" in error.message for error in complaints] == [True]
        own.faults.set("secretsmanager:status=418")
        assert file.read_text() == "secretsmanager:status=418\n"
        file.unlink()
        assert status_of(raw(own, "secretsmanager")) == 400


def test_serve_with_faults(surroundings: dict[str, str]) -> None:
    """`serve` begins with the faults that are given, and COMMAND switches them by the file SANDBOX_FAULTS."""
    words = [sys.executable, "-c", SERVE, "secretsmanager:status=503 credentials:close", sys.executable, "-c", SWITCH]
    done = subprocess.run(words, env=surroundings, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["503 503", "400 400", "429 429"]
    assert done.stderr.count("not a fault: 'nonsense'") == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_printed_line_switches_faults(surroundings: dict[str, str]) -> None:
    """The command of the third comment, pasted into another shell, breaks the service, and the other mends it."""
    with serving(surroundings) as process:
        comments, variables = printed(process)
        found = re.fullmatch(r"# faults, one a line: (echo .*); to clear them: (: > .*)", comments[2].rstrip())
        assert found
        url = f"https://{variables['SECRETENV_ENDPOINT']}"
        pair = (variables["SECRETENV_CERT"], variables["SECRETENV_KEY"])
        switch = found[1].replace("black-hole", "close")
        subprocess.run(["/bin/sh", "-c", switch], check=True)
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(url, cert=pair, verify=variables["SECRETENV_CA"], timeout=20)
        subprocess.run(["/bin/sh", "-c", found[2]], check=True)
        assert requests.get(url, cert=pair, verify=variables["SECRETENV_CA"], timeout=20).status_code == 404
