"""A device with a cache, in one folder; and the process of the cache as the supervisor starts it."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import secretenv
from secretenv.cache.main import perform
from secretenv.cache_protocol import CacheTask, Known, Outcome, read_outcome
from secretenv.protocol import Answer
from secretenv.settings import Device
from tests.running import PYTHON
from tests.unit.identity.certificates import Key, certificate, ec_key, pem, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.cache_protocol import Wish
    from secretenv.errors import SecretenvError

MARKER = "v4lue-that-must-not-show"
DAY = 86400.0
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
BEGINNING = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)  # of the certificates
END = dt.datetime(2060, 1, 1, tzinfo=dt.UTC)
MONTH = 30 * DAY
BELONGS = {"endpoint": "example.invalid", "secrets": [{"id": "app"}]}

FOLDER = str(Path(secretenv.__file__).parent.parent)
_EXECUTED = (
    f"import sys; sys.path.append({FOLDER!r}); import site; site.main(); "
    "{before}; from secretenv.cache.main import main; main()"
)
# Forks as the supervisor does, with memfds and the signal blocked, and hands its task and its answer on.
_FORKED = (
    f"import sys; sys.path.append({FOLDER!r}); import site; site.main()"
    """
import os, signal
from secretenv import cache_protocol
from secretenv.protocol import GO
task, answer = os.memfd_create("task"), os.memfd_create("answer")
signal.pthread_sigmask(signal.SIG_BLOCK, {{GO}})
pid = os.fork()
if not pid:
    try:
        os.dup2(task, 0)
        os.dup2(answer, 1)
        {before}
        from secretenv.cache.main import main
        main()
    finally:
        os.write(2, b"the fork went on")
        os._exit(1)
def wait(words):
    while words not in open(f"/proc/{{pid}}/status").read():
        os.sched_yield()
wait("State:\\tS")  # it is ready
os.kill(pid, GO)  # to all of a service; it takes that before there is a task
wait("ShdPnd:\\t0000000000000000")
while part := os.read(0, 1 << 20):
    at = os.fstat(task).st_size
    os.pwrite(task, part, at)
os.kill(pid, GO)
_, status = os.waitpid(pid, 0)
assert status == 0, status
os.lseek(answer, 0, 0)
while part := os.read(answer, 1 << 20):
    os.write(1, part)
"""
)


def found(value: str = MARKER, version: str = "1") -> Answer:
    """Return an answer with a value."""
    answer = Answer()
    answer.variables = {"PASSWORD": value, "ODD": "\udcff \0 ☃"}
    answer.files = {"TOKEN": ("aGVsbG8=", 0o600)}
    answer.origins = {"PASSWORD": "app", "ODD": "app"}
    answer.versions = {"app": version}
    return answer


def known(answer: Answer | None = None, **changes: Any) -> Known:
    """Return a last known good answer that AWS confirmed just now."""
    fields = {"answer": answer or found(), "refused": {}, "why": "", "age": 0.0, "denied": None, "denials": 0}
    return Known(**{**fields, **changes})


@dataclass
class Vault:
    """A device and its cache.

    Attributes:
        folder: where the cache is.
        device: names the files of certificate and key, which are in another folder.
        now: what the clock says, where it is asked in this process.
    """

    folder: Path
    device: Device
    now: float = NOW
    belongs: dict[str, Any] = field(default_factory=lambda: dict(BELONGS))
    max_age: float = MONTH

    @property
    def file(self) -> Path:
        """The file of the cache."""
        return self.folder / "cache"

    def task(self, wish: Wish, what: Known | None = None) -> CacheTask:
        """Return a task."""
        return CacheTask(
            wish=wish,
            file=str(self.file),
            device=self.device,
            belongs=self.belongs,
            max_age=self.max_age,
            known=what,
        )

    def perform(self, wish: Wish, what: Known | None = None) -> Outcome:
        """Do a task in this process."""
        return perform(self.task(wish, what), lambda: self.now)

    def open(self) -> Known:
        """Open the cache; it has to."""
        outcome = self.perform("open")
        assert outcome.error is None, outcome.error.message
        assert outcome.known is not None
        return outcome.known

    def seal(self, what: Known | None = None) -> None:
        """Seal something; it has to be possible."""
        outcome = self.perform("seal", what or known())
        assert outcome.error is None, outcome.error.message
        assert (outcome.known, outcome.sealed_at) == (None, self.now)

    def refuses(self, wish: Wish = "open", what: Known | None = None) -> SecretenvError:
        """Return the error of a task, which gives nothing."""
        outcome = self.perform(wish, known() if wish == "seal" else what)
        assert outcome.known is None
        assert outcome.error is not None
        assert outcome.error.link == "cache"
        assert outcome.error.hint
        assert MARKER not in json.dumps(outcome.to_json())
        return outcome.error

    def value(self) -> str:
        """Return the value that the cache holds."""
        return self.open().answer.variables["PASSWORD"]

    def names(self) -> list[str]:
        """Return the files in its folder."""
        return sorted(path.name for path in self.folder.iterdir())


def device(folder: Path, key: Key, *, key_pem: bytes | None = None, password: str = "", name: str = "device") -> Device:
    """Return a device with this key, written to a folder."""
    made = certificate(key, name, start=BEGINNING, end=END)
    fields: dict[str, Any] = dict.fromkeys(Device.fields(), "")
    fields |= {
        "cert": write(folder / f"{name}.crt", made),
        "key": write(folder / f"{name}.key", key_pem or pem(key)),
        "batch": False,
    }
    if password:
        fields["key_password_file"] = write(folder / f"{name}.password", password.encode() + b"\n")
    return Device(**fields)


def changed(of: Device, **fields: str) -> Device:
    """Return a device with other fields."""
    return Device.from_json({**of.to_json(), **fields})


def vault(tmp_path: Path, key: Key | None = None, **options: Any) -> Vault:
    """Return a device with a cache that is not there yet."""
    for name in ("pair", "cache"):
        (tmp_path / name).mkdir(exist_ok=True)
    return Vault(tmp_path / "cache", device(tmp_path / "pair", key or ec_key(), **options))


def process(
    task: CacheTask | bytes,
    *,
    forked: bool = False,
    variables: Mapping[str, str] | None = None,
    before: str = "pass",
    words: tuple[str, ...] = (),
) -> Outcome:
    """Run the process of the cache and return its outcome; it ends with 0 and says nothing else.

    Args:
        task: what it is given.
        forked: whether it is a fork of a process that has loaded little.
        variables: its environment.
        before: what it does first.
        words: a command line in front of its own.
    """
    program = (_FORKED if forked else _EXECUTED).format(before=before)
    ended = subprocess.run(
        [*words, PYTHON, "-I", "-S", "-c", program],
        input=task if isinstance(task, bytes) else json.dumps(task.to_json()).encode(),
        capture_output=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **(variables or {})},
    )
    assert ended.stderr == b"", ended.stderr.decode()
    assert ended.returncode == 0
    return read_outcome(ended.stdout, "it wrote none")
