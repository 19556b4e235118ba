"""Fetchers as the supervisor starts them: a process, its task on standard input, its answer in a file."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import secretenv
from secretenv.credentials import Credentials
from secretenv.fetcher.variables import plain
from secretenv.protocol import Answer, Task, read_answer
from secretenv.settings import Device, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.errors import SecretenvError
    from secretenv.sandbox import Device as SandboxDevice
    from secretenv.sandbox import Sandbox

MARKER = "v4lue-that-must-not-show"
VALUE = {"GREETING": "hello", "DB_PASSWORD": MARKER}
FOLDER = str(Path(secretenv.__file__).parent.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetcher left."""

    answer: Answer
    steps: list[tuple[str, str]]
    lines: list[dict[str, Any]]

    @property
    def error(self) -> SecretenvError:
        """The error that it ended with."""
        assert self.answer.error is not None, self.answer.versions
        return self.answer.error


def device(**fields: str) -> Device:
    """Return a device; what is not given is not set."""
    return Device.from_json({**dict.fromkeys(Device.fields(), ""), **fields})


def device_of(sandbox: Sandbox, who: SandboxDevice | None = None, **changes: str) -> Device:
    """Return the settings of a device of the sandbox."""
    who = who or sandbox.first
    fields = {
        "cert": str(who.cert),
        "key": str(who.key),
        "key_password_file": str(who.password_file or ""),
        "ca": str(sandbox.ca),
        "endpoint": sandbox.endpoint,
        "role_alias": "sandbox-alias",
        "region": sandbox.region,
        "secretsmanager_endpoint": sandbox.url,
    }
    return device(**{**fields, **changes})


def secret(secret_id: str, **changes: Any) -> Secret:
    """Return the settings of a secret."""
    return plain(secret_id, **changes)


def start(
    task: bytes,
    program: str = "",
    variables: Mapping[str, str] | None = None,
    answer: Any = subprocess.PIPE,
    how: str = "main()",
) -> subprocess.Popen[bytes]:
    """Start a fetcher and give it its task. `program` is run in it before anything else; `how` calls its `main`."""
    code = f"import sys; sys.path.insert(0, {FOLDER!r})\n{program}\nfrom secretenv.fetcher.main import main\n{how}"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code],
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", **(variables or {})},
    )
    assert process.stdin
    process.stdin.write(task)
    process.stdin.close()
    process.stdin = None
    return process


def wired(wire: str) -> str:
    """Return the `how` of a fetcher that asks the credentials provider with this expression."""
    begin = "from functools import partial; from secretenv.fetcher.fetch import Fetch"
    return f"{begin}; from secretenv.identity import provider; main(make=partial(Fetch, wire={wire}))"


def task(of: Device, *secrets: Secret, credentials: Credentials | None = None) -> bytes:
    """Return what a fetcher reads."""
    return json.dumps(Task(device=of, secrets=secrets, require=(), credentials=credentials).to_json()).encode()


def changed(credentials: Credentials, **fields: float) -> Credentials:
    """Return the credentials with other fields."""
    return Credentials.from_json({**credentials.to_json(), **fields})


def fetch(
    of: Device,
    *secrets: Secret,
    credentials: Credentials | None = None,
    program: str = "",
    variables: Mapping[str, str] | None = None,
    how: str = "main()",
) -> Fetched:
    """Run a fetcher to its end. Whatever happens it ends with 0, silently, and no marker is anywhere but in values."""
    with tempfile.TemporaryFile() as file:
        process = start(task(of, *secrets, credentials=credentials), program, variables, file, how)
        _, stderr = process.communicate(timeout=60)
        file.seek(0)
        raw = file.read()
    assert stderr == b"", stderr.decode()
    assert process.returncode == 0
    lines = [json.loads(line) for line in raw.splitlines()]
    found = read_answer(raw)
    shown = [*lines[:-1], found.warnings]
    shown += [found.error.to_json()] if found.error else []
    assert MARKER not in json.dumps(shown)
    assert ("answer" in lines[-1]) != ("error" in lines[-1])
    return Fetched(answer=found, steps=[(line["link"], line["at"]) for line in lines[:-1]], lines=lines)
