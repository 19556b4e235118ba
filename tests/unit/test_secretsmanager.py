"""Secrets Manager: what is asked of it, and that any answer is a secret or a classified error. No network."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from secretenv.errors import SecretError
from secretenv.secretsmanager import Reader, region_of
from secretenv.settings import Device, Secret
from secretenv.temporary import Credentials

MARKER = "v4lue-that-must-not-show"
KEYS = Credentials(access_key_id="ASIA", secret_access_key="s", session_token="token", expiration=2e9, obtained=1.9e9)


def device(**fields: str) -> Device:
    """Return a device; what is not given is not set."""
    return Device.from_json({**dict.fromkeys(Device.fields(), ""), "region": "eu-west-1", **fields})


def secret(secret_id: str = "app", stage: str = "AWSCURRENT") -> Secret:
    """Return the settings of a secret."""
    return Secret(
        id=secret_id, name="", version_stage=stage, prefix="", upcase=False, sanitize=False, only=(), except_=()
    )


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Any:
        """Yield it."""
        yield self.read()


class Wire:
    """Answers in the place of the network, and remembers the requests."""

    def __init__(self, reader: Reader) -> None:
        self.status, self.body = 200, b""
        self.requests: list[Any] = []
        for client in reader._clients.values():  # noqa: SLF001 - the seam that botocore has for it
            client.meta.events.register("before-send.secretsmanager", self.answer)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """Return the answer."""
        self.requests.append(request)
        return AWSResponse(request.url, self.status, {}, Raw(self.body))


def wired(*secrets: Secret, **fields: str) -> tuple[Reader, Wire]:
    """Return a reader whose requests go nowhere."""
    reader = Reader(device(**fields), secrets)
    return reader, Wire(reader)


READER, WIRE = wired(secret())


def test_what_is_asked() -> None:
    """GetSecretValue with the stage and nothing else, signed with our credentials."""
    reader, wire = wired(secret(stage="BLUE"))
    wire.body = json.dumps({"VersionId": "v" * 32, "SecretString": MARKER}).encode()
    reading = reader.read([secret(stage="BLUE")], KEYS)[0]
    assert (reading.content, reading.version) == (MARKER, "v" * 32)
    (request,) = wire.requests
    assert request.url == "https://secretsmanager.eu-west-1.amazonaws.com/"
    assert json.loads(request.body) == {"SecretId": "app", "VersionStage": "BLUE"}
    assert request.headers["X-Amz-Target"] == b"secretsmanager.GetSecretValue"
    assert request.headers["X-Amz-Security-Token"] == b"token"
    assert b"Credential=ASIA/" in request.headers["Authorization"]
    assert b"secretenv/" in request.headers["User-Agent"]


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "secretsmanager-fips.eu-west-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://attacker.example.com"}, "secretsmanager.eu-west-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://x.example.com"}, "secretsmanager.eu-west-1.amazonaws.com"),
    ],
)
def test_endpoint(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str) -> None:
    """AWS_USE_FIPS_ENDPOINT keeps its meaning; an endpoint comes from the settings alone, which have looked at it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    reader, wire = wired(secret())
    with pytest.raises(SecretError):
        reader.read([secret()], KEYS)
    assert wire.requests[0].url == f"https://{host}/"


def test_given_endpoint() -> None:
    """The endpoint of the settings is used."""
    reader, wire = wired(secret(), secretsmanager_endpoint="http://127.0.0.1:5000")
    with pytest.raises(SecretError):
        reader.read([secret()], KEYS)
    assert wire.requests[0].url == "http://127.0.0.1:5000/"


ARN = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:app-AbCdEf"


@pytest.mark.parametrize(
    ("secret_id", "region"),
    [("app", "eu-west-1"), ("arn:x", "eu-west-1"), ("a:b:c:d:e:f:g", "eu-west-1"), (ARN, "cn-north-1")],
)
def test_region(secret_id: str, region: str) -> None:
    """A secret's ARN decides the region, else the device's."""
    assert region_of(secret(secret_id), device()) == region


def test_partition() -> None:
    """Another partition has another host."""
    reader, wire = wired(secret(ARN))
    with pytest.raises(SecretError):
        reader.read([secret(ARN)], KEYS)
    assert wire.requests[0].url == "https://secretsmanager.cn-north-1.amazonaws.com.cn/"


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["SecretString", "SecretBinary", "VersionId", "CreatedDate", "__type", "message"]), inner
        )
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.sampled_from([200, 201, 302, 400, 403, 404]),
    st.binary(max_size=200) | documents.map(lambda document: json.dumps(document).encode()),
)
def test_any_answer(status: int, body: bytes) -> None:
    """Whatever comes back is a secret or a classified error that shows nothing of it."""
    WIRE.status, WIRE.body = status, body
    try:
        reading = READER.read([secret()], KEYS)[0]
    except SecretError as caught:
        error = caught
    else:
        assert isinstance(reading.content, str | bytes)
        assert reading.version
        return
    assert error.message.startswith("secret app: ")
    assert error.message.isprintable()
    assert error.hint
    assert error.__suppress_context__ or error.__context__ is None
