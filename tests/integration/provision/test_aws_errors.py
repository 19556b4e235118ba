"""Each refusal, and each mistake of the operator, becomes a sentence with the next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from secretenv.provision.documents import OPERATOR_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.provision.operating import Operator


def test_an_operator_without_rights(operator: Operator, limited: Callable[..., None], tmp_path: Path) -> None:
    """What is denied is named by its action, with the next step; a key that AWS did not make leaves no file."""
    words = ["denied", "--from-file", "app.json", "--new-certificate", "certs"]
    limited("nobody")
    nobody = operator(*words)
    assert (nobody.status, nobody.out) == (1, "")
    assert "error: aws: secretsmanager:DescribeSecret is denied to you: AccessDeniedException: User: arn:" in nobody.err
    assert "hint: have your administrator allow secretsmanager:DescribeSecret" in nobody.err

    limited("reader", *(action for action in OPERATOR_ACTIONS if re.search(":(Get|List|Describe)", action)))
    assert "secretsmanager:CreateSecret is denied to you" in operator(*words).err
    limited("some", *(action for action in OPERATOR_ACTIONS if action != "iam:PassRole"))
    assert "iam:PassRole is denied to you" in operator(*words).err
    limited("most", *(action for action in OPERATOR_ACTIONS if action != "iot:CreateKeysAndCertificate"))
    assert "iot:CreateKeysAndCertificate is denied to you" in operator(*words).err
    assert not (tmp_path / "certs").exists()


@pytest.mark.parametrize(
    ("variables", "words", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, [], "no AWS credentials found"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, [], "the operator's credentials are refused: SignatureDoesNotMatch"),
        ({"AWS_DEFAULT_REGION": ""}, [], "no region is set"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, [], "got no answer: Could not connect"),
        ({}, ["--profile", "nope"], "The config profile (nope) could not be found"),
        ({}, ["--output", "yaml"], "--output: not one of cloudformation and terraform"),
        ({}, ["--secret", "no/such"], "secret no/such does not exist"),
        ({}, ["--from-file", "none.json"], "none.json cannot be read: No such file or directory"),
        ({}, ["--secret", "sandbox/app", "--certificate", "ab" * 32], "certificate abababababab is not registered"),
    ],
    ids=["credentials", "signature", "region", "network", "profile", "form", "secret", "file", "certificate"],
)
def test_what_is_wrong_is_said(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: list[str], message: str
) -> None:
    """A sentence and a hint for each of the operator's mistakes, nothing changed, no traceback."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    ended = operator("wrong", *words)
    usage = "--output" in words or "--from-file" in words
    assert (ended.status, ended.out, ended.changes) == (2 if usage else 1, "", [])
    assert message in ended.err
    assert "secretenv: hint: " in ended.err
