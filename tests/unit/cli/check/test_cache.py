"""The link `cache` of `secretenv check`: in which words it is shown, and when it is broken."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from secretenv.cli.check import local_steps
from tests.unit.identity import certificates

from .caching import DAY, MARKER, Device

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.cli.check.report import Step
    from secretenv.settings import Settings

as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """Return a device without a cache."""
    return Device(tmp_path)


class _Walk(local_steps.LocalSteps):
    """A walk along the files of the device, and the cache."""

    def take(self) -> None:
        """Take these steps."""
        self._files()
        self._cache()


def steps(of: Settings, ahead: float = 0.0) -> list[Step]:
    """Return the steps of the link, with a clock that is so far ahead."""
    found: list[Step] = []
    _Walk(of, found.append, lambda: time.time() + ahead, 20.0).take()
    assert MARKER not in str(found)
    return [step for step in found if step.link in {"cache", "settings"}]


def broken(of: Settings) -> list[str]:
    """Return the messages of the link's errors; each has a hint."""
    found = [step for step in steps(of) if step.ok is False]
    assert all(step.hint for step in found)
    return [step.text for step in found]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "after 10 s"),
        ({"SECRETENV_CACHE_AFTER": "0"}, "at once"),
        ({"SECRETENV_CACHE_AFTER": "1h"}, "after 60 s"),
        ({"SECRETENV_CACHE_AFTER": "1h", "SECRETENV_START_TIMEOUT": "30s"}, "after 30 s"),
    ],
)
def test_it_would_be_used(device: Device, more: dict[str, str], words: str) -> None:
    """Its age since AWS confirmed it, when it was written, and when a start would use it; no value."""
    device.seal()
    (step,) = steps(device.settings(**more))
    assert step.ok
    assert step.text.startswith(
        f"{device.file}: opens, and belongs to these settings; confirmed by AWS 3 days ago, sealed 20"
    )
    assert step.text.endswith(f"; a start without AWS uses it {words}")
    assert (step.warnings, step.details) == ((), ("holds app version-1",))


def test_a_clock_that_cannot_be_trusted(device: Device) -> None:
    """The age is unknown: a warning, and the values would be used."""
    device.seal(age=0.0)
    (step,) = steps(device.settings(), ahead=-30 * DAY)
    assert step.ok
    assert "confirmed by AWS at an unknown time" in step.text
    assert step.warnings == (
        "the age of the values is unknown, as this machine's clock cannot be trusted: --max-age does not limit it",
    )


@pytest.mark.parametrize(("after", "first"), [("0", "; a start asks AWS first"), ("2s", "")])
def test_marked(device: Device, after: str, first: str) -> None:
    """A refusal of AWS is a warning; where it would be used at once, AWS is asked first."""
    device.seal(denied=1200.0, denials=2, refused={"app": "version-2"}, why="exit status 3")
    (step,) = steps(device.settings(SECRETENV_CACHE_AFTER=after))
    assert step.warnings == (f"marked: AWS has refused to return the secrets for 20 min, 2 times so far{first}",)
    assert step.text.endswith("uses it after 10 s" if after == "0" else "uses it after 2.0 s")
    assert step.details[1] == "refused, so not cached: app version-2 (exit status 3)"


def test_not_there_yet(device: Device) -> None:
    """Before the first start there is none, which is no error."""
    (step,) = steps(device.settings())
    assert (step.ok, step.text) == (
        None,
        f"{device.file}: not there yet; it is written after the first successful start",
    )


def test_too_old(device: Device) -> None:
    """Older than --max-age."""
    device.seal(age=40 * DAY)
    assert broken(device.settings()) == [
        f"the cache {device.file} was last confirmed by AWS 40 days ago, and --max-age is 30 days"
    ]


def test_other_settings(device: Device) -> None:
    """Sealed for other secrets."""
    device.seal()
    (text,) = broken(device.settings("app other"))
    assert text.startswith(f"the cache {device.file} was sealed for other settings")


@pytest.mark.parametrize("content", [b"", b"\0\1"], ids=["empty", "other"])
def test_damaged(device: Device, content: bytes) -> None:
    """No cache at all."""
    device.file.write_bytes(content)
    (text,) = broken(device.settings())
    assert "is damaged, or was not written by this version" in text


def test_another_key(device: Device, tmp_path: Path) -> None:
    """Sealed with the key of another device."""
    device.seal()
    (tmp_path / "other").mkdir()
    other = Device(tmp_path / "other")
    (text,) = broken(other.settings(SECRETENV_CACHE=str(device.file)))
    assert "was sealed with another key" in text


def test_no_folder(device: Device) -> None:
    """Without its folder nothing could be written."""
    of = device.settings(SECRETENV_CACHE="/nowhere/app.cache")
    assert broken(of) == ["the cache /nowhere/app.cache cannot be written: No such file or directory"]


def test_a_file_in_place_of_the_folder(device: Device) -> None:
    """A path below a file."""
    of = device.settings(SECRETENV_CACHE=f"{device.files['SECRETENV_CERT']}/app.cache")
    (text,) = broken(of)
    assert text.endswith("cannot be written: Not a directory")


def test_a_read_only_file_system(device: Device) -> None:
    """Root may not write there either."""
    of = device.settings(SECRETENV_CACHE="/proc/sys/kernel/app.cache")
    (text,) = broken(of)
    assert text.endswith(("cannot be written: Read-only file system", "cannot be written: Permission denied"))


@as_user
def test_a_folder_of_others(device: Device) -> None:
    """A folder in which this user may not write, with a cache that opens: both are said."""
    device.seal()
    device.folder.chmod(0o500)
    try:
        found = steps(device.settings())
    finally:
        device.folder.chmod(0o700)
    assert [step.ok for step in found] == [True, False]
    assert found[1].text.endswith("cannot be written: Permission denied")


def test_the_key_of_the_device(device: Device) -> None:
    """The device's own files are not to be replaced."""
    of = device.settings(SECRETENV_CACHE=device.files["SECRETENV_KEY"])
    assert broken(of) == [f"--cache names {device.files['SECRETENV_KEY']}, which is the device's key"]


def test_a_key_that_seals_nothing(tmp_path: Path) -> None:
    """Before the first start too: a key of a kind that gives no secret is known at once."""
    found = steps(Device(tmp_path, certificates.ed_key()).settings())
    assert [step.ok for step in found] == [None, False]
    assert "needs an RSA or an EC key" in found[1].text


def test_without_cryptography(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error, with the line that installs it."""
    device.seal()
    monkeypatch.setitem(sys.modules, "cryptography", None)
    (step,) = steps(device.settings())
    assert (step.ok, step.link) == (False, "settings")
    assert step.text == "--cache needs the Python package cryptography"
    assert step.hint == "pip install 'secretenv-iot[cache]'"
