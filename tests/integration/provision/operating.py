"""An operator who runs `secretenv provision` at the sandbox, and keeps what AWS saw of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from secretenv.cli import main as command_line

if TYPE_CHECKING:
    import pytest

    from secretenv.sandbox import Request, Sandbox


MARKER = "MARKER-5c1e-value-that-must-not-be-shown"


VALUE = json.dumps({"PASSWORD": MARKER})


_ASKED_BY_POST = ("/attached-policies/", "/policy-targets/")  # of IoT


class Ended(NamedTuple):
    """How a run of the command ended, and which changing calls AWS saw."""

    status: int
    out: str
    err: str
    changes: list[str]


class Operator:
    """Somebody who runs `secretenv provision` at the sandbox, in a folder with the secret's value in app.json."""

    def __init__(self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        self.sandbox = sandbox
        self._capsys = capsys
        self._seen: list[str] = []
        sandbox.on_request = self._note
        self.iam, self.iot, self.secrets = (sandbox.operator.client(s) for s in ("iam", "iot", "secretsmanager"))

    def _note(self, request: Request) -> None:
        """Keep what changes something: not what is read, by the names and methods of the three services' protocols."""
        body = request.body.decode("latin-1")
        action = request.headers.get("x-amz-target") or re.sub(
            r".*Action=(\w+).*", r"\1", body.partition("&Version")[0]
        )
        if request.path == "/" and not re.search(r"(?:^|\.)(?:Get|List|Describe)", action):
            self._seen.append(action)
        if request.path != "/" and request.method != "GET" and not request.path.startswith(_ASKED_BY_POST):
            self._seen.append(f"{request.method} {request.path}")

    def __call__(self, *words: str) -> Ended:
        """Run it; neither the secret's value nor a traceback is ever seen."""
        self._seen.clear()
        status = command_line.main(["provision", *words])
        out, err = self._capsys.readouterr()
        assert MARKER not in out + err
        assert "Traceback" not in err, err
        return Ended(status, out, err, list(self._seen))

    def does(self, *words: str) -> Ended:
        """Run it, and see to it that it succeeds."""
        ended = self(*words)
        assert ended.status == 0, ended.err
        return ended

    def versions(self, secret: str) -> int:
        """Return how many versions a secret has."""
        return len(self.secrets.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"])
