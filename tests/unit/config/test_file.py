"""The settings file: where it is found, what it may say, and the errors for everything else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.config import file, merge
from secretenv.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE = """
[device]
cert = "device.pem.crt"
key = "~/private.pem.key"
endpoint = "c1example.credentials.iot.ap-northeast-1.amazonaws.com"
role_alias = "secrets_manager_sample_alias_2021_05_01"

[run]
interval = "5m"
kill_timeout = 90
kill_signal = 2
only = ["A*", "B*"]
upcase = true

[[secret]]
id = "secrets_manager_sample_2021_05_01"
prefix = "APP_"
only = ["C*"]

[[secret]]
id = "prod/database-url"
name = "DATABASE_URL"
upcase = false
version_stage = "AWSPREVIOUS"

[[secret]]
id = "file://local.json"
"""


def write(folder: Path, text: str) -> str:
    """Write a settings file and return its path."""
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return str(path)


def read(folder: Path, text: str, **flags: Any) -> Any:
    """Return the settings of a file with this text."""
    return merge.read({"config": write(folder, text), **flags}, {}, ["myapp"])


def test_the_example(tmp_path: Path) -> None:
    """The file of the documents: paths against its folder, durations, and secrets with settings of their own."""
    found = read(tmp_path, EXAMPLE)
    assert found.device.cert == str(tmp_path / "device.pem.crt")
    assert found.device.key == str(Path("~/private.pem.key").expanduser())
    assert found.device.region == "ap-northeast-1"
    assert (found.interval, found.kill_timeout, found.kill_signal) == (300, 90, 2)
    sample, url, local = found.secrets
    assert (sample.prefix, sample.only, sample.upcase, sample.version_stage) == ("APP_", ("C*",), True, "AWSCURRENT")
    assert (url.name, url.only, url.upcase, url.version_stage) == ("DATABASE_URL", ("A*", "B*"), False, "AWSPREVIOUS")
    assert local.id == f"file://{tmp_path}/local.json"


def test_flags_beat_the_file_of_one_secret(tmp_path: Path) -> None:
    """A flag beats the key of each secret."""
    found = read(tmp_path, EXAMPLE, prefix="X_", upcase=False)
    assert [(secret.prefix, secret.upcase) for secret in found.secrets] == [("X_", False)] * 3


def test_secrets_of_a_flag_replace_those_of_the_file(tmp_path: Path) -> None:
    """Secrets given by flags or the variable replace those of the file; the file's keys for all still count."""
    found = read(tmp_path, EXAMPLE, secret=["other"])
    assert [(secret.id, secret.upcase, secret.prefix) for secret in found.secrets] == [("other", True, "")]


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        pytest.param("[run]\nintervall = '5m'", "[run] has no key intervall", "did you mean interval?", id="misspelt"),
        pytest.param("[device]\ninterval = '5m'", "[device] has no key interval", "belongs in [run]", id="other-table"),
        pytest.param("[device]\nregion = 'x'", "[device] has no key region", "belongs in [run]", id="region"),
        pytest.param("[runn]\n", "there is no table [runn]", "did you mean run?", id="table"),
        pytest.param("x = 5", "x is above all tables, and is not a setting", "device, run, secret", id="no-table"),
        pytest.param("cert = 'c.pem'", "cert is above all tables", "cert belongs in [device]", id="top-device"),
        pytest.param("interval = '5m'", "interval is above", "interval belongs in [run]", id="top-run"),
        pytest.param("region = 'x'", "region is above", "region belongs in [run]", id="top-region"),
        pytest.param("id = 'x'", "id is above", "id belongs in [[secret]]", id="top-id"),
        pytest.param("only = ['A']", "only is above", "only belongs in [run]", id="top-list"),
        pytest.param("role-alias = 'x'", "role-alias is above", "role_alias belongs in [device]", id="top-dash"),
        pytest.param("SECRETENV_KEY = 'x'", "SECRETENV_KEY is above", "key belongs in [device]", id="top-variable"),
        pytest.param(
            "endpiont = 'x'", "endpiont is above", "did you mean endpoint? it belongs in [device]", id="top-near"
        ),
        pytest.param("config = 'x'", "cannot name another one", "--config or SECRETENV_CONFIG", id="top-config"),
        pytest.param("secretenv.device.cert = 'x'", "[device] is inside [secretenv]", "[device]", id="top-nested"),
        pytest.param("[secretenv.run]\nonce = true", "[run] is inside [secretenv]", "[run]", id="nested"),
        pytest.param("[[a.secret]]\nid = 'x'", "is inside [a]", "write [[secret]]", id="nested-secret"),
        pytest.param("[run]\ndevice.cert = 'x'", "[device] is inside [run]", "[device]", id="dotted"),
        pytest.param("[device.run]\nonce = true", "[run] is inside [device]", "[run]", id="table-in-table"),
        pytest.param("[[run.secret]]\nid = 'x'", "[[secret]] is inside [run]", "[[secret]]", id="secret-in-table"),
        pytest.param("[run]\nid = 'x'", "[run] has no key id", "id belongs in [[secret]]", id="id-in-run"),
        pytest.param("[run]\nCert = 'x'", "[run] has no key Cert", "cert belongs in [device]", id="capitals"),
        pytest.param("[device]\nrole-alias = 'x'", "no key role-alias", "did you mean role_alias?", id="dash"),
        pytest.param("[device]\nintervall = '5m'", "no key intervall", "it belongs in [run]", id="near-elsewhere"),
        pytest.param("[[secret]]\nid = 'x'\ncert = 'y'", "x has no key cert", "[device]", id="device-key-in-secret"),
        pytest.param("run = 5", "run is not a table", "[run]", id="table-kind"),
        pytest.param("[secret]\nid = 'x'", "secret is not an array of tables", "[[secret]]", id="single-brackets"),
        pytest.param("[run]\nsecret = ['x']", "[run] has no key secret", "[[secret]]", id="secret-key"),
        pytest.param("[run]\nconfig = 'x'", "cannot name another one", "--config", id="config-key"),
        pytest.param("[[secret]]\nname = 'X'", "[[secret]] number 1 has no id", "id =", id="no-id"),
        pytest.param("[[secret]]\nid = ''", "number 1: id is empty", "string in quotes", id="empty-id"),
        pytest.param("[[secret]]\nid = 5", "id is a number", "string in quotes", id="id-kind"),
        pytest.param(
            "[[secret]]\nid = 'X=file:///y'", "contains a variable name", 'name = "X" and id = "file:///y"', id="both"
        ),
        pytest.param("[[secret]]\nid = 'X=arn:aws:y'", "contains a variable name", 'id = "arn:aws:y"', id="both-arn"),
        pytest.param("[[secret]]\nid = 'file://'", "file:// has no file path", "file://PATH", id="no-file"),
        pytest.param("[[secret]]\nid = 'x'\ninterval = '5m'", "x has no key interval", "[run]", id="run-key-in-secret"),
        pytest.param("[run]\nupcase = 'yes'", "[run] upcase is a string", "true or false", id="flag-kind"),
        pytest.param("[run]\nonly = 'A*'", "[run] only is a string", "array of strings", id="list-kind"),
        pytest.param("[run]\nonly = [1]", "[run] only is an array", "array of strings", id="list-of-numbers"),
        pytest.param("[run]\nprefix = 5", "[run] prefix is a number", "quotes", id="text-kind"),
        pytest.param("[run]\ninterval = true", "[run] interval is a boolean", "quotes", id="duration-kind"),
        pytest.param("[run]\ninterval = 2026-01-01", "is a date or time", "quotes", id="date"),
        pytest.param("[run]\ninterval = '5x'", "[run] interval: not a duration", "1h30m", id="bad-duration"),
        pytest.param("[run]\ninterval = -5", "[run] interval: not a duration", "1h30m", id="negative"),
        pytest.param("[run]\nkill_signal = 'TREM'", "[run] kill_signal: not a valid signal", "TERM", id="bad-signal"),
        pytest.param("[run\n", "is not TOML", "fix that line; see https://toml.io", id="not-toml"),
        pytest.param(
            f"[run]\ninterval = {'9' * 5000}",
            "number that is too long",
            "the right file",
            id="digits",
        ),
        pytest.param(
            "x = " + "[" * 5000,
            "number that is too long",
            "the right file",
            id="brackets",
        ),
    ],
)
def test_errors_name_the_place_and_the_next_step(tmp_path: Path, text: str, says: str, hint: str) -> None:
    """An error names the file, the table and the key, and the nearest known one."""
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text, secret=["file:///x"])
    assert str(tmp_path / "config.toml") in error.value.message
    assert says in error.value.message
    assert hint in error.value.hint


def test_an_error_does_not_show_a_value(tmp_path: Path) -> None:
    """A secret written into the settings file by mistake is not repeated."""
    with pytest.raises(SettingsError) as error:
        read(tmp_path, "[run]\npassword = 'MARKER-value'\nupcase = 'MARKER-value'")
    assert "MARKER" not in f"{error.value.message} {error.value.hint}"


def test_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is an error."""
    path = tmp_path / "config.toml"
    path.write_bytes(b"[run]\nprefix = '\xff'")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        file.load(str(path), {})


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """The mark that editors on Windows put in front is not part of the first line."""
    assert read(tmp_path, '\ufeff[[secret]]\nid = "file:///x"\r\n').secrets[0].id == "file:///x"


def test_a_chosen_file_must_exist(tmp_path: Path) -> None:
    """--config names a file that must be there."""
    with pytest.raises(SettingsError, match="No such file"):
        file.load(str(tmp_path / "nowhere.toml"), {})


def test_where_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_CONFIG_HOME, its default ~/.config, then /etc; never the working directory."""
    system = tmp_path / "etc" / "config.toml"
    homes = {name: tmp_path / name for name in ("xdg", "home")}
    user = {"xdg": homes["xdg"], "home": homes["home"] / ".config"}
    for folder in [system.parent, *(each / "secretenv" for each in user.values())]:
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text("")
    monkeypatch.setenv("HOME", str(homes["home"]))
    monkeypatch.chdir(system.parent)

    def found(**environ: str) -> Path | None:
        return file.load("", environ, system=system).path

    assert found(XDG_CONFIG_HOME=str(homes["xdg"])) == homes["xdg"] / "secretenv" / "config.toml"
    assert found() == found(XDG_CONFIG_HOME="") == found(XDG_CONFIG_HOME="relative")
    assert found() == homes["home"] / ".config" / "secretenv" / "config.toml"
    (homes["home"] / ".config" / "secretenv" / "config.toml").unlink()
    assert found() == system
    system.unlink()
    (tmp_path / "etc" / "secretenv").mkdir()
    (tmp_path / "etc" / "secretenv" / "config.toml").write_text("")
    assert found() is None


def test_a_file_that_others_can_change(tmp_path: Path) -> None:
    """A settings file that others can write is read with a warning that names it and its mode."""
    path = write(tmp_path, '[[secret]]\nid = "file:///x"\n')
    assert merge.read({"config": path}, {}, ["myapp"]).warnings == ()
    Path(path).chmod(0o666)
    (warning,) = merge.read({"config": path}, {}, ["myapp"]).warnings
    assert warning == f"the settings file {path} can be written by all users (mode 0666)"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_reads_no_file_of_another_user(tmp_path: Path) -> None:
    """As root a settings file of another user is refused: it would decide what root runs with."""
    path = write(tmp_path, '[[secret]]\nid = "file:///x"\n')
    os.chown(path, 1000, 1000)
    with pytest.raises(SettingsError, match=f"{path} belongs to user 1000") as error:
        merge.read({"config": path}, {}, ["myapp"])
    assert error.value.hint == f"chown root {path}"


@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """A FIFO without a writer, a folder or a device as the settings file is an error, not a wait without end."""
    path = tmp_path / "x"
    makers: dict[str, Callable[[], None]]
    makers = {"fifo": lambda: os.mkfifo(path), "folder": path.mkdir, "device": lambda: path.symlink_to("/dev/zero")}
    makers[kind]()
    with pytest.raises(SettingsError, match="not a regular file"):
        file.load(str(path), {})
