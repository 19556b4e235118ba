"""The parsers of the options, and how flags, variables and defaults become settings."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.config import merge, parsers
from secretenv.config.options import BY_KEY, OPTIONS, Option
from secretenv.errors import SettingsError
from secretenv.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE = {
    "SECRETENV_CERT": "/c.pem",
    "SECRETENV_KEY": "/k.pem",
    "SECRETENV_ENDPOINT": "c1example.credentials.iot.eu-west-1.amazonaws.com",
    "SECRETENV_ROLE_ALIAS": "alias",
    "SECRETENV_SECRET": "prod/app",
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5s", 1.5), ("0", 0), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations: 500ms, 90, 90s, 5m, 1h30m."""
    assert parsers.duration(text) == pytest.approx(seconds)


def test_a_duration_has_an_end() -> None:
    """What no clock can hold is refused; ten years are enough."""
    assert parsers.duration("3650d") == 3650 * 86400
    for text in ("3651d", "99999999999h", "1e9"):
        with pytest.raises(SettingsError):
            parsers.duration(text)


@pytest.mark.parametrize("text", ["", "5x", "-1s", "1h 30", "m", "1s5", "5 m", "٣s", "1e3", "inf", "nan"])
def test_bad_durations_are_refused_with_examples(text: str) -> None:
    """An unknown duration is refused in words that show valid ones."""
    with pytest.raises(SettingsError) as error:
        parsers.duration(text)
    assert "1h30m" in error.value.hint


@pytest.mark.parametrize(
    ("text", "number"),
    [("TERM", 15), ("sigterm", 15), ("15", 15), ("RTMIN", 34), ("rtmin+3", 37), ("RTMAX-1", 63), ("USR1", 10)],
)
def test_signals(text: str, number: int) -> None:
    """Signals by name, case-insensitively, with or without SIG, or by number."""
    assert parsers.signal_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TREM",
        "0",
        "65",
        "99",
        "KILL",
        "STOP",
        "CHLD",
        "9",
        "RTMIN+99",
        "_IGN",
        "_DFL",
        "9" * 5000,
        f"RTMIN+{'9' * 5000}",
    ],
)
def test_bad_signals_are_refused_with_the_valid_ones(text: str) -> None:
    """An unknown signal is refused in words that list the valid ones."""
    with pytest.raises(SettingsError) as error:
        parsers.signal_number(text)
    assert "HUP" in error.value.hint
    assert "USR2" in error.value.hint


def test_kill_signal_may_be_kill() -> None:
    """To stop a command KILL is allowed."""
    assert parsers.kill_signal("KILL") == signal.SIGKILL


@pytest.mark.parametrize(
    ("parse", "words"),
    [
        (parsers.kill_signal, ["KILL", "HUP"]),
        (parsers.optional_signal, ["none", "HUP"]),
        (parsers.on_change, ["restart", "exit", "ignore", "HUP"]),
    ],
)
def test_what_may_be_given_beside_a_signal_is_listed_too(parse: Callable[[str], object], words: list[str]) -> None:
    """An unknown signal is refused in words that list the valid ones, whatever else the option takes among them."""
    with pytest.raises(SettingsError) as error:
        parse("TREM")
    assert set(words) <= set(re.findall(r"\w+", error.value.hint))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("c1.credentials.iot.eu-west-1.amazonaws.com", "c1.credentials.iot.eu-west-1.amazonaws.com"),
        ("localhost:8443", "localhost:8443"),
        ("https://localhost:8443/", "localhost:8443"),
        ("HTTPS://Host.Example", "host.example"),
        ("[::1]:443", "[::1]:443"),
    ],
)
def test_endpoints(text: str, host: str) -> None:
    """--endpoint takes HOST, HOST:PORT or a URL."""
    assert parsers.endpoint(text) == host


@pytest.mark.parametrize(
    "text",
    ["http://host", "host/path", "host:port", "https://u@host", "a b", "ftp://x", "https://", "host?x", "h:99999"],
)
def test_bad_endpoints_are_refused(text: str) -> None:
    """What is no endpoint, or plain HTTP, is refused with what to give instead."""
    with pytest.raises(SettingsError) as error:
        parsers.endpoint(text)
    assert "describe-endpoint" in error.value.hint


@pytest.mark.parametrize("text", ["maybe", "2", "", "wahr"])
def test_bad_booleans_are_refused(text: str) -> None:
    """Booleans: 1/true/yes/on, 0/false/no/off, and nothing else."""
    with pytest.raises(SettingsError):
        parsers.boolean(text)


def test_choices_name_the_nearest() -> None:
    """A misspelt word is answered with the nearest right one."""
    with pytest.raises(SettingsError) as error:
        parsers.choice("debug", "info")("inof")
    assert "did you mean info" in error.value.hint


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
    "version_stage": ("ONE", "TWO"),
    "prefix": ("A_", "B_"),
    "upcase": ("yes", "no"),
    "sanitize": ("yes", "no"),
    "only": ("A*", "B*"),
    "except": ("A*", "B*"),
    "batch": ("yes", "no"),
    "pristine": ("yes", "no"),
    "keep": ("A*", "B*"),
    "drop": ("A*", "B*"),
    "interval": ("1s", "2s"),
    "once": ("yes", "no"),
    "on_change": ("exit", "USR1"),
    "splay": ("1s", "2s"),
    "kill_signal": ("INT", "USR1"),
    "kill_timeout": ("1s", "2s"),
    "signal_group": ("yes", "no"),
    "refresh_signal": ("USR1", "USR2"),
    "start_timeout": ("1s", "2s"),
    "sd_notify": ("command", "off"),
    "log_level": ("debug", "error"),
    "log_format": ("json", "text"),
}


def seen(found: Settings, option: Option) -> Any:
    """Return what the settings hold for an option, wherever it went."""
    key = f"{option.key}_" if option.key == "except" else option.key
    if option.key == "secret":
        return tuple(secret.id for secret in found.secrets)
    if option.section == "secret":
        return getattr(found.secrets[0], key)
    return getattr(found.device if hasattr(found.device, key) else found, key)


def parsed(option: Option, text: str) -> Any:
    """Return the value that a user's text stands for."""
    value = option.parse(text)
    return (value,) if option.repeatable else value


def as_flag(option: Option, text: str) -> Any:
    """Return what the command line gives for a text."""
    return parsers.boolean(text) if option.flag else [text] if option.repeatable else text


def in_file(option: Option, text: str) -> str:
    """Return a settings file that sets one option."""
    if option.key == "secret":
        return f'[[secret]]\nid = "{text}"\n'
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
    """An option that is added without its precedence being tested fails here."""
    assert SAMPLES.keys() == BY_KEY.keys() - {"config"}


def test_lists_in_variables_are_separated_by_blanks() -> None:
    """SECRETENV_SECRET is blank-separated; NAME=ID puts a whole secret into one variable."""
    found = read({}, {**DEVICE, "SECRETENV_SECRET": " a  URL=b/c  arn:aws:x=y "}, [])
    assert [(secret.name, secret.id) for secret in found.secrets] == [("", "a"), ("URL", "b/c"), ("", "arn:aws:x=y")]


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
    """The region: by itself, else from a secret's ARN, else from the endpoint's name."""
    assert read({}, {**DEVICE, **variables}, []).device.region == region


def test_missing_region_is_named() -> None:
    """Where no region can be told, it is missing like anything else."""
    with pytest.raises(SettingsError, match="--region"):
        read({}, {**DEVICE, "SECRETENV_ENDPOINT": "device.example"}, [])


def test_all_that_is_missing_is_named_at_once() -> None:
    """Every missing setting is named in one error, with where it can come from."""
    with pytest.raises(SettingsError) as error:
        read({}, {"SECRETENV_KEY": "/k"}, [])
    message = error.value.message
    assert all(f"SECRETENV_{name}" in message for name in ("CERT", "ENDPOINT", "ROLE_ALIAS", "SECRET"))
    assert "SECRETENV_KEY" not in message


def test_a_file_needs_no_device() -> None:
    """A secret file://PATH needs no AWS, so nothing about AWS is missing."""
    found = read({"secret": ["file:///x.json"]}, {}, ["true"])
    assert found.secrets[0].id == "file:///x.json"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRETENV_INTERVAL", "soon", "SECRETENV_INTERVAL: not a duration"),
        ("SECRETENV_INTERVAL", "0", "longer than nothing"),
        ("SECRETENV_UPCASE", "maybe", "SECRETENV_UPCASE: neither yes nor no"),
        ("SECRETENV_ON_CHANGE", "reboot", "SECRETENV_ON_CHANGE"),
        ("SECRETENV_SECRET", "NAME=", "no secret is named"),
        ("SECRETENV_SECRET", "=id", "no variable is named"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://example.com", "plain http"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:80", "not a URL"),
        ("AWS_REGION", "nowhere", "AWS_REGION: not a region"),
    ],
)
def test_bad_variables_are_named(name: str, value: str, says: str) -> None:
    """An error names the variable that is wrong."""
    with pytest.raises(SettingsError) as error:
        read({}, {**DEVICE, name: value}, [])
    assert says in error.value.message
    assert error.value.hint


WITH_DEFAULT = [option for option in MERGED if option.default and option.parse is not parsers.text]


@pytest.mark.parametrize("option", WITH_DEFAULT, ids=lambda option: option.name)
def test_an_empty_text_is_no_value(option: Option, tmp_path: Path) -> None:
    """`--interval "$FORGOTTEN"` and `interval = ""` are errors now, not when the value is needed."""
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
        ({"secret": ["file://x.json"]}, "x.json starts at"),
        ({"config": "x.toml"}, "x.toml starts at"),
        ({"cert": "x.pem"}, "--cert: x.pem starts at"),
    ],
    ids=["secret", "config", "cert"],
)
def test_a_working_directory_that_is_gone(
    flags: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path needs a working directory; that somebody has removed it is said, a whole path needs none."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError) as error:
        read({"secret": ["file:///x.json"], **flags}, {}, ["true"])
    assert f"{says} the working directory, which is gone" in error.value.message
    assert read({"secret": ["file:///x.json"]}, {}, ["true"]).secrets[0].id == "file:///x.json"


def test_batch_and_another_stage_do_not_go_together() -> None:
    """BatchGetSecretValue has no VersionStage: asking for both is an error."""
    with pytest.raises(SettingsError, match="--batch reads only"):
        read({"batch": True, "version_stage": "AWSPREVIOUS"}, DEVICE, [])


def test_plain_http_is_accepted_on_loopback() -> None:
    """A plain-HTTP endpoint is refused unless it is on loopback."""
    url = "http://127.0.0.1:5000"
    found = read({}, {**DEVICE, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url}, [])
    assert found.device.secretsmanager_endpoint == url


def test_an_unknown_variable_is_a_warning() -> None:
    """A SECRETENV_ variable that nobody reads is named, with the nearest known one."""
    found = read({}, {**DEVICE, "SECRETENV_INTERVALL": "5m"}, [])
    assert found.warnings == ("SECRETENV_INTERVALL: there is no such setting; did you mean SECRETENV_INTERVAL?",)


def test_settings_survive_the_journey_as_json() -> None:
    """What the supervisor reads is what the command line wrote."""
    import json

    found = read({"only": ["A*"], "secret": ["x", "Y=z"]}, DEVICE, ["a", "", "\udcff"])
    assert Settings.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_every_option_has_a_parser_that_takes_its_default() -> None:
    """A default is something that a user could write."""
    parse: Callable[[str], Any]
    for option in OPTIONS:
        parse = option.parse
        if option.default:
            parse(option.default)
