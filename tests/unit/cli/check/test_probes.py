"""What `secretenv check` shows for each link, and when it calls a link broken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from secretenv.cli.check import probes
from secretenv.credentials import Credentials
from secretenv.errors import CredentialsError
from secretenv.fetcher.variables import Reading
from secretenv.identity import certificate
from secretenv.wording import moment
from tests.unit.identity.certificates import certificate as make_certificate
from tests.unit.identity.certificates import ec_key, write

from .checking import NOON, settings

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.cli.check.report import Step


def clocks(ahead: float, date: str = "Mon, 23 Nov 2026 12:00:00 GMT") -> Step:
    """Return the step for a clock that is so many seconds ahead of an answer of noon."""
    return probes.clocks({"Date": date}, NOON + ahead, "aws:443")


@pytest.mark.parametrize(
    ("ahead", "words", "warns"),
    [
        (0, "agrees with aws:443", False),
        (1.9, "agrees with aws:443", False),
        (-30, "30 s behind aws:443", False),
        (61, "61 s ahead of aws:443", True),
        (-299, "5 min behind aws:443", True),
    ],
)
def test_clocks_that_aws_takes(ahead: float, words: str, warns: bool) -> None:  # noqa: FBT001
    """Up to 5 minutes of difference work; from a minute on there is a warning."""
    step = clocks(ahead)
    assert step.ok
    assert words in step.text
    assert bool(step.warnings) is warns


@pytest.mark.parametrize(("ahead", "words"), [(301, "ahead of"), (-301, "behind"), (-NOON, "behind")])
def test_clocks_that_aws_does_not_take(ahead: float, words: str) -> None:
    """A larger difference breaks the link `clock`; both clocks are shown, and how to set this one."""
    with pytest.raises(CredentialsError, match=words) as caught:
        clocks(ahead)
    assert caught.value.link == "clock"
    assert "2026-11-23T12:00:00Z" in caught.value.message
    assert moment(NOON + ahead) in caught.value.message
    assert "timedatectl" in caught.value.hint


@pytest.mark.parametrize("date", ["", "tomorrow", "Mon, 23 Nov 99999 12:00:00 GMT"])
def test_answers_without_a_date(date: str) -> None:
    """An answer without a date proves nothing about the clock."""
    assert clocks(0, date).ok is None
    assert probes.clocks({}, NOON, "aws").ok is None


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the variables of proxies."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


PROXY = "http://user:pAsswOrd@proxy.example:3128"


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        pytest.param({}, "aws.example", 443, id="none"),
        pytest.param({"HTTPS_PROXY": PROXY}, "proxy.example", 3128, id="HTTPS_PROXY"),
        pytest.param({"https_proxy": "proxy.example"}, "proxy.example", 80, id="only a name"),
        pytest.param({"ALL_PROXY": "https://proxy.example"}, "proxy.example", 443, id="ALL_PROXY"),
        pytest.param({"HTTP_PROXY": PROXY}, "aws.example", 443, id="HTTP_PROXY is not for https"),
        pytest.param({"HTTPS_PROXY": PROXY, "NO_PROXY": ".example"}, "aws.example", 443, id="NO_PROXY"),
    ],
)
def test_proxies(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str, port: int) -> None:
    """The first connection goes to the proxy of the environment; its password is not kept."""
    without_proxies(monkeypatch)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    to = probes.target("aws.example")
    assert (to.host, to.port) == (host, port)
    assert to.proxy is (host == "proxy.example")
    assert "pAsswOrd" not in repr(to)


@pytest.mark.parametrize(("variable", "link"), [("HTTPS_PROXY", "proxy"), ("", "DNS")])
def test_a_name_that_is_looked_up_for_ever(variable: str, link: str) -> None:
    """If the name is the proxy's, the proxy is blamed, as for a name without an address."""
    assert probes.unresolved(probes.Target("name", 1, "it", variable), "25 s").link == link


def test_a_proxy_that_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY with an invalid port breaks the link `proxy`; its text is not quoted."""
    without_proxies(monkeypatch)
    monkeypatch.setenv("https_proxy", "http://user:pAsswOrd@proxy:x")
    with pytest.raises(CredentialsError) as caught:
        probes.target("aws.example")
    assert caught.value.link == "proxy"
    assert "pAsswOrd" not in caught.value.message


@pytest.mark.parametrize(("endpoint", "host", "port"), [("[::1]:8443", "::1", 8443), ("a.example", "a.example", 443)])
def test_targets(monkeypatch: pytest.MonkeyPatch, endpoint: str, host: str, port: int) -> None:
    """An endpoint is HOST or HOST:PORT, the port 443 without it."""
    without_proxies(monkeypatch)
    assert probes.target(endpoint)[:2] == (host, port)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"A": 1, "B": "x"}', "18 bytes, 2 keys"),
        ('{"A": 1}', "8 bytes, 1 key"),
        ("[1]", "3 bytes, not a JSON object"),
        ("hunter2", "7 bytes, not JSON"),
        ("é", "2 bytes, not JSON"),
        (b"\xff\x00", "2 bytes, binary, not JSON"),
        ("[" * 100_000, "100000 bytes, not JSON"),
    ],
)
def test_what_is_said_of_a_secret(content: str | bytes, words: str) -> None:
    """Version, stage, size and number of keys."""
    secret = settings("prod/app").secrets[0]
    step = probes.read("secret", Reading(secret=secret, content=content, version="v1", created=None, note=""), NOON)
    assert step.text == f"prod/app: version v1, AWSCURRENT, {words}"


def test_what_is_said_of_a_binary_secret() -> None:
    """Where a variable gets the whole of a binary secret, it gets base64, and the step says so."""
    secret = settings("prod/blob").secrets[0]
    reading = Reading(secret=secret, content=b"\xff\x00", version="v1", created=None, note="")
    assert probes.read("secret", reading, NOON, ["BLOB"]).text.endswith(
        "AWSCURRENT, 2 bytes, BLOB: base64 of a binary value"
    )
    text = Reading(secret=secret, content="hunter2", version="v1", created=None, note="")
    assert "base64" not in probes.read("secret", text, NOON, ["BLOB"]).text


@pytest.mark.parametrize(("seconds", "words"), [(30.0, "30 s"), (7300.0, "2.0 h"), (30 * 86400.0, "30 days")])
def test_how_old_a_version_is(seconds: float, words: str) -> None:
    """The age of the version tells whether a rotation has arrived."""
    reading = Reading(secret=settings("a").secrets[0], content="{}", version="v1", created=NOON - seconds, note="")
    assert f"AWSCURRENT, created {words} ago, 2 bytes" in probes.read("secret", reading, NOON).text


def test_the_identity_that_aws_sees() -> None:
    """Expiry, lifetime, role alias and certificate id; nothing of the credentials, not even the key's id."""
    found = Credentials(
        access_key_id="ASIAEXAMPLE",
        secret_access_key="s3cr3t",
        session_token="t0ken",
        expiration=NOON,
        obtained=NOON - 3599.5,
    )
    device = settings("a", SECRETENV_THING_NAME="lamp").device
    step = probes.exchanged(device, found, "c0ffee")
    assert step.text == (
        "role alias alias, thing lamp: credentials for 60 min, until 2026-11-23T12:00:00Z; "
        "AWS sees the certificate c0ffee"
    )


def test_names_of_a_certificate_are_one_line(tmp_path: Path) -> None:
    """The names in a certificate cannot move the cursor or begin a line."""
    path = write(tmp_path / "c.crt", make_certificate(ec_key(), "dev\x1b[2Jice\nok"))
    device = settings("a", SECRETENV_CERT=path).device
    step = probes.certificate_file(device, certificate.said_by(certificate.read_certificate(device)))
    assert step.text == f"{path}: dev [2Jice ok, issued by dev [2Jice ok"
