"""Secrets Manager: what is asked of it, and that any answer is a secret or a classified error. No network."""

from __future__ import annotations

import io
import json
import ssl
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from secretenv.credentials import Credentials
from secretenv.defects import as_error
from secretenv.errors import FetcherError, SecretError
from secretenv.fetcher import batches
from secretenv.fetcher.secretsmanager import Reader
from secretenv.fetcher.secretsmanager_errors import of_secrets_manager

from .secrets import ARN, arn_of, device, names, secret, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.settings import Secret

MARKER = "v4lue-that-must-not-show"
KEYS = Credentials(access_key_id="ASIA", secret_access_key="s", session_token="token", expiration=2e9, obtained=1.9e9)


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Any:
        """Yield it."""
        yield self.read()


class Wire:
    """Answers in place of the network, and remembers the requests."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.to: Callable[[Any], Any] | None = None  # what makes the JSON of an answer of that of a request
        self.requests: list[Any] = []

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """Return the answer."""
        self.requests.append(request)
        body = json.dumps(self.to(json.loads(request.body))).encode() if self.to else self.body
        return AWSResponse(request.url, self.status, {}, Raw(body))


def wired(*secrets: Secret, **fields: Any) -> tuple[Reader, Wire]:
    """Return a reader whose requests go nowhere."""
    wire = Wire()
    return Reader(device(**fields), secrets, wire.answer), wire


READER, WIRE = wired(secret())


def test_what_is_asked() -> None:
    """GetSecretValue with the stage and nothing else, signed with the given credentials."""
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
statuses = st.sampled_from([200, 201, 302, 400, 403, 404])


@given(statuses, st.binary(max_size=200) | documents.map(lambda document: json.dumps(document).encode()))
def test_any_answer(status: int, body: bytes) -> None:
    """Whatever comes back is a secret or a classified error that shows nothing of it."""
    expect_any(READER, WIRE, status, body)


def expect_any(reader: Reader, wire: Wire, status: int, body: bytes) -> None:
    """Expect a secret or a classified error of this answer."""
    wire.status, wire.body = status, body
    try:
        reading = reader.read([secret()], KEYS)[0]
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


# BatchGetSecretValue


BATCH_READER, BATCH_WIRE = wired(secret(), secret(arn_of("app", region="us-west-2")), batch=True)


def values_of(request: Any) -> dict[str, Any]:
    """Answer with a value for each name that is asked for, the last one first."""
    return {"SecretValues": [value_of(name) for name in reversed(request["SecretIdList"])]}


def wired_batch(to: Callable[[Any], Any] | None, status: int = 200, calls: int = 1) -> tuple[Reader, Wire]:
    """Return a reader of batches, with these answers: the common one, if no second call can outlive an error."""
    reader, wire = (BATCH_READER, BATCH_WIRE) if calls == 1 else wired(secret(), batch=True)
    wire.to, wire.status = to, status
    wire.requests.clear()
    return reader, wire


def read_batch(ids: list[str], to: Callable[[Any], Any]) -> tuple[list[str | bytes | None], Wire]:
    """Return what the secrets hold by these answers."""
    reader, wire = wired_batch(to)
    return [reading.content for reading in reader.read([secret(each) for each in ids], KEYS)], wire


def refused_batch(ids: list[str], to: Callable[[Any], Any], status: int = 200) -> SecretError:
    """Return the error that these answers lead to."""
    reader, _ = wired_batch(to, status, calls=-(-len(ids) // 20))
    with pytest.raises(SecretError) as caught:
        reader.read([secret(each) for each in ids], KEYS)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (20, [20]), (21, [1, 20]), (45, [5, 20, 20])])
def test_what_a_batch_asks(count: int, sizes: list[int]) -> None:
    """--batch: BatchGetSecretValue with 20 ids a call and nothing else, even for one; in the order of the secrets."""
    contents, wire = read_batch(names(count), values_of)
    assert contents == [arn_of(name) for name in names(count)]
    asked = [json.loads(request.body) for request in wire.requests]
    assert {request.headers["X-Amz-Target"] for request in wire.requests} == {b"secretsmanager.BatchGetSecretValue"}
    assert all(request.keys() == {"SecretIdList"} for request in asked)
    assert sorted(len(request["SecretIdList"]) for request in asked) == sizes
    assert sorted(each for request in asked for each in request["SecretIdList"]) == sorted(names(count))


def test_batches_of_regions() -> None:
    """Secrets of another region are asked for there, in a call of their own."""
    there = [arn_of(name, region="us-west-2") for name in names(2)]
    contents, wire = read_batch(
        [there[0], "app-0", there[1], "app-1"],
        lambda request: {
            "SecretValues": [
                value_of(each.partition("secret:")[2][:-7], each) if each in there else value_of(each)
                for each in request["SecretIdList"]
            ]
        },
    )
    assert contents == [there[0], arn_of("app-0"), there[1], arn_of("app-1")]
    assert sorted((request.url, json.loads(request.body)["SecretIdList"]) for request in wire.requests) == [
        ("https://secretsmanager.eu-west-1.amazonaws.com/", ["app-0", "app-1"]),
        ("https://secretsmanager.us-west-2.amazonaws.com/", there),
    ]


def test_ids_twice() -> None:
    """An id that is asked for twice, for two variables, is sent once and answered twice."""
    contents, wire = read_batch(["app", "app"], values_of)
    assert contents == [arn_of("app")] * 2
    assert [json.loads(request.body) for request in wire.requests] == [{"SecretIdList": ["app"]}]


@pytest.mark.parametrize("named", ["app-1", arn_of("app-1")], ids=["name", "arn"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "not authorized to perform: secretsmanager:GetSecretValue"),
        ("AccessDeniedException", "Access to KMS is not allowed"),
        ("DecryptionFailure", "can't decrypt"),
        ("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        ("ResourceNotFoundException", "can't find the specified secret value for staging label: AWSCURRENT"),
        ("InvalidRequestException", "it was marked for deletion"),
        ("ThrottlingException", "Rate exceeded"),
        ("InternalServiceError", ""),
        ("ExpiredTokenException", "expired"),
    ],
)
def test_errors_in_a_batch(named: str, code: str, message: str) -> None:
    """An error for one secret of a batch is what GetSecretValue's would be, and names that secret."""
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    expected = of_secrets_manager("app-1", "AWSCURRENT", "eu-west-1", response)
    error = {"SecretId": named, "ErrorCode": code, "Message": message}
    found = refused_batch(names(3), lambda _: {"SecretValues": [*map(value_of, ("app-0", "app-2"))], "Errors": [error]})
    assert found.to_json() == expected.to_json()


def test_first_error_of_batches() -> None:
    """Of several errors the first by the order of the secrets is reported, whichever batch it is in."""

    def answer(request: Any) -> Any:
        errors = [{"SecretId": each, "ErrorCode": "DecryptionFailure"} for each in request["SecretIdList"]]
        return {"Errors": list(reversed(errors))}

    assert refused_batch(names(45), answer).message.startswith("secret app-0: DecryptionFailure")


def test_left_out_of_a_batch() -> None:
    """A secret that is neither among the values nor among the errors is an error that names it."""
    error = refused_batch(names(3), lambda _: {"SecretValues": [value_of("app-0"), value_of("app-2")], "Errors": []})
    assert error.message.startswith("secret app-1: ")
    assert "neither" in error.message


@pytest.mark.parametrize(
    ("code", "link", "transient"),
    [("AccessDeniedException", "policy", False), ("ExpiredTokenException", "credentials", False)],
)
def test_refused_batch(code: str, link: str, transient: bool) -> None:  # noqa: FBT001
    """A batch that is refused as a whole names the secrets; refused credentials are known as such."""
    error = refused_batch(names(45), lambda _: {"__type": code, "message": "no"}, 400)
    assert (error.link, error.transient) == (link, transient)
    assert error.message == f"secrets app-0, app-1, app-2 and 17 more: {code}: no"


def test_pages_of_a_batch() -> None:
    """An answer in pages, some of them empty, is read to its end; each page is asked for with the token before."""
    pages: dict[str | None, Any] = {
        None: {"SecretValues": [value_of("app-1")], "NextToken": "second"},
        "second": {"SecretValues": [], "Errors": [], "NextToken": "third"},
        "third": {"SecretValues": [value_of("app-0")]},
    }
    contents, wire = read_batch(names(2), lambda request: pages[request.get("NextToken")])
    assert contents == [arn_of("app-0"), arn_of("app-1")]
    asked = [json.loads(request.body) for request in wire.requests]
    assert asked == [
        {"SecretIdList": names(2)},
        {"SecretIdList": names(2), "NextToken": "second"},
        {"SecretIdList": names(2), "NextToken": "third"},
    ]


def test_batch_that_is_no_answer() -> None:
    """An answer without values and without errors is not from Secrets Manager; that may pass."""
    error = refused_batch(names(5), lambda _: {"hello": "captive"})
    assert (error.link, error.transient) == ("connection", True)
    assert error.message.startswith("secrets app-0, app-1, app-2 and 2 more: secretsmanager.eu-west-1.amazonaws.com ")


def test_pages_without_end() -> None:
    """Pages that never end are given up; that may pass."""
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append(request)
        return {"SecretValues": [], "NextToken": f"page-{len(seen)}"}

    error = refused_batch(["app"], answer)
    assert (error.link, error.transient) == ("connection", True)
    assert len(seen) == batches.PAGES


batch_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["app", ARN, "", "page"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "SecretValues Errors NextToken ARN Name VersionId SecretString SecretId ErrorCode Message".split()  # noqa: SIM905
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(statuses, st.binary(max_size=200) | batch_documents.map(lambda document: json.dumps(document).encode()))
def test_any_answer_to_a_batch(status: int, body: bytes) -> None:
    """Whatever comes back for a batch is a secret or a classified error that shows nothing of it."""
    expect_any(*wired_batch(None), status, body)


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ssl.SSLError("unknown error (_ssl.c:3098)"), True),
        (OSError(12, "no memory"), True),
        (ValueError("no URL"), False),
    ],
)
def test_a_client_without_memory(monkeypatch: pytest.MonkeyPatch, error: Exception, transient: bool) -> None:  # noqa: FBT001
    """What OpenSSL says where there is no memory for its contexts may pass; settings that make no client do not."""
    monkeypatch.setattr("boto3.session.Session.client", Mock(side_effect=error))
    with pytest.raises(SecretError, match="for region eu-west-1") as caught:
        Reader(device(), [secret()])
    assert as_error(caught.value, FetcherError).transient is transient


def test_an_answer_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lack of memory is not reported as an answer of somebody else: the boundary finds it behind the error."""
    client = Mock(get_secret_value=Mock(side_effect=MemoryError))
    client.meta.endpoint_url = "https://aws"
    monkeypatch.setattr("boto3.session.Session.client", Mock(return_value=client))
    with pytest.raises(SecretError) as caught:
        Reader(device(), [secret()]).read([secret()], KEYS)
    assert "out of memory" in as_error(caught.value, FetcherError, "the fetcher").message
