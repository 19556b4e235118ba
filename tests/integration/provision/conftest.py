"""The operator, with all rights or with few."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.loaders import create_loader

from tests.integration.provision.operating import VALUE, Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretenv.sandbox import Sandbox


@pytest.fixture(scope="module")
def loader() -> Any:
    """Return the one reader of boto3's models: to read them again for each run would be most of its time."""
    return create_loader()


@pytest.fixture
def operator(
    sandbox: Sandbox, loader: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Operator:
    """Return the sandbox's operator, with nothing of the tester's own AWS settings."""
    monkeypatch.setattr("botocore.session.create_loader", lambda _: loader)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.json").write_text(VALUE)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name, text in sandbox.operator.environment().items():
        monkeypatch.setenv(name, text)
    return Operator(sandbox, capsys)


@pytest.fixture
def limited(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes the operator a user who may do no more than these actions."""

    def limit(name: str, *actions: str) -> None:
        operator.iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        if actions:
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            operator.iam.put_user_policy(UserName=name, PolicyName="few", PolicyDocument=document)
        key = operator.iam.create_access_key(UserName=name)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    return limit
