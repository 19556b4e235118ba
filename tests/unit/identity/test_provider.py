"""The credentials provider's answers: credentials, or an error that says which link broke."""

from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from secretenv.credentials import Credentials
from secretenv.errors import CredentialsError
from secretenv.identity import provider, provider_errors
from secretenv.identity.certificate import Context
from secretenv.settings import Device

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
MARKER = "t0ken-that-must-not-show"
GOOD = {
    "accessKeyId": "ASIAEXAMPLE",
    "secretAccessKey": MARKER,
    "sessionToken": MARKER,
    "expiration": "2023-11-14T23:13:20Z",
}
DEVICE = Device.from_json(
    {
        **dict.fromkeys(Device.fields(), ""),
        "cert": "device.crt",
        "endpoint": "example.credentials.iot.eu-west-1.amazonaws.com",
        "role_alias": "my-alias",
        "thing_name": "my-thing",
    }
)


def exchange(status: int, body: bytes, headers: dict[str, str] | None = None) -> Credentials:
    """Return what an exchange makes of an answer."""
    reply = (status, CaseInsensitiveDict(headers or {}), body)
    return provider.exchange(DEVICE, Context(ssl.PROTOCOL_TLS_CLIENT), lambda: NOW, lambda *_: reply)


def refusal(status: int, body: Any, headers: dict[str, str] | None = None) -> CredentialsError:
    """Return the error that an answer leads to, which shows no credentials."""
    with pytest.raises(CredentialsError) as caught:
        exchange(status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)
    error = caught.value
    assert MARKER not in f"{error.message} {error.hint}"
    assert error.hint
    assert "example.credentials.iot" in error.message
    return error


def test_good_answer() -> None:
    """An answer with the four texts gives credentials, with the time at which they came, by this clock."""
    found = exchange(200, json.dumps({"credentials": GOOD}).encode())
    assert found == Credentials(
        access_key_id="ASIAEXAMPLE",
        secret_access_key=MARKER,
        session_token=MARKER,
        expiration=NOW + 3600,
        obtained=NOW,
    )
    assert MARKER not in repr(found)
    assert "ASIA" not in repr(found)


@pytest.mark.parametrize("text", ["2023-11-14T23:13:20Z", "2023-11-15T00:13:20+01:00", "2023-11-14T23:13:20"])
def test_expiration_formats(text: str) -> None:
    """The expiration is ISO 8601, UTC unless it says otherwise."""
    assert exchange(200, json.dumps({"credentials": {**GOOD, "expiration": text}}).encode()).expiration == NOW + 3600


# facts-aws.md 1.2, row by row, as the real service was seen to answer.
@pytest.mark.parametrize(
    ("status", "message", "link", "step"),
    [
        (403, "Invalid thing name passed", "thing name", "attach-thing-principal --thing-name my-thing"),
        (403, "Access Denied", "policy", "iot:AssumeRoleWithCertificate on role alias my-alias"),
        (403, "Certificate is invalid on this endpoint", "certificate", "aws iot describe-certificate"),
        (404, "Role alias does not exist", "role alias", "describe-role-alias --role-alias my-alias"),
        (400, "Unable to assume the role, or the role to assume does not exist", "role", "aws iam get-role"),
        (
            400,
            "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role",
            "role",
            "--max-session-duration",
        ),
        (403, "Something new", "policy", "describe-role-alias"),
        (418, "Something new", "endpoint", "describe-role-alias"),
    ],
)
def test_refusals(status: int, message: str, link: str, step: str) -> None:
    """Each refusal names its link, quotes AWS with the request id, says the next step, and is permanent."""
    error = refusal(status, {"message": message}, {"X-Amzn-RequestId": "11112222-3333", "x-amzn-ErrorType": "X"})
    assert error.link == link
    assert message in error.message
    assert "(request id 11112222-3333)" in error.message
    assert step in error.hint
    assert not error.transient


def test_data_endpoint() -> None:
    """The data endpoint, which `aws iot describe-endpoint` names by default, is recognised."""
    error = refusal(404, {"message": "Not Found", "traceId": "1-2-3"})
    assert error.link == "endpoint"
    assert "data endpoint" in error.message
    assert "--endpoint-type iot:CredentialProvider" in error.hint
    assert not error.transient


@pytest.mark.parametrize("body", [{"message": "Rate exceeded"}, b"", b"slow down"])
def test_throttling(body: Any) -> None:
    """429 is throttling, whatever comes with it, and passes."""
    error = refusal(429, body)
    assert (error.link, error.transient) == ("throttling", True)


@pytest.mark.parametrize("status", [400, 403, 503])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"message": "slow down"}, {"x-amzn-ErrorType": "ThrottlingException"}),
        ({"message": "slow down"}, {"x-amzn-ErrorType": "ThrottlingException:http://internal.amazon.com/coral/"}),
        ({"message": "slow down", "__type": "com.amazonaws.iot#ThrottlingException"}, {}),
        ({"message": "slow down", "code": "TooManyRequestsException"}, {}),
        (b"", {"x-amzn-ErrorType": "ThrottlingException"}),
        ({"message": "Rate exceeded"}, {}),
        ({"Message": "Rate Exceeded."}, {}),
        ({"message": "Too Many Requests"}, {}),
    ],
)
def test_throttling_with_another_status(status: int, body: Any, headers: dict[str, str]) -> None:
    """Throttling is throttling with whatever status, if the error's type or its words say so, and passes."""
    error = refusal(status, body, headers)
    assert (error.link, error.transient) == ("throttling", True)


@pytest.mark.parametrize("code", ["InternalFailure", "ServiceUnavailableException", "InternalServerError"])
def test_trouble_of_aws_with_another_status(code: str) -> None:
    """A type that is AWS's own trouble passes, with whatever status."""
    error = refusal(400, {"message": "try again"}, {"x-amzn-ErrorType": code})
    assert (error.link, error.transient) == ("endpoint", True)


@pytest.mark.parametrize(
    ("sentence", "step"),
    [
        (
            "with an explicit deny in an identity-based policy",
            "aws iam list-attached-role-policies --role-name iot-role",
        ),
        ("with an explicit deny in a service control policy", "AWS organization"),
        ("because no VPC endpoint policy allows the action", "aws ec2 describe-vpc-endpoints"),
        ("because no permissions boundary allows the action", "aws iam get-role --role-name iot-role"),
    ],
)
def test_denials_with_their_reason(sentence: str, step: str) -> None:
    """A denial whose sentence ends with the policy that denied it leads there, as for Secrets Manager."""
    user = "User: arn:aws:sts::1:assumed-role/iot-role/s is not authorized to perform: iot:AssumeRoleWithCertificate"
    error = refusal(403, {"message": f"{user} on resource: arn:aws:iot:eu-west-1:1:rolealias/a {sentence}"})
    assert error.link == "policy"
    assert sentence in error.message
    assert step in error.hint


def test_a_policy_for_each_thing() -> None:
    """A denial may mean that the policy has variables of the thing and no thing name is sent; not where one is."""
    nobody = Device.from_json({**DEVICE.to_json(), "thing_name": ""})
    body = {"message": "Access Denied"}
    assert "--thing-name is not set" in provider_errors.of_provider(nobody, 403, body, {}).hint
    assert "--thing-name" not in provider_errors.of_provider(DEVICE, 403, body, {}).hint


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [{"message": "Internal failure"}, b"<html>", b""])
def test_trouble_of_aws(status: int, body: Any) -> None:
    """5xx passes."""
    error = refusal(status, body)
    assert (error.link, error.transient) == ("endpoint", True)
    assert str(status) in error.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"<html>Welcome to the hotel</html>", id="HTML"),
        pytest.param(200, b"", id="nothing"),
        pytest.param(200, b"[" * 60_000, id="nested"),
        pytest.param(200, b"\xff\xfe", id="no text"),
        pytest.param(200, {}, id="other JSON"),
        pytest.param(200, {"credentials": {**GOOD, "sessionToken": None}}, id="no token"),
        pytest.param(200, {"credentials": {**GOOD, "sessionToken": ""}}, id="empty token"),
        pytest.param(200, {"credentials": {**GOOD, "accessKeyId": 7}}, id="a number"),
        pytest.param(200, {"credentials": [GOOD]}, id="an array"),
        pytest.param(200, {"credentials": {**GOOD, "expiration": MARKER}}, id="no time"),
        pytest.param(200, {"credentials": GOOD, "more": "x" * 65_536}, id="over 64 KiB"),
        pytest.param(204, b"", id="204"),
        pytest.param(302, {"message": "this way"}, id="redirect"),
        pytest.param(307, b"", id="other redirect"),
        pytest.param(403, b"<html>Forbidden</html>", id="403 of a portal"),
        pytest.param(404, b"Not Found", id="404 of a portal"),
        pytest.param(404, {"message": ["Not Found"]}, id="a message that is no text"),
        pytest.param(511, b"<html>log in</html>", id="network authentication required"),
    ],
)
def test_answers_of_others(status: int, body: Any) -> None:
    """An answer that is not AWS's, a captive portal's say, passes."""
    error = refusal(status, body)
    assert (error.link, error.transient) == ("endpoint", True)


@pytest.mark.parametrize(
    "expiration",
    [
        "2023-11-14T22:13:20Z",
        "2018-01-18T09:18:06Z",
        "2023-11-15T11:13:21Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_clock(expiration: str) -> None:
    """An expiration in the past, or more than 13 hours ahead, is this clock's fault: both clocks are shown."""
    error = refusal(200, {"credentials": {**GOOD, "expiration": expiration}}, {"Date": "Wed, 15 Nov 2023 10:00:00 GMT"})
    assert (error.link, error.transient) == ("clock", True)
    assert "2023-11-14T22:13:20Z" in error.message
    assert "2023-11-15T10:00:00Z" in error.message
    assert "date -u" in error.hint


@pytest.mark.parametrize("date", [None, "", "yesterday", "Wed, 15 Nov 99999 10:00:00 GMT"])
def test_clock_without_date(date: str | None) -> None:
    """The Date header may be missing or nonsense."""
    headers = {} if date is None else {"Date": date}
    assert (
        "sent no date" in refusal(200, {"credentials": {**GOOD, "expiration": "2018-01-18T09:18:06Z"}}, headers).message
    )


def test_quotes_are_tame() -> None:
    """AWS's words are quoted as one printable line of at most 2,000 characters."""
    error = refusal(403, {"message": "a\n\x1b[31mb\u202e" + "x" * 10_000}, {"x-amzn-RequestId": "r" * 1000})
    assert error.message.isprintable()
    assert len(error.message) < 2300


texts = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
documents = st.recursive(
    texts,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["message", "credentials", "traceId", *GOOD]) | st.text(), inner)
    ),
)


@given(
    st.sampled_from([200, 204, 302, 400, 403, 404, 429, 500, 503, 999]),
    st.binary() | documents.map(lambda document: json.dumps(document).encode()),
    st.dictionaries(st.sampled_from(["Date", "x-amzn-RequestId"]), st.text()),
)
def test_any_answer(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Whatever comes back is a classified error."""
    with pytest.raises(CredentialsError) as caught:
        exchange(status, body, headers)
    assert caught.value.message.isprintable()
    assert caught.value.hint


@given(st.fixed_dictionaries({name: texts | st.just(value) for name, value in GOOD.items()}))
def test_nearly_good_answers(fields: dict[str, Any]) -> None:
    """An answer that looks like credentials is credentials or a classified error."""
    try:
        found = exchange(200, json.dumps({"credentials": fields}).encode())
    except CredentialsError:
        return
    assert NOW < found.expiration <= NOW + 13 * 3600
