"""One run of `secretenv provision NAME`: what it makes, prints and leaves when it is interrupted."""

from __future__ import annotations

import re
import stat
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.provision.account import Account
from tests.integration.provision.operating import VALUE, Operator

if TYPE_CHECKING:
    from pathlib import Path


def test_the_second_run_changes_nothing(operator: Operator, tmp_path: Path) -> None:
    """The first run makes everything, private and tagged; the second changes nothing, says so, prints the same."""
    words = ["twice", "--from-file", "app.json", "--new-certificate", "certs"]
    dry = operator.does(*words, "--dry-run")
    assert (dry.changes, (tmp_path / "certs").exists()) == ([], False)

    first, second = operator.does(*words), operator.does(*words)

    assert second.changes == []
    assert second.err.count("unchanged") == 7
    assert second.err.endswith("secretenv: nothing changed\n")
    assert first.out == second.out
    assert operator.versions("twice") == 1
    # What a dry run shows is what is done.
    assert len(re.findall(r"^\w+:[A-Z]\w+ \{", dry.out, re.MULTILINE)) == len(first.changes)
    assert f'"SecretString": "(from app.json, {len(VALUE)} bytes)"' in dry.out
    assert '"Action": "iot:AssumeRoleWithCertificate"' in dry.out
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "certs", *(tmp_path / "certs").iterdir())]
    assert modes == [0o700, 0o600, 0o600]
    allowed = operator.iam.get_role_policy(RoleName="secretenv-twice", PolicyName="read-secrets")["PolicyDocument"]
    arn = operator.secrets.describe_secret(SecretId="twice")["ARN"]
    assert allowed["Statement"] == [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [arn]}]


@pytest.mark.parametrize("operation", ["put_role_policy", "create_thing", "attach_thing_principal", "attach_policy"])
def test_an_interrupted_run(operator: Operator, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Ctrl-C before any call leaves nothing that a further run does not finish, or that destroy does not remove."""
    name = operation.replace("_", "-")
    words = [name, "--from-file", "app.json", "--new-certificate", "certs"]
    before = operator.iot.list_certificates()["certificates"]
    call = Account.call

    def interrupted(account: Account, service: str, asked: str, parameters: dict[str, Any]) -> Any:
        if asked == operation and not account.dry:
            raise KeyboardInterrupt
        return call(account, service, asked, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Account, "call", interrupted)
        stopped = operator(*words)
    assert (stopped.status, stopped.out) == (130, "")

    finished = operator.does(*words)
    assert tomllib.loads(finished.out)["secret"] == [{"id": name}]
    assert operator.does(*words).changes == []
    operator.does("destroy", name, "--yes", "--force-delete-without-recovery")
    assert operator.iot.list_certificates()["certificates"] == before
