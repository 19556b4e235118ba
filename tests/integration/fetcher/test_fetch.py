"""The fetcher against the sandbox: the main path, and what of the environment counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .fetching import MARKER, VALUE, device_of, fetch, secret, wired

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.credentials import Credentials
    from secretenv.sandbox import Sandbox

APP = secret("sandbox/app")


def test_main_path(aws: Sandbox) -> None:
    """A certificate becomes credentials, these the secret, this the variables: one exchange, one GetSecretValue."""
    found = fetch(device_of(aws), APP)
    assert found.answer.variables == VALUE
    assert [links for links, _ in found.steps] == [
        *("certificate", "certificate file", "key file", "roots file", "key file"),
        *("DNS", "connection", "TLS", "endpoint"),
        *("secret", "DNS", "connection", "content"),
    ]
    assert found.answer.warnings == []
    assert len(aws.exchanges) == 1
    assert [(one.action, one.secret, one.error) for one in aws.requests] == [("GetSecretValue", "sandbox/app", "")]
    assert aws.exchanges[0].server_name == "localhost"
    assert aws.exchanges[0].thing_name == ""


def test_silence(aws: Sandbox) -> None:
    """Logging and warnings of libraries are not printed."""
    program = (
        "from secretenv.identity import provider\n"
        "import logging, warnings\n"
        "def noisy(*given):\n"
        f"    logging.getLogger('other').error({MARKER!r}); warnings.warn({MARKER!r})\n"
        "    return provider.ask(*given)"
    )
    assert fetch(device_of(aws), APP, program=program, how=wired("noisy")).answer.variables == VALUE


def test_credentials_are_handed_on(aws: Sandbox) -> None:
    """Credentials that are still good are used again: ten fetches, one exchange."""
    handed: Credentials | None = None
    for _ in range(3):
        found = fetch(device_of(aws), APP, credentials=handed)
        assert found.answer.variables == VALUE
        handed = found.answer.credentials
    assert len(aws.exchanges) == 1
    assert len(aws.requests) == 3


def test_new_version(aws: Sandbox) -> None:
    """A new version is found, with its id."""
    name = aws.secret("rotated", {"A": "1"})
    before = fetch(device_of(aws), secret(name)).answer.versions
    version = aws.rotate(name, {"A": "2"})
    after = fetch(device_of(aws), secret(name)).answer
    assert after.versions == {name: version} != before
    assert after.variables == {"A": "2"}
    assert fetch(device_of(aws), secret(name, version_stage="AWSPREVIOUS")).answer.variables == {"A": "1"}


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("key_format", ["pkcs8", "traditional"])
@pytest.mark.parametrize("password", ["", "correct horse"])
def test_keys(aws: Sandbox, kind: Any, key_format: Any, password: str) -> None:
    """RSA and EC keys do, encrypted or not."""
    who = aws.device(kind=kind, key_format=key_format, encrypted_with=password)
    assert fetch(device_of(aws, who), APP).answer.variables == VALUE


def test_thing_name(aws: Sandbox) -> None:
    """The thing's name is sent if it is given."""
    assert fetch(device_of(aws, thing_name="sandbox-device"), APP).answer.variables == VALUE
    assert aws.exchanges[0].thing_name == "sandbox-device"


def test_many_secrets(aws: Sandbox) -> None:
    """Secrets are read at the same time, and their order is that of the settings."""
    names = [aws.secret(f"many/{i}", {"LAST": str(i), f"V{i}": str(i)}) for i in range(12)]
    found = fetch(device_of(aws), *[secret(name) for name in names]).answer
    assert found.variables == {"LAST": "11", **{f"V{i}": str(i) for i in range(12)}}
    assert list(found.versions) == names
    assert len(aws.requests) == 12


def test_one_failed_secret_is_named(aws: Sandbox) -> None:
    """One failed secret fails the fetch and is named; the credentials are handed on all the same."""
    names = [aws.secret(f"fail/{i}", {"A": "1"}, readable=i != 2) for i in range(4)]
    found = fetch(device_of(aws), *[secret(name) for name in names])
    assert names[2] in found.error.message
    assert found.error.link == "policy"
    assert found.answer.credentials is not None
    assert len(aws.exchanges) == 1


def test_binary(aws: Sandbox) -> None:
    """A SecretBinary is base64 in a variable of its own, or JSON."""
    name = aws.secret("binary", b'{"A": "1"}')
    found = fetch(device_of(aws), secret(name), secret(name, name="ALL")).answer
    assert found.variables == {"A": "1", "ALL": "eyJBIjogIjEifQ=="}
    assert len(aws.requests) == 1


def test_region_of_the_arn(aws: Sandbox) -> None:
    """A secret's ARN decides its region, whatever the device's is."""
    name = aws.secret("by-arn", {"A": "1"})
    assert ":eu-west-1:" in name
    assert fetch(device_of(aws, region="us-east-1"), secret(name)).answer.variables == {"A": "1"}


@pytest.mark.parametrize(("region", "link"), [("", "region"), ("no region!", "region")])
def test_no_region(aws: Sandbox, region: str, link: str) -> None:
    """Without a region, or with a malformed one, the error says where it can come from."""
    error = fetch(device_of(aws, region=region), APP).error
    assert (error.link, error.transient) == (link, False)
    assert "--region" in error.hint


# The environment.


def test_credentials_of_the_environment_do_not_count(aws: Sandbox, tmp_path: Path) -> None:
    """Variables, profiles, files and the instance role are not consulted; netrc and key log have no effect."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    # Whoever reads these stumbles over them.
    (folder / "config").write_text("no configuration\n")
    (folder / "credentials").write_text("no credentials\n")
    (folder / "models" / "secretsmanager" / "2017-10-17").mkdir(parents=True)
    (folder / "models" / "secretsmanager" / "2017-10-17" / "service-2.json").write_text("{}")
    (tmp_path / ".netrc").write_text("default login me password pass\n")
    (tmp_path / ".netrc").chmod(0o600)
    variables = {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "nope",
        "AWS_DEFAULT_PROFILE": "nope",
        "AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_SESSION_TOKEN": "x",
        "AWS_REGION": "us-gov-west-1",
        "AWS_DEFAULT_REGION": "us-gov-west-1",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_DATA_PATH": str(folder / "models"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "nonsense",
        "AWS_RETRY_MODE": "legacy",
        "AWS_DEFAULTS_MODE": "auto",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1",
        "SSLKEYLOGFILE": str(tmp_path / "keys"),
        "NETRC": str(tmp_path / ".netrc"),
    }
    headers = []
    aws.on_request = lambda request: headers.append(request.headers)
    assert fetch(device_of(aws), APP, variables=variables).answer.variables == VALUE
    assert not (tmp_path / "keys").exists()
    assert "authorization" not in headers[0]
    assert headers[0]["user-agent"].startswith("secretenv/")
    assert "AKIA" not in headers[1]["authorization"]


def test_proxy_that_is_down(aws: Sandbox) -> None:
    """HTTPS_PROXY counts, NO_PROXY too; a proxy's password is not shown."""
    variables = {"HTTPS_PROXY": f"http://me:{MARKER}@127.0.0.1:9"}
    error = fetch(device_of(aws), APP, variables=variables).error
    assert (error.link, error.transient) == ("proxy", True)
    assert fetch(device_of(aws), APP, variables={**variables, "NO_PROXY": "localhost"}).answer.variables == VALUE
