"""Ids that can be no secret, and what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretenv.config import merge, secret_ids
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf"
DEVICE = {
    "SECRETENV_CERT": "/c.pem",
    "SECRETENV_KEY": "/k.pem",
    "SECRETENV_ENDPOINT": "c1example.credentials.iot.eu-west-1.amazonaws.com",
    "SECRETENV_ROLE_ALIAS": "alias",
    "XDG_CONFIG_HOME": "/nowhere",
}


@pytest.mark.parametrize(
    ("identifier", "says", "hint"),
    [
        ("a,b", "contains a comma", "give --secret once for each secret"),
        ("a b", "contains white space", "give --secret once for each secret"),
        (f"{ARN}:KEY::", "as in an ECS task definition", f"write --secret {ARN}#KEY"),
        (f"{ARN}:KEY", "as in an ECS task definition", f"write --secret {ARN}#KEY"),
        (f"{ARN}::AWSPREVIOUS:", "ECS", f"write --secret {ARN} --version-stage AWSPREVIOUS"),
        (f"{ARN}:K:AWSPREVIOUS:v1", "ECS", f"write --secret {ARN}#K --version-stage AWSPREVIOUS"),
        ("prod/app:KEY::", "contains ':' or '#'", "--secret prod/app#KEY"),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/x", "a Systems Manager parameter", "create-secret"),
        (
            "arn:aws:ssm:eu-west-1:123456789012:parameter/aws/reference/secretsmanager/prod/app",
            "the Systems Manager name of",
            "write --secret prod/app",
        ),
        ("arn:aws:iot:eu-west-1:123456789012:rolealias/x", "an ARN of 'iot'", "list-secrets"),
        ("arn:aws-cn:kms:cn-north-1:123456789012:key/x", "an ARN of 'kms'", "list-secrets"),
        ("arn:aws:secretsmanager:eu-west-1:secret:x", "not the ARN of a secret", "NAME-SUFFIX"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:", "not the ARN of a secret", "NAME-SUFFIX"),
        ("./secret.json", "is a path", "write file://./secret.json"),
        ("../secret.json", "is a path", "write file://../secret.json"),
        ("~/secret.json", "is a path", "write file://~/secret.json"),
        ("file:secret.json", "is a path", "write file://secret.json"),
        ("file:/secret.json", "is a path", "write file:///secret.json"),
        ("FILE:///secret.json", "is a path", "write file:///secret.json"),
        ("file//secret.json", "is a path", "write file://secret.json"),
        ("s3://bucket/x", "is a URL", "the secret's name or ARN"),
        ("prod/*", "is a pattern", "--only accepts patterns"),
        ('"prod/app"', "begins and ends with a quote", "an env-file keeps them"),
        ("prod/é", "cannot be the name of a secret", "list-secrets"),
        ("x" * 513, "cannot be the name of a secret", "1 to 512"),
        ('{"PASSWORD":"x"}', "got text with braces", "file://PATH"),
        ("file://a\nb", "got text with a newline", "file://PATH"),
    ],
)
def test_what_can_be_no_secret(identifier: str, says: str, hint: str) -> None:
    """The error says what the id is, and the hint what was probably meant; `NAME=ID` and the settings file alike."""
    for word in (identifier, f"NAME={identifier}"):
        with pytest.raises(SettingsError) as error:
            merge.read({"secret": [word]}, DEVICE, ["true"])
        assert error.value.link == "settings"
        assert error.value.message.startswith("--secret: ")
        assert says in error.value.message
        assert hint in error.value.hint


def test_a_key_in_an_id() -> None:
    """In the settings file a key after the id is refused: it has `keys`."""
    with pytest.raises(SettingsError) as error:
        secret_ids.check("prod/app#KEY")
    assert "contains ':' or '#'" in error.value.message
    assert 'keys = {KEY = "VARIABLE"}' in error.value.hint


@pytest.mark.parametrize(
    "identifier",
    [
        ARN,
        ARN.removesuffix("-AbCdEf"),
        "prod/app",
        "rds!db-1-2",
        "a_b+c=d.e@f-G",
        "/prod/app",
        "x" * 512,
        "secret.json",
    ],
)
def test_what_can_be_a_secret(identifier: str) -> None:
    """Every name that AWS takes, names of secrets that a service manages, ARNs whole and without their suffix."""
    secret_ids.check(identifier)
    assert merge.read({"secret": [identifier]}, DEVICE, ["true"]).warnings == ()


def test_the_settings_file_is_named(tmp_path: Path) -> None:
    """An id of the settings file that can be no secret names the file and the table."""
    path = tmp_path / "config.toml"
    path.write_text('[[secret]]\nid = "ok"\n[[secret]]\nid = "a,b"\n')
    with pytest.raises(SettingsError, match=rf"{path}: \[\[secret\]\] number 2: id: 'a,b' contains a comma"):
        merge.read({"config": str(path)}, DEVICE, ["true"])


@pytest.mark.parametrize(
    ("suffix", "doubted"), [("my-secret", True), ("a/b-server", True), ("app-AbCdEf", False), ("app-wgbtlh", False)]
)
def test_a_name_that_ends_like_a_whole_arn(suffix: str, doubted: bool) -> None:  # noqa: FBT001
    """AWS takes `...:secret:my-secret` for a whole ARN, since six letters follow a dash; it may be one: a warning."""
    arn = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{suffix}"
    warnings = merge.read({"secret": [arn]}, DEVICE, ["true"]).warnings
    assert bool(warnings) == doubted
    if doubted:
        assert "as a full one does: if the secret's name is" in warnings[0]


def test_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that is a file here: an error where AWS cannot be asked, a warning where it can."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(SettingsError, match="there is a file of that name here") as error:
        merge.read({"secret": ["secret.json"]}, {"XDG_CONFIG_HOME": "/nowhere"}, ["true"])
    assert error.value.hint == "to read the file write --secret file://secret.json"
    assert "file://secret.json would read it" in merge.read({"secret": ["secret.json"]}, DEVICE, ["true"]).warnings[0]
    (tmp_path / "app").write_text("a program, say")
    assert merge.read({"secret": ["app"]}, DEVICE, ["true"]).warnings == ()
