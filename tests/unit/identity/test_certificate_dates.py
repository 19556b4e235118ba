"""When a certificate is valid: what is refused before the network is asked, and what is warned of."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretenv.errors import CertificateError
from secretenv.identity import certificate, x509
from secretenv.settings import Device

from .certificates import certificate as make_certificate
from .certificates import ec_key, pem, rsa_key, write

if TYPE_CHECKING:
    from collections.abc import Callable

EC, RSA = ec_key(), rsa_key()

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def valid(folder: Path, start: dt.datetime, end: dt.datetime) -> Device:
    """Return a device with a certificate that is valid from `start` to `end`."""
    write(folder / "dated.crt", make_certificate(EC, start=start, end=end))
    paths = {"cert": str(folder / "dated.crt"), "key": write(folder / "dated.key", pem(EC))}
    return Device.from_json({**dict.fromkeys(Device.fields(), ""), **paths})


def at(now: dt.datetime) -> Callable[[], float]:
    """Return a clock that stands still."""
    return now.timestamp


@pytest.mark.parametrize(
    ("start", "end", "words", "transient"),
    [
        pytest.param(-30, -1, "expired at 2026-11-22T12:00:00Z", False, id="expired"),
        pytest.param(1, 30, "not valid before 2026-11-24T12:00:00Z", True, id="not yet valid"),
    ],
)
def test_certificate_that_is_not_valid_now(
    tmp_path: Path,
    start: int,
    end: int,
    words: str,
    transient: bool,  # noqa: FBT001
) -> None:
    """It is refused before the network is asked, with both dates; only one that is not yet valid is waited for."""
    given = valid(tmp_path, NOW + start * DAY, NOW + end * DAY)
    with pytest.raises(CertificateError) as caught:
        certificate.load(given, at(NOW))
    error = caught.value
    assert error.link == "certificate"
    assert words in error.message
    assert "2026-11-23T12:00:00Z" in error.message
    assert given.cert in error.message
    assert "renew" in error.hint
    assert "date -u; timedatectl" in error.hint
    assert error.transient is transient


def test_certificate_and_a_clock_of_1970(tmp_path: Path) -> None:
    """A device without a clock battery starts in 1970: transient, and the clock is named."""
    with pytest.raises(CertificateError, match="clock says 1970-01-01T00:00:09Z") as caught:
        certificate.load(valid(tmp_path, NOW - DAY, NOW + 365 * DAY), lambda: 9.0)
    assert caught.value.transient


def test_the_first_and_the_last_second(tmp_path: Path) -> None:
    """Both dates belong to the time in which the certificate is valid."""
    given = valid(tmp_path, NOW, NOW + 30 * DAY)
    certificate.load(given, at(NOW))
    certificate.load(given, at(NOW + 30 * DAY))
    for outside in (NOW - dt.timedelta(seconds=1), NOW + 30 * DAY + dt.timedelta(seconds=1)):
        with pytest.raises(CertificateError):
            certificate.load(given, at(outside))


@pytest.mark.parametrize(
    ("left", "words"),
    [
        pytest.param(14 * DAY, "", id="14 days"),
        pytest.param(14 * DAY - dt.timedelta(seconds=1), "in 13 days, on", id="a second less"),
        pytest.param(2 * DAY, "in 2 days, on", id="two days"),
        pytest.param(2 * DAY - dt.timedelta(seconds=1), "in 1 day, on", id="one day"),
        pytest.param(dt.timedelta(hours=3), "in less than a day, on", id="the last day"),
    ],
)
def test_certificate_that_ends_soon(tmp_path: Path, left: dt.timedelta, words: str) -> None:
    """Fewer than 14 days to the certificate's end are a warning with the date."""
    given = valid(tmp_path, NOW - 30 * DAY, NOW + left)
    _, warnings = certificate.load(given, at(NOW))
    end = (NOW + left).date().isoformat()
    assert warnings == ([f"the certificate {given.cert} expires {words} {end}"] if words else [])


def test_one_warning_a_day(tmp_path: Path) -> None:
    """The warning's text changes once a day: whoever logs each text once logs one a day."""
    given = valid(tmp_path, NOW - 30 * DAY, NOW + 10 * DAY)
    said = certificate.said_by(Path(given.cert).read_text("utf-8"))
    moments = [(NOW + dt.timedelta(hours=hour)).timestamp() for hour in range(1, 240)]
    texts = [certificate.check_dates(given, said, moment) for moment in moments]
    assert len(set(texts)) == 10
    assert sum(one != other for one, other in itertools.pairwise(texts)) == 9


def test_dates_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that only OpenSSL understands is left to OpenSSL and the other side."""

    def refuse(_: str) -> x509.Certificate:
        raise x509.UnreadableError

    monkeypatch.setattr(x509, "read_pem", refuse)
    _, warnings = certificate.load(valid(tmp_path, NOW - 30 * DAY, NOW - DAY), at(NOW))
    assert warnings == []


def test_mismatch_is_said_before_the_dates(tmp_path: Path) -> None:
    """Of an expired certificate with another one's key the key is what is wrong: that pair was never used."""
    given = valid(tmp_path, NOW - 30 * DAY, NOW - DAY)
    write(tmp_path / "dated.key", pem(RSA))
    with pytest.raises(CertificateError) as caught:
        certificate.load(given, at(NOW))
    assert caught.value.link == "key of another certificate"
