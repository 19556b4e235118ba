"""How flags, variables, the settings file and the defaults become settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from urllib3.util import parse_url

from secretenv.config import merge, parsers
from secretenv.config.options import BY_KEY, OPTIONS, Option
from secretenv.errors import SettingsError
from secretenv.settings import Settings

DEVICE = {
    "SECRETENV_CERT": "/c.pem",
    "SECRETENV_KEY": "/k.pem",
    "SECRETENV_ENDPOINT": "c1example.credentials.iot.eu-west-1.amazonaws.com",
    "SECRETENV_ROLE_ALIAS": "alias",
    "SECRETENV_SECRET": "prod/app",
}


def read(
    flags: dict[str, Any], variables: dict[str, str], command: list[str], *, file: str = "", folder: Path | None = None
) -> Settings:
    """Return the settings, with this text as the only settings file there is."""
    system = (folder or Path("/nowhere")) / "system.toml"
    if file:
        system.write_text(file, "utf-8")
    return merge.read(flags, {"XDG_CONFIG_HOME": "/nowhere", **variables}, command, system=system)


# Two values that differ, as a user writes them, for each option.
SAMPLES: dict[str, tuple[str, str]] = {
    "cert": ("/1", "/2"),
    "key": ("/1", "/2"),
    "key_password_file": ("/1", "/2"),
    "ca": ("/1", "/2"),
    "endpoint": ("one", "two:8443"),
    "role_alias": ("one", "two"),
    "thing_name": ("one", "two"),
    "region": ("eu-west-1", "ap-northeast-1"),
    "secret": ("one", "two"),
    "secret_file": ("A=one", "B=two"),
    "file_mode": ("0600", "0440"),
    "files_on_disk": ("yes", "no"),
    "version_stage": ("ONE", "TWO"),
    "fallback_region": ("eu-central-1", "us-east-1"),
    "prefix": ("A_", "B_"),
    "upcase": ("yes", "no"),
    "sanitize": ("yes", "no"),
    "only": ("A*", "B*"),
    "except": ("A*", "B*"),
    "batch": ("yes", "no"),
    "pristine": ("yes", "no"),
    "keep": ("A*", "B*"),
    "drop": ("A*", "B*"),
    "require": ("A", "B"),
    "prefer_inherited": ("A*", "B*"),
    "restart_on": ("version", "values"),
    "interval": ("1s", "2s"),
    "once": ("yes", "no"),
    "on_change": ("exit", "USR1"),
    "validate": ("check-db", "sh -c 'exit 1'"),
    "splay": ("1s", "2s"),
    "kill_signal": ("INT", "USR1"),
    "kill_timeout": ("1s", "2s"),
    "trial": ("1s", "2s"),
    "cache": ("/var/lib/a", "/var/lib/b"),
    "cache_after": ("1s", "2s"),
    "max_age": ("1d", "2d"),
    "status_file": ("/run/a", "/run/b"),
    "signal_group": ("yes", "no"),
    "refresh_signal": ("USR1", "USR2"),
    "start_timeout": ("1s", "2s"),
    "sd_notify": ("command", "off"),
    "log_level": ("debug", "error"),
    "log_format": ("json", "text"),
}


def seen(found: Settings, option: Option) -> Any:
    """Return the value of an option in the settings, wherever it is stored."""
    key = f"{option.key}_" if option.key == "except" else option.key
    if option.key == "secret":
        return tuple(secret.id for secret in found.secrets)
    if option.key == "secret_file":
        return tuple(f"{target}={secret.id}" for secret in found.secrets for _, target in secret.files)
    if option.section == "secret":
        return getattr(found.secrets[0], key)
    return getattr(found.device if hasattr(found.device, key) else found, key)


def parsed(option: Option, text: str) -> Any:
    """Return the parsed value of a user's text."""
    value = option.parse(text)
    return (value,) if option.repeatable else value


def as_flag(option: Option, text: str) -> Any:
    """Return a text as the command line would give it."""
    return parsers.boolean(text) if option.flag else [text] if option.repeatable else text


def in_file(option: Option, text: str) -> str:
    """Return a settings file that sets one option."""
    if option.key == "secret":
        return f'[[secret]]\nid = "{text}"\n'
    if option.key == "secret_file":
        target, _, identifier = text.partition("=")
        return f'[[secret]]\nid = "{identifier}"\nfile = "{target}"\n'
    value = f'"{text}"'
    if option.flag:
        value = str(parsers.boolean(text)).lower()
    elif option.repeatable:
        value = f"[{value}]"
    return f"[{option.table}]\n{option.key} = {value}\n"


MERGED = [option for option in OPTIONS if option.key != "config"]


@pytest.mark.parametrize("option", MERGED, ids=lambda option: option.name)
def test_flag_beats_variable_beats_file_beats_default(option: Option, tmp_path: Path) -> None:
    """For every option: flag beats variable beats file beats default; an empty variable counts as not set."""
    one, two = SAMPLES[option.key]
    others = {"AWS_REGION": "us-west-2", **DEVICE}
    for variable in option.variables:
        others.pop(variable, None)
    if option.key == "secret_file":
        others.pop("SECRETENV_SECRET", None)
    if option.key == "region":
        others["SECRETENV_ENDPOINT"] = "device.example"

    def get(flags: dict[str, Any], variables: dict[str, str], file: str = "") -> Any:
        return seen(read(flags, {**others, **variables}, ["x"], file=file, folder=tmp_path), option)

    flag = {option.key: as_flag(option, one)}
    own = {option.variable: one}
    file = in_file(option, one)
    assert get({}, {}, file) == parsed(option, one)
    assert get({}, {option.variable: two}, file) == parsed(option, two)
    assert get({option.key: as_flag(option, two)}, own, file) == parsed(option, two)
    assert get(flag, {option.variable: two}, in_file(option, two)) == parsed(option, one)
    assert get({}, {option.variable: ""}, file) == parsed(option, one)
    (tmp_path / "system.toml").unlink()
    if option.default:
        assert get({}, {option.variable: ""}) == parsed(option, option.default)


def test_samples_are_complete() -> None:
    """A new option needs samples, so that its precedence is tested."""
    assert SAMPLES.keys() == BY_KEY.keys() - {"config"}


def test_lists_in_variables_are_separated_by_blanks() -> None:
    """SECRETENV_SECRET is blank-separated; NAME=ID puts a whole secret into one variable."""
    found = read({}, {**DEVICE, "SECRETENV_SECRET": " a  URL=b/c  d/x=y "}, [])
    assert [(secret.name, secret.id) for secret in found.secrets] == [("", "a"), ("URL", "b/c"), ("", "d/x=y")]


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
        ({"AWS_DEFAULT_REGION": "us-east-2", "AWS_REGION": "us-east-1"}, "us-east-1"),
        ({"SECRETENV_SECRET": "arn:aws:secretsmanager:sa-east-1:123456789012:secret:x-AbCdEf"}, "sa-east-1"),
        ({"SECRETENV_ENDPOINT": "x.credentials.iot.cn-north-1.amazonaws.com.cn"}, "cn-north-1"),
        ({"SECRETENV_ENDPOINT": "data.credentials.iot-fips.us-gov-west-1.amazonaws.com"}, "us-gov-west-1"),
    ],
)
def test_region(variables: dict[str, str], region: str) -> None:
    """The region is the one given, else that of a secret's ARN, else that of the endpoint."""
    assert read({}, {**DEVICE, **variables}, []).device.region == region


def test_missing_region_is_named() -> None:
    """A region that follows from nothing is missing like any other setting."""
    with pytest.raises(SettingsError, match="--region"):
        read({}, {**DEVICE, "SECRETENV_ENDPOINT": "device.example"}, [])


@pytest.mark.parametrize(
    ("written", "program"),
    [
        ("bin/check db/x", "FOLDER/bin/check"),
        ("../check", "PARENT/check"),
        ("/bin/check", "/bin/check"),
        ("check", "check"),
    ],
)
def test_a_program_in_the_settings_file(written: str, program: str, tmp_path: Path) -> None:
    """A relative path there starts at the file's folder, a name is looked up in PATH; elsewhere it stays as it is."""
    found = read({}, DEVICE, [], file=f'[run]\nvalidate = "{written}"', folder=tmp_path).validate
    program = program.replace("FOLDER", str(tmp_path)).replace("PARENT", str(tmp_path.parent))
    assert found == (program, *written.split()[1:])
    file = '[run]\nvalidate = "./other"'
    assert read({"validate": written}, DEVICE, [], file=file, folder=tmp_path).validate == tuple(written.split())


def test_all_that_is_missing_is_named_at_once() -> None:
    """One error names every missing setting, and where each can come from."""
    with pytest.raises(SettingsError) as error:
        read({}, {"SECRETENV_KEY": "/k"}, [])
    message = error.value.message
    assert all(f"SECRETENV_{name}" in message for name in ("CERT", "ENDPOINT", "ROLE_ALIAS", "SECRET"))
    assert "SECRETENV_KEY" not in message


@pytest.mark.parametrize(
    ("flags", "reads", "missing", "file_would_do"),
    [
        ({}, True, ["cert", "key", "endpoint", "role-alias", "secret"], True),
        ({}, False, ["cert", "key", "endpoint", "role-alias"], False),
        ({"secret": ["app"]}, True, ["cert", "key", "endpoint", "role-alias", "region"], False),
        ({"secret": ["app"]}, False, ["cert", "key", "endpoint", "role-alias"], False),
        ({"secret": ["file:///x"]}, False, ["cert", "key", "endpoint", "role-alias"], False),
    ],
    ids=["nothing", "nothing to read", "a secret", "credentials beside a secret", "credentials beside a file"],
)
def test_what_is_needed_when(flags: dict[str, Any], reads: bool, missing: list[str], file_would_do: bool) -> None:  # noqa: FBT001
    """The device is needed for a secret of AWS and for credentials, a secret and a region only to read."""
    with pytest.raises(SettingsError) as error:
        merge.read(flags, {"XDG_CONFIG_HOME": "/nowhere"}, [], reads=reads, system=Path("/nowhere"))
    named = [each.split()[0] for each in error.value.message.removeprefix("missing: ").split("; ")][:-1]
    assert named == [f"--{name}" for name in missing]
    assert ("file://PATH" in error.value.hint) == file_would_do


def test_a_file_needs_no_device() -> None:
    """A secret file://PATH needs no AWS, so nothing about AWS is missing."""
    found = read({"secret": ["file:///x.json"]}, {}, ["true"])
    assert found.secrets[0].id == "file:///x.json"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRETENV_INTERVAL", "soon", "SECRETENV_INTERVAL: not a duration"),
        ("SECRETENV_INTERVAL", "0", "must be greater than zero: '0'"),
        ("SECRETENV_UPCASE", "maybe", "SECRETENV_UPCASE: not a boolean: 'maybe'"),
        ("SECRETENV_ON_CHANGE", "reboot", "SECRETENV_ON_CHANGE"),
        ("SECRETENV_SECRET", "NAME=", "has no secret id"),
        ("SECRETENV_SECRET", "=id", "has no variable name"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://example.com", "plain http"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:80", "not a URL"),
        ("AWS_REGION", "nowhere", "AWS_REGION: not a region"),
        ("SECRETENV_LOG_FORMAT", "xml", "SECRETENV_LOG_FORMAT: unknown value: 'xml'"),
    ],
)
def test_bad_variables_are_named(name: str, value: str, says: str) -> None:
    """An error names the variable that is wrong."""
    with pytest.raises(SettingsError) as error:
        read({}, {**DEVICE, name: value}, [])
    assert says in error.value.message
    assert error.value.hint


def test_the_switch_that_ignores_endpoints() -> None:
    """AWS_IGNORE_CONFIGURED_ENDPOINT_URLS works as for every AWS tool; a value that is no boolean is named."""
    set_ = {**DEVICE, "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://aws.example"}
    assert read({}, {**set_, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []).device.secretsmanager_endpoint == ""
    with pytest.raises(SettingsError, match="AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: not a boolean"):
        read({}, {**set_, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "maybe"}, [])


WITH_DEFAULT = [option for option in MERGED if option.default and option.parse is not parsers.text]


@pytest.mark.parametrize("option", WITH_DEFAULT, ids=lambda option: option.name)
def test_an_empty_text_is_no_value(option: Option, tmp_path: Path) -> None:
    """`--interval "$FORGOTTEN"` and `interval = ""` are errors at once, not when the value is needed."""
    path = tmp_path / "config.toml"
    path.write_text(f'[{option.table}]\n{option.key} = ""\n', "utf-8")
    for flags, source in (({option.key: ""}, f"--{option.name}: "), ({"config": str(path)}, f"{option.key}: ")):
        with pytest.raises(SettingsError) as error:
            read({"secret": ["file:///x.json"], **flags}, {}, ["true"])
        assert source in error.value.message
        assert error.value.hint


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"secret": ["file://x.json"]}, "x.json is relative"),
        ({"config": "x.toml"}, "x.toml is relative"),
        ({"cert": "x.pem"}, "--cert: x.pem is relative"),
    ],
    ids=["secret", "config", "cert"],
)
def test_a_working_directory_that_is_gone(
    flags: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path needs a working directory: that it was removed is an error; an absolute path needs none."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError) as error:
        read({"secret": ["file:///x.json"], **flags}, {}, ["true"])
    assert f"{says}, and the working directory no longer exists" in error.value.message
    assert read({"secret": ["file:///x.json"]}, {}, ["true"]).secrets[0].id == "file:///x.json"


def test_batch_and_another_stage_do_not_go_together() -> None:
    """BatchGetSecretValue has no VersionStage: asking for both is an error."""
    with pytest.raises(SettingsError, match="--batch reads only"):
        read({"batch": True, "version_stage": "AWSPREVIOUS"}, DEVICE, [])


def test_a_cache_that_nobody_checks() -> None:
    """With --once nobody would check the values after a start from the cache: the two do not go together."""
    with pytest.raises(SettingsError, match="--cache-after 0 with --once"):
        read({"cache": "/c", "cache_after": "0", "once": True}, DEVICE, ["true"])
    assert read({"cache": "/c", "cache_after": "1s", "once": True}, DEVICE, ["true"]).cache == "/c"


def test_a_cache_of_files() -> None:
    """Where all secrets are files there is nothing to keep: a warning, and no cache."""
    found = read({"cache": "/c", "secret": ["file:///a"]}, DEVICE, ["true"])
    assert found.cache == ""
    assert "--cache has no effect: all secrets are files" in found.warnings
    found = read({"cache": "/c", "secret": ["file:///a", "prod/app"]}, DEVICE, ["true"])
    assert (found.cache, found.warnings) == ("/c", ())


def test_a_cache_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package cryptography `run` says how to install it; a command that starts nothing needs none."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(SettingsError, match="--cache needs the Python package cryptography") as raised:
        read({"cache": "/c"}, DEVICE, ["true"])
    assert raised.value.hint == "pip install 'secretenv-iot[cache]'"
    assert read({"cache": "/c"}, DEVICE, []).cache == "/c"


def test_plain_http_is_accepted_on_loopback() -> None:
    """A plain-HTTP endpoint is refused unless it is on loopback."""
    url = "http://127.0.0.1:5000"
    found = read({}, {**DEVICE, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url}, [])
    assert found.device.secretsmanager_endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.2:80\\@127.0.0.1:80",
        "http://192.0.2.2#@127.0.0.1",
        "http://192.0.2.2?@127.0.0.1",
        "http://127.0.0.1@192.0.2.2",
        "http://127.0.0.1\t.example",
        "http:\\\\192.0.2.2@127.0.0.1",
        "http://[::1].example",
        "http://127.0.0.999",
        "http://127.0.0.1.example",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        " http://127.0.0.1",
        "https://user:MARKER@host",
    ],
)
def test_an_endpoint_that_parsers_could_disagree_about(url: str) -> None:
    """What decides that plain HTTP stays on this machine sees the host that is connected to: all else is refused."""
    with pytest.raises(SettingsError, match="AWS_ENDPOINT_URL_SECRETS_MANAGER") as error:
        read({}, {**DEVICE, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url}, [])
    assert "MARKER" not in error.value.message


@pytest.mark.parametrize(
    "url", ["http://localhost:1/a-b", "http://LOCALHOST", "http://[::1]:5000", "https://h.example/x"]
)
def test_an_endpoint_that_all_parsers_agree_about(url: str) -> None:
    """An accepted one has the same host for urllib and for urllib3, by which botocore connects."""
    found = read({}, {**DEVICE, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url}, []).device.secretsmanager_endpoint
    assert found == url
    assert urlsplit(url).hostname == (parse_url(url).host or "").strip("[]")


def test_an_unknown_variable_is_a_warning() -> None:
    """A SECRETENV_ variable that no option has is named, with the nearest known one."""
    found = read({}, {**DEVICE, "SECRETENV_INTERVALL": "5m"}, [])
    assert found.warnings == ("SECRETENV_INTERVALL: there is no such setting; did you mean SECRETENV_INTERVAL?",)


def test_settings_survive_the_journey_as_json() -> None:
    """The supervisor reads the settings that the command line wrote."""
    flags = {"only": ["A*"], "secret": ["x", "Y=z"], "validate": "check 'a b'"}
    found = read(flags, DEVICE, ["a", "", "\udcff"])
    assert Settings.from_json(json.loads(json.dumps(found.to_json()))) == found
