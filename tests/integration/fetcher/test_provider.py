"""The fetcher against the sandbox's credentials provider, and what it refuses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from secretenv.errors import CertificateError, CredentialsError, SecretError
from secretenv.sandbox import Reply, Request, Sandbox
from tests.unit.identity.certificates import certificate, ec_key, write

from .fetching import VALUE, changed, device_of, fetch, secret

if TYPE_CHECKING:
    from pathlib import Path

APP = secret("sandbox/app")


@pytest.mark.parametrize(
    ("who", "link", "transient"),
    [
        pytest.param({"stranger": True, "registered": False}, "certificate", True, id="of another CA"),
        pytest.param({"registered": False}, "certificate", False, id="not registered"),
        pytest.param({"active": False}, "certificate", False, id="inactive"),
        pytest.param({"permitted": False}, "policy", False, id="no policy"),
    ],
)
def test_refused_certificates(aws: Sandbox, who: dict[str, Any], link: str, transient: bool) -> None:  # noqa: FBT001
    """A refused certificate is named, in the handshake and after it."""
    error = fetch(device_of(aws, aws.device(**who)), APP).error
    assert isinstance(error, CredentialsError)
    assert (error.link, error.transient) == (link, transient)
    assert "aws iot" in error.hint
    assert aws.requests == ()


def test_an_expired_certificate_is_not_even_shown(aws: Sandbox) -> None:
    """An expired certificate is an error before the network is asked."""
    error = fetch(device_of(aws, aws.device(expired=True)), APP).error
    assert isinstance(error, CertificateError)
    assert (error.link, error.transient) == ("certificate", False)
    assert aws.exchanges == ()


@pytest.mark.parametrize(
    ("name", "how", "link"),
    [
        ("gone", {"alias_exists": False}, "role alias"),
        ("forbidden", {"permitted": False}, "policy"),
        ("no-role", {"role_exists": False}, "role"),
        ("too-long", {"duration": 43200, "max_session": 3600}, "role"),
        (
            "no-trust",
            {
                "trust": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
                    ],
                }
            },
            "role",
        ),
    ],
)
def test_refused_aliases(aws: Sandbox, name: str, how: dict[str, Any], link: str) -> None:
    """Faults of role alias, role and policy are told apart."""
    error = fetch(device_of(aws, role_alias=aws.alias(name, **how)), APP).error
    assert isinstance(error, CredentialsError)
    assert (error.link, error.transient) == (link, False)
    assert "request id" in error.message


def test_wrong_thing(aws: Sandbox) -> None:
    """A thing that is not the certificate's is refused."""
    error = fetch(device_of(aws, thing_name="another"), APP).error
    assert (error.link, error.transient) == ("thing name", False)


def test_wrong_endpoint(aws: Sandbox) -> None:
    """The data endpoint is recognised."""
    error = fetch(device_of(aws, endpoint=aws.data_endpoint), APP).error
    assert (error.link, error.transient) == ("endpoint", False)
    assert "data endpoint" in error.message


@pytest.mark.parametrize("offset", [-7200, 14 * 3600])
def test_clock(aws: Sandbox, offset: float) -> None:
    """Credentials that cannot be by this clock are the clock's fault."""
    aws.clock_offset = offset
    error = fetch(device_of(aws), APP).error
    assert (error.link, error.transient) == ("clock", True)


def test_clock_of_secrets_manager(aws: Sandbox) -> None:
    """A clock that is off by more than five minutes is reported by Secrets Manager."""
    aws.clock_offset = 1200
    error = fetch(device_of(aws), APP).error
    assert isinstance(error, SecretError)
    assert (error.link, error.transient) == ("clock", True)


def test_untrusted_server(aws: Sandbox) -> None:
    """Without --ca the sandbox is not trusted; permanent."""
    error = fetch(device_of(aws, ca=""), APP).error
    assert isinstance(error, CredentialsError)
    assert (error.link, error.transient) == ("TLS", False)
    assert aws.requests == ()


def test_given_roots_are_the_only_ones(aws: Sandbox, tmp_path: Path) -> None:
    """With --ca nobody else is trusted: not those either whom requests would add."""
    others = write(tmp_path / "others.pem", certificate(ec_key(), "others"))
    program = f"import certifi; certifi.where = lambda: {str(aws.ca)!r}\nimport requests.adapters as adapters"
    program += "\nassert adapters.DEFAULT_CA_BUNDLE_PATH == certifi.where()"
    error = fetch(device_of(aws, ca=others), APP, program=program).error
    assert (error.link, error.transient) == ("TLS", False)
    assert fetch(device_of(aws, ca=""), APP, program=program).answer.variables == VALUE


def test_roots_of_the_environment_do_not_count(aws: Sandbox) -> None:
    """REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE say nothing about the credentials provider."""
    variables = {"REQUESTS_CA_BUNDLE": str(aws.ca), "CURL_CA_BUNDLE": str(aws.ca), "SSL_CERT_FILE": str(aws.ca)}
    assert fetch(device_of(aws, ca=""), APP, variables=variables).error.link == "TLS"


def test_wrong_host_name(aws: Sandbox) -> None:
    """A server with a certificate for another name is not spoken to."""
    endpoint = aws.endpoint.replace("localhost", "127.0.0.2")
    error = fetch(device_of(aws, endpoint=endpoint), APP).error
    # The sandbox listens on 127.0.0.1 alone: whichever it is, nothing was sent.
    assert error.link in ("TLS", "connection")
    assert aws.exchanges == ()


@pytest.mark.parametrize(
    ("reply", "link", "transient"),
    [
        (Reply(status=200, body=b"<html>Welcome</html>"), "endpoint", True),
        (Reply(status=302, headers={"Location": "https://localhost:1/"}), "endpoint", True),
        (Reply(status=429, body=b'{"message": "Rate exceeded"}'), "throttling", True),
        (Reply(status=503, body=b'{"message": "Service Unavailable"}'), "endpoint", True),
        (Reply(status=200, body=b"x" * (5 << 20)), "endpoint", True),
    ],
)
def test_answers_of_the_provider(aws: Sandbox, reply: Reply, link: str, transient: bool) -> None:  # noqa: FBT001
    """Redirects are not followed, large answers not read, and what is not AWS's passes."""
    aws.on_request = lambda request: reply if request.service == "credentials" else None
    error = fetch(device_of(aws), APP).error
    assert isinstance(error, CredentialsError)
    assert (error.link, error.transient) == (link, transient)


def test_provider_hangs_up(aws: Sandbox) -> None:
    """A connection that is closed without an answer after the handshake may be a refused certificate: it passes."""

    def hang_up(request: Request) -> Reply | None:
        if request.service == "credentials":
            raise ConnectionError
        return None

    aws.on_request = hang_up
    error = fetch(device_of(aws), APP).error
    assert (error.link, error.transient) == ("certificate", True)
    assert str(aws.first.cert) in error.message


def test_half_renewed_pair(aws: Sandbox) -> None:
    """A pair that does not match is an error of the certificate; credentials that are left go on being used."""
    other = aws.device()
    mixed = device_of(aws, key=str(other.key))
    assert isinstance(fetch(mixed, APP).error, CertificateError)
    found = fetch(device_of(aws), APP)
    old = found.answer.credentials
    assert old is not None
    aging = changed(old, obtained=old.obtained - 3600, expiration=time.time() + 200)
    again = fetch(mixed, APP, credentials=aging)
    assert again.answer.variables == VALUE
    assert "could not get new credentials; using the old ones" in again.answer.warnings[0]
    short = changed(aging, expiration=time.time() + 30)
    assert fetch(mixed, APP, credentials=short).error.link == "key of another certificate"


def test_provider_down_with_credentials_left(aws: Sandbox) -> None:
    """When the provider is down, old credentials are used to their end; a refusal of it counts at once."""
    old = fetch(device_of(aws), APP).answer.credentials
    assert old is not None
    aging = changed(old, obtained=old.obtained - 3600, expiration=time.time() + 200)
    aws.on_request = lambda request: Reply(status=503) if request.service == "credentials" else None
    found = fetch(device_of(aws), APP, credentials=aging)
    assert found.answer.variables == VALUE
    assert found.answer.credentials == aging
    aws.on_request = None
    assert fetch(device_of(aws, role_alias="gone"), APP, credentials=aging).error.link in ("policy", "role alias")
