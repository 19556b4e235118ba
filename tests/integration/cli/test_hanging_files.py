"""A disk that does not answer: each process gives up within its budget, and names the file."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretenv.settings import Device
from tests.held import hanging
from tests.integration.fetcher.fetching import FOLDER, device_of, fetch, secret
from tests.running import BASE, PYTHON

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.sandbox import Sandbox

FILES = {"certificate file": "cert", "key file": "key", "key password": "key_password_file", "roots file": "ca"}

# Not part of the budget here: on a busy machine they are slow to load.
_LOADED = "from secretenv.identity import certificate, provider; from secretenv.fetcher import secretsmanager\n"

_BEGIN = f"""
import sys; sys.path.insert(0, {FOLDER!r})
import json, os
{_LOADED}
"""
_CREDENTIALS = f"""{_BEGIN}
from secretenv.cli.credential_process import obtain
from secretenv.errors import CertificateError
from secretenv.settings import Device
try:
    obtain(Device.from_json(json.loads(sys.argv[1])), print, 1.0)
except CertificateError as error:
    print(json.dumps([vars(error)]))
"""
_CHECK = f"""{_BEGIN}
from secretenv.cli.check.walk import present
from secretenv.config import merge
present(merge.read(dict([]), os.environ, []), sys.stdout, as_json=True, budget=1.0)
"""
_FETCH_ONCE = f"""{_BEGIN}
from secretenv.cli.fetch_once import fetch_once
from secretenv.config import merge
from secretenv.errors import FetcherError
try:
    fetch_once(merge.read(dict([]), os.environ, []), 1.0)
except FetcherError as error:
    print(error.message)
"""


def said(path: str) -> str:
    """Return the sentence on a file that hangs."""
    return f"{path} was not read within 1 s"


def output(program: str, *words: str, **variables: str) -> str:
    """Return what a program prints."""
    return subprocess.run(
        [PYTHON, "-I", "-c", program, *words],
        env={**BASE, **variables},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


@pytest.mark.parametrize("link", FILES)
def test_a_file_of_the_device(sandbox: Sandbox, link: str) -> None:
    """The fetcher, which `run` and `export` ask, `credentials` and `check`; it may pass, as a share may come back."""
    locked = sandbox.device(encrypted_with="p")
    device = device_of(sandbox, locked)
    path = getattr(device, FILES[link])
    with hanging(path):
        error = fetch(device, secret("sandbox/app"), program=_LOADED, how="main(budget=1.0)").error
        (obtained,) = json.loads(output(_CREDENTIALS, json.dumps(device.to_json())))
        steps = json.loads(output(_CHECK, **sandbox.environment(device=locked)))["steps"]
    assert (error.link, error.transient, error.message) == (link, True, said(path))
    assert f"findmnt -T {path}" in error.hint
    assert (obtained["link"], obtained["message"]) == (link, said(path))
    (broken,) = [step for step in steps if step["ok"] is False]
    assert (broken["link"], broken["text"]) == (link, said(path))


def test_roots_for_secrets_manager(sandbox: Sandbox, tmp_path: Path) -> None:
    """The file of AWS_CA_BUNDLE, in `credentials` and in `check`."""
    device = device_of(sandbox)
    path = str(tmp_path / "roots")
    shutil.copy(device.ca, path)
    with hanging(path):
        (obtained,) = json.loads(output(_CREDENTIALS, json.dumps(device.to_json()), AWS_CA_BUNDLE=path))
        steps = json.loads(output(_CHECK, **sandbox.environment(), AWS_CA_BUNDLE=path))["steps"]
    assert (obtained["link"], obtained["message"]) == ("roots file", said(path))
    assert [step["text"] for step in steps if step["ok"] is False] == [said(path)]


def test_a_secret_in_a_file(tmp_path: Path) -> None:
    """A file:// secret, in the fetcher and in `check`."""
    path = tmp_path / "secret.json"
    path.write_text("{}")
    with hanging(str(path)):
        nobody = Device.from_json(dict.fromkeys(Device.fields(), ""))
        error = fetch(nobody, secret(f"file://{path}"), how="main(budget=1.0)").error
        steps = json.loads(output(_CHECK, SECRETENV_SECRET=f"file://{path}"))["steps"]
    assert (error.link, error.transient, error.message) == ("file", True, said(str(path)))
    (broken,) = [step for step in steps if step["ok"] is False]
    assert (broken["link"], broken["text"]) == ("file", said(str(path)))


def test_a_fetcher_that_hangs(tmp_path: Path) -> None:
    """A fetcher that does not even give up is killed by those that wait for it, as by `run`."""
    path = tmp_path / "secret.json"
    path.write_text("{}")
    with hanging(str(path)):
        error = output(_FETCH_ONCE, SECRETENV_SECRET=f"file://{path}")
    assert error.startswith(f"the fetcher ended without an answer, at step file (file://{path})")
    assert error.strip().endswith("it took too long and was killed")
