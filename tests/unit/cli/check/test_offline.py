"""`secretenv check --offline`: what a boot without a network would do; the machine of a run decides in the same way."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.cache_protocol import CacheError
from secretenv.cli.check import cache, needs, offline, report
from secretenv.protocol import Answer
from tests.unit.identity import certificates

from .caching import DAY, MARKER, Device

if TYPE_CHECKING:
    from secretenv.cli.check.offline import Verdict
    from secretenv.cli.check.report import Step
    from secretenv.settings import Settings

AT_ONCE = {"SECRETENV_CACHE_AFTER": "0"}
STARTS = "without a network, the command would start "
NOT = "without a network, the command would not start: "


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """Return a device without a cache."""
    return Device(tmp_path)


def checked(of: Settings, ahead: float = 0.0) -> tuple[Verdict, list[Step]]:
    """Return the verdict and the steps, with a clock that is so far ahead."""
    steps: list[Step] = []
    verdict = offline.check(of, steps.append, {b"HOME": b"/"}, clock=lambda: time.time() + ahead, budget=20.0)
    assert MARKER not in str(steps) + str(verdict)
    assert (verdict.reason is None) == verdict.starts
    return verdict, steps


def starts(of: Settings, ahead: float = 0.0) -> str:
    """Expect a start, and return how."""
    verdict, _ = checked(of, ahead)
    assert verdict.starts, verdict
    return verdict.text.removeprefix(STARTS)


def refused(of: Settings, ahead: float = 0.0) -> str:
    """Expect no start, and return why: the link of the step and its words."""
    verdict, steps = checked(of, ahead)
    assert not verdict.starts
    assert verdict.reason
    assert verdict.reason.hint
    assert verdict.reason in steps
    assert verdict.text == f"{NOT}{verdict.reason.link}: {verdict.reason.text}"
    last = report.closing_offline(steps, verdict).splitlines()
    assert last == ["", verdict.text, f"hint: {verdict.reason.hint}"]
    return verdict.text.removeprefix(NOT)


@pytest.mark.parametrize(("more", "words"), [({}, "after 10 s"), (AT_ONCE, "at once")])
def test_it_starts(device: Device, more: dict[str, str], words: str) -> None:
    """With a good cache, after --cache-after; the links that need a network are no steps."""
    device.seal()
    verdict, steps = checked(device.settings(**more))
    assert verdict.text == f"{STARTS}with values from 3 days ago, {words}"
    assert verdict.age is not None
    assert abs(verdict.age - 3 * DAY) < 60
    assert [step.link for step in steps if step.ok] == [
        "settings", "certificate file", "key file", "roots file", "key", "certificate", "key permissions", "cache",
        "variables", "environment",
    ]  # fmt: skip
    texts = {step.link: step for step in steps}
    assert texts["variables"].text == "2 variables from 1 secret in the cache"
    assert texts["variables"].details == ("PASSWORD", "USER")
    assert texts["environment"].text.startswith("3 variables in all")


def test_no_cache(device: Device) -> None:
    """Without --cache there is nothing to start with."""
    assert refused(device.settings(SECRETENV_CACHE="")) == (
        "cache: without --cache nothing is kept for a start without AWS"
    )


@pytest.mark.parametrize("more", [{}, AT_ONCE])
def test_not_there_yet(device: Device, more: dict[str, str]) -> None:
    """A cache that was never written."""
    assert refused(device.settings(**more)).startswith(f"cache: there is no cache {device.file} yet")


def test_too_old(device: Device) -> None:
    """Older than --max-age."""
    device.seal(age=40 * DAY)
    assert refused(device.settings()).startswith(f"cache: the cache {device.file} was last confirmed")


def test_unknown_age(device: Device) -> None:
    """A clock that is behind does not prevent the start, although the certificate is not valid by it."""
    device.seal(age=0.0)
    assert starts(device.settings(), ahead=-300 * DAY) == "with values of unknown age, after 10 s"


def test_an_expired_certificate(tmp_path: Path) -> None:
    """The first fetch ends the start at once; only where the cache comes first is the command started."""
    now = dt.datetime.now(dt.UTC)
    device = Device(tmp_path, start=now - dt.timedelta(days=60), end=now - dt.timedelta(days=1))
    device.seal()
    assert refused(device.settings()).startswith("certificate: ")
    assert starts(device.settings(**AT_ONCE)) == "with values from 3 days ago, at once"
    device.seal(denied=60.0, denials=1)
    assert refused(device.settings(**AT_ONCE)).startswith("certificate: ")


def test_marked(device: Device) -> None:
    """AWS has refused before: it is asked first, and where it cannot be reached the values are used."""
    device.seal(denied=60.0, denials=1)
    assert starts(device.settings(**AT_ONCE)) == "with values from 3 days ago, after 10 s"


@pytest.mark.parametrize("more", [{}, AT_ONCE])
def test_no_certificate(device: Device, more: dict[str, str]) -> None:
    """Without it neither a fetch nor the cache can do anything."""
    device.seal()
    assert refused(device.settings(SECRETENV_CERT="/nowhere/c", **more)).startswith("certificate file: ")


def test_roots_that_are_missing(device: Device) -> None:
    """They are needed for a fetch only."""
    device.seal()
    of = {"SECRETENV_CA": "/nowhere/ca"}
    assert refused(device.settings(**of)).startswith("roots file: ")
    assert starts(device.settings(**of, **AT_ONCE))


def test_a_secret_file_beside_aws(device: Device) -> None:
    """A fetch reads it first: a missing one ends the start, unless the cache comes first."""
    secrets = "app file:///nowhere/x"
    device.secrets = secrets
    device.seal()
    assert refused(device.settings(secrets)).startswith("file: ")
    assert starts(device.settings(secrets, **AT_ONCE))


def test_secrets_in_files_alone(tmp_path: Path, device: Device) -> None:
    """No AWS, no cache: the files decide, and what --require demands."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps({"PASSWORD": MARKER}))
    of = device.settings(f"file://{path}")
    assert checked(of)[0].text == "without a network, the command would start: all secrets are files"
    assert refused(device.settings(f"file://{path}", SECRETENV_REQUIRE="USER")).startswith("content: ")
    path.unlink()
    assert refused(of).startswith("file: ")


def test_values_that_no_command_can_get(device: Device) -> None:
    """What execve(2) would refuse ends the start."""
    answer = Answer()
    answer.variables, answer.versions = {"LARGE": "x" * 200_000}, {"app": "1"}
    device.seal(answer=answer)
    assert refused(device.settings()).startswith("environment: ")


def test_the_folder_of_a_secret_file(device: Device, tmp_path: Path) -> None:
    """One on a disk is refused; one that is not there yet may be made by the service manager: a warning."""
    secrets = {"SECRETENV_SECRET_FILE": "/proc/x=app"}
    device.secrets = ""
    device.more = secrets
    device.seal()
    assert refused(device.settings("", **secrets)).startswith("file: ")
    device.more = {"SECRETENV_SECRET_FILE": "/nowhere/at/all/x=app"}
    device.seal()
    (warning,) = checked(device.settings("", **device.more))[1][-1].warnings
    assert warning == "the folder /nowhere/at/all for secret files is not there, and cannot be made now"
    device.more = {"SECRETENV_STATUS_FILE": f"{tmp_path}/no/such/status.json"}
    device.secrets = "app"
    device.seal()
    (warning,) = checked(device.settings(**device.more))[1][-1].warnings
    assert warning == f"the folder {tmp_path}/no/such for the status file is not there, and cannot be made now"


def test_a_broken_link_that_does_not_matter(device: Device) -> None:
    """It would start, and the broken link is named before the sentence."""
    device.seal()
    out = io.StringIO()
    of = device.settings(SECRETENV_CA="/nowhere/ca", **AT_ONCE)
    assert offline.present(of, out, {}) == 0
    *_, broken, hint, last = out.getvalue().splitlines()
    assert broken.startswith("broken: roots file: ")
    assert hint.startswith("hint: ")
    assert last == f"{STARTS}with values from 3 days ago, at once"


def test_a_cache_that_cannot_be_written(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens, so the command would start; newer values would not be kept, which is said."""

    def fail(_: object) -> None:
        raise CacheError("read-only", hint="df")

    device.seal()
    monkeypatch.setattr(cache, "demand_place", fail)
    verdict, steps = checked(device.settings())
    assert verdict.starts
    assert [(step.link, step.text) for step in steps if step.ok is False] == [("cache", "read-only")]


def test_what_is_written(device: Device) -> None:
    """For people the sentence comes last, before the hint; JSON has it too, and `ok` is whether it starts."""
    device.seal()
    for of, status in ((device.settings(), 0), (device.settings(SECRETENV_MAX_AGE="1s"), 1)):
        out = io.StringIO()
        assert offline.present(of, out, {}, ["cache = x (--cache)"]) == status
        assert "set   settings          cache = x (--cache)\n" in out.getvalue()
        assert out.getvalue().splitlines()[-1 - status].startswith(NOT if status else STARTS)
        assert out.getvalue().splitlines()[-1].startswith("hint: ") == bool(status)
        out = io.StringIO()
        assert offline.present(of, out, {}, as_json=True) == status
        document = json.loads(out.getvalue())
        assert document.keys() == {"ok", "broken", "steps", "cost", "offline"}
        assert document["ok"] is document["offline"]["starts"] is (status == 0)
        assert (document["broken"] is None) == (status == 0)
        assert document["offline"].keys() == {"starts", "text", "age", "after"}
        assert MARKER not in out.getvalue()


def test_a_defect(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the check itself fails nobody knows: that is no start."""

    def fail(*_: object) -> None:
        raise RuntimeError(MARKER)

    device.seal()
    monkeypatch.setattr(needs, "step", fail)
    assert refused(device.settings()).startswith("secretenv: an unexpected RuntimeError")


def test_a_damaged_cache(device: Device) -> None:
    """One bit is enough."""
    device.seal()
    raw = bytearray(device.file.read_bytes())
    raw[-1] ^= 1
    device.file.write_bytes(raw)
    assert "or is damaged" in refused(device.settings())
    assert "or is damaged" in refused(device.settings(), ahead=-300 * DAY)  # not for the certificate's date


def test_a_renewed_key(device: Device) -> None:
    """A pair with a new key opens nothing until the next success."""
    device.seal()
    key = certificates.ec_key()
    for name, content in (("CERT", certificates.certificate(key)), ("KEY", certificates.pem(key))):
        certificates.write(Path(device.files[f"SECRETENV_{name}"]), content)
    assert "was sealed with another key" in refused(device.settings())
