"""One run of `secretenv provision NAME`: what it makes, prints and leaves when it is interrupted."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from secretenv.provision.account import Account
from tests.integration.provision.operating import VALUE, Operator


def test_the_second_run_changes_nothing(operator: Operator, tmp_path: Path) -> None:
    """The first run makes everything, private and tagged; the second changes nothing, and says so."""
    words = ["twice", "--from-file", "app.json", "--new-certificate", "certs"]
    dry = operator.does(*words, "--dry-run")
    assert (dry.changes, (tmp_path / "certs").exists()) == ([], False)

    first, second = operator.does(*words), operator.does(*words)

    assert second.changes == []
    assert second.err.count("unchanged") == 8
    assert "secretenv: nothing changed in AWS\n" in second.err
    assert first.out == second.out == ""
    assert operator.versions("twice") == 1
    # What a dry run shows is what is done.
    assert len(re.findall(r"^\w+:[A-Z]\w+ \{", dry.out, re.MULTILINE)) == len(first.changes)
    assert f'"SecretString": "(from app.json, {len(VALUE)} bytes)"' in dry.out
    assert '"Action": "iot:AssumeRoleWithCertificate"' in dry.out
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "certs", *(tmp_path / "certs").iterdir())]
    assert modes == [0o700, *[0o600] * 4]
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
    assert "config.toml: written" in finished.err
    assert tomllib.loads(Path("certs/config.toml").read_text())["secret"] == [{"id": name}]
    assert operator.does(*words).changes == []
    operator.does("destroy", name, "--yes", "--force-delete-without-recovery")
    assert operator.iot.list_certificates()["certificates"] == before


def test_the_settings_of_a_device_without_a_folder(operator: Operator) -> None:
    """Without --new-certificate the same settings file is printed, and the devices that are attached are named."""
    words = ["printed", "--from-file", "app.json"]
    nobody = operator.does(*words)
    assert "no certificate or thing group given: no device can use the role alias yet" in nobody.err
    operator.does(*words, "--new-certificate", "certs")
    Path("app.json").write_text('{"PASSWORD": "new"}')

    again = operator.does(*words)

    assert again.changes == ["secretsmanager.PutSecretValue"]
    assert again.out == nobody.out == Path("certs/config.toml").read_text()
    assert "no device can use" not in again.err
    assert re.search(r"policy secretenv-printed: attached to certificate \w{12}\n", again.err)


def test_each_device_that_is_attached_is_shown(operator: Operator) -> None:
    """A certificate that is not active is said to be that; of many targets some are named."""
    operator.iot.create_thing_group(thingGroupName="halls")
    operator.does("shown", "--from-file", "app.json", "--thing-group", "halls")
    device = operator.sandbox.device("shown-1", permitted=False)
    operator.does("shown", "--from-file", "app.json", "--certificate", device.certificate_id)
    operator.iot.update_certificate(certificateId=device.certificate_id, newStatus="INACTIVE")
    said = operator.does("shown", "--from-file", "app.json").err
    assert "thing group halls" in said
    assert f"certificate {device.certificate_id[:12]}, which is INACTIVE" in said
    for number in range(2, 5):
        more = operator.sandbox.device(f"shown-{number}", permitted=False)
        operator.does("shown", "--from-file", "app.json", "--certificate", more.certificate_id)
    assert "2 more" in operator.does("shown", "--from-file", "app.json").err


def test_a_folder_that_moves(operator: Operator, tmp_path: Path) -> None:
    """The folder holds all that the device needs, under names that do not depend on where it is."""
    operator.does("moved", "--from-file", "app.json", "--new-certificate", "certs")
    assert sorted(path.name for path in Path("certs").iterdir()) == [
        "ca.pem",
        "config.toml",
        "device.pem.crt",
        "private.pem.key",
    ]
    Path("certs").rename("elsewhere")
    device = tomllib.loads(Path("elsewhere/config.toml").read_text())["device"]
    assert [device[name] for name in ("cert", "key", "ca")] == ["device.pem.crt", "private.pem.key", "ca.pem"]
    assert str(tmp_path) not in Path("elsewhere/config.toml").read_text()
    assert operator.does("moved", "--from-file", "app.json", "--new-certificate", "elsewhere").changes == []


def test_what_the_operator_added_to_the_settings_is_kept(operator: Operator) -> None:
    """A settings file that says more is left alone; one that says something else is refused before AWS is changed."""
    words = ["kept", "--from-file", "app.json", "--new-certificate", "certs"]
    operator.does(*words)
    file = Path("certs/config.toml")
    more = file.read_text().replace("[run]", '[run]\ninterval = "1h"')
    file.write_text(more)
    assert operator.does(*words).changes == []
    assert file.read_text() == more

    other = operator(*words, "--role-alias", "other")
    assert (other.status, other.changes) == (2, [])
    assert "config.toml exists, and differs in role_alias" in other.err
    file.write_text("")  # a shell's `>` before a run that failed
    operator.does(*words)
    assert "kept" in file.read_text()


def test_another_device_in_the_folder(operator: Operator) -> None:
    """A folder is one device's: neither another thing nor another NAME takes its certificate."""
    operator.does("first", "--from-file", "app.json", "--new-certificate", "certs")
    for words in (["first", "--thing", "second"], ["third"]):
        other = operator(*words, "--from-file", "app.json", "--new-certificate", "certs")
        assert (other.status, other.changes) == (2, [])
        assert "belongs to another device, created by secretenv provision first for thing first" in other.err


@pytest.mark.parametrize("path", ["app.json/certs", "app.json", "fifo"])
def test_a_folder_that_cannot_be(operator: Operator, path: str) -> None:
    """It is found before anything is made at AWS, and leaves nothing here."""
    os.mkfifo("fifo")
    there = sorted(Path().iterdir())
    ended = operator("nowhere", "--from-file", "app.json", "--new-certificate", path)
    assert (ended.status, ended.changes) == (1, [])
    assert "cannot be written: Not a directory" in ended.err
    assert sorted(Path().iterdir()) == there


def test_files_that_are_fifos(operator: Operator) -> None:
    """No file that the operator names, and none in the folder, is waited for."""
    operator.does("fifos", "--from-file", "app.json", "--new-certificate", "certs")
    os.mkfifo("fifo")
    for words, status in ((["--from-file", "fifo"], 2), (["--from-file", "app.json", "--certificate", "fifo"], 1)):
        ended = operator("fifos", *words)
        assert (ended.status, ended.changes) == (status, [])
        assert "fifo cannot be read: it is not a regular file" in ended.err
    for name in ("config.toml", "ca.pem", "device.pem.crt"):
        file = Path("certs", name)
        content = file.read_bytes()
        file.unlink()
        os.mkfifo(file)
        ended = operator("fifos", "--from-file", "app.json", "--new-certificate", "certs")
        assert (ended.status, ended.changes) == (1 if name == "device.pem.crt" else 2, [])
        assert f"{name} cannot be read: it is not a regular file" in ended.err
        file.unlink()
        file.write_bytes(content)


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"])
def test_files_of_boto3_that_are_fifos(operator: Operator, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Nor is a file that boto3 would read."""
    os.mkfifo("fifo")
    monkeypatch.setenv(variable, "fifo")
    ended = operator("fifos", "--from-file", "app.json")
    assert (ended.status, ended.changes) == (1, [])
    assert re.search(rf"{variable}: \S*fifo is not a file", ended.err)


def test_a_full_disk(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is met before AWS hands out the key, which would be lost; the folder that was made is removed."""
    monkeypatch.setattr("secretenv.provision.device_folder.ROOM", 1 << 50)
    before = operator.iot.list_certificates()["certificates"]
    ended = operator("full-disk", "--from-file", "app.json", "--new-certificate", "new/certs")
    assert ended.status == 1
    assert re.search("cannot be written: (File too large|No space left on device)", ended.err)
    assert operator.iot.list_certificates()["certificates"] == before
    assert not Path("new").exists()


def test_roots_that_are_not_there(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """SECRETENV_CA goes to the device as a copy; a file that cannot be read is named."""
    monkeypatch.setenv("SECRETENV_CA", "none.pem")
    ended = operator("rootless", "--from-file", "app.json", "--new-certificate", "certs")
    assert (ended.status, ended.changes) == (2, [])
    assert "the roots file" in ended.err
    assert "none.pem in SECRETENV_CA cannot be read: No such file or directory" in ended.err


@pytest.mark.parametrize("option", ["--from-file", "--certificate", "--new-certificate"])
def test_content_in_the_place_of_a_path(operator: Operator, option: str) -> None:
    """`--from-file "$(cat app.json)"` does not show the value."""
    ended = operator("content", option, VALUE)  # the operator's own check sees the value
    assert (ended.status, ended.changes) == (2, [])
    assert f"{option}: expected a path, but got the content of a file" in ended.err


def test_the_process_leaves_no_core(operator: Operator) -> None:
    """It holds the operator's key, the value and a device's key: it is not dumpable."""
    prctl = ctypes.CDLL(None).prctl
    prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE
    for words in (["cored", "--from-file", "app.json"], ["destroy", "cored", "--yes"]):
        operator.does(*words)
        assert prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE
        prctl(4, 1, 0, 0, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_before_the_key_is_there(operator: Operator, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A run that is ended while AWS makes the key leaves neither a file nor a folder."""
    call = Account.call

    def killed(account: Account, service: str, asked: str, parameters: dict[str, Any]) -> Any:
        if asked == "create_keys_and_certificate" and not account.dry:
            assert list(Path("certs").iterdir())
            signal.raise_signal(number)
        return call(account, service, asked, parameters)

    monkeypatch.setattr(Account, "call", killed)
    ended = operator("killed", "--from-file", "app.json", "--new-certificate", "certs")
    assert ended.status == 128 + number
    assert not Path("certs").exists()
