"""Secrets Manager: what is asked of it, and that any answer is a secret or a classified error. No network."""

from __future__ import annotations

import io
import json
import ssl
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from secretenv.credentials import Credentials
from secretenv.defects import as_error
from secretenv.errors import FetcherError, SecretError
from secretenv.fetcher import batches
from secretenv.fetcher.secretsmanager import Reader
from secretenv.identity import provider_errors
from secretenv.settings import Device, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

MARKER = "v4lue-that-must-not-show"
KEYS = Credentials(access_key_id="ASIA", secret_access_key="s", session_token="token", expiration=2e9, obtained=1.9e9)


def device(**fields: Any) -> Device:
    """Return a device; what is not given is not set."""
    return Device.from_json({**dict.fromkeys(Device.fields(), ""), "batch": False, "region": "eu-west-1", **fields})


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
        self.to: Callable[[Any], Any] | None = None  # what makes the JSON of an answer of that of a request
        self.requests: list[Any] = []
        for client in reader._clients.values():  # noqa: SLF001 - the seam that botocore has for it
            client.meta.events.register("before-send.secretsmanager", self.answer)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """Return the answer."""
        self.requests.append(request)
        body = json.dumps(self.to(json.loads(request.body))).encode() if self.to else self.body
        return AWSResponse(request.url, self.status, {}, Raw(body))


def wired(*secrets: Secret, **fields: Any) -> tuple[Reader, Wire]:
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


@settings(deadline=None)
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


def arn_of(name: str, account: int = 111122223333, region: str = "eu-west-1") -> str:
    """Return the whole ARN of a secret."""
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf"


BATCH_READER, BATCH_WIRE = wired(secret(), secret(arn_of("app", region="us-west-2")), batch=True)


def value_of(name: str, arn: str = "") -> dict[str, Any]:
    """Return the entry of a value, which is the ARN."""
    arn = arn or arn_of(name)
    return {"ARN": arn, "Name": name, "VersionId": "v" * 32, "SecretString": arn}


def values_of(request: Any) -> dict[str, Any]:
    """Answer with a value for each name that is asked for, the last one first."""
    return {"SecretValues": [value_of(name) for name in reversed(request["SecretIdList"])]}


def names(count: int) -> list[str]:
    """Return names of secrets."""
    return [f"app-{number}" for number in range(count)]


def wired_batch(to: Callable[[Any], Any] | None, status: int = 200, calls: int = 1) -> tuple[Reader, Wire]:
    """Return a reader of batches, with these answers: the common one, if no second call can outlive an error."""
    reader, wire = (BATCH_READER, BATCH_WIRE) if calls == 1 else wired(secret(), batch=True)
    wire.to, wire.status = to, status
    wire.requests.clear()
    return reader, wire


def read_batch(ids: list[str], to: Callable[[Any], Any]) -> tuple[list[str | bytes], Wire]:
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
    """--batch: BatchGetSecretValue with 20 ids a call and nothing else, be it for one; the order is ours."""
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
    expected = provider_errors.of_secrets_manager("app-1", "AWSCURRENT", "eu-west-1", response)
    error = {"SecretId": named, "ErrorCode": code, "Message": message}
    found = refused_batch(names(3), lambda _: {"SecretValues": [*map(value_of, ("app-0", "app-2"))], "Errors": [error]})
    assert found.to_json() == expected.to_json()


def test_first_error_of_batches() -> None:
    """Of several errors the first by the order of the secrets is told, whichever batch it is in."""

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
    """An answer without values and without errors is not one of Secrets Manager; that may pass."""
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


@settings(deadline=None)
@given(statuses, st.binary(max_size=200) | batch_documents.map(lambda document: json.dumps(document).encode()))
def test_any_answer_to_a_batch(status: int, body: bytes) -> None:
    """Whatever comes back for a batch is a secret or a classified error that shows nothing of it."""
    expect_any(*wired_batch(None), status, body)


OURS, THEIRS = 111122223333, 444455556666
existing = st.tuples(
    st.sampled_from([OURS, THEIRS]),
    # Names that look like parts of each other's ARNs.
    st.sampled_from(["app", "app-backup", "app-AbCdEf", "app-AbCdEf-AbCdEf", "a/app", "backup"]),
)


class Account:
    """Secrets Manager as far as it finds secrets by their ids."""

    def __init__(self, secrets: set[tuple[int, str]], failing: set[tuple[int, str]], *, echo: bool) -> None:
        self._secrets, self._failing, self._echo = secrets, failing, echo

    def find(self, secret_id: str) -> tuple[int, str] | None:
        """Return the secret of a name, of our account, of a whole or of a partial ARN."""
        if not secret_id.startswith("arn:"):
            return (OURS, secret_id) if (OURS, secret_id) in self._secrets else None
        whole = {arn_of(name, account): (account, name) for account, name in self._secrets}
        partial = {arn[:-7]: found for arn, found in whole.items()}
        return whole.get(secret_id) or partial.get(secret_id)

    def fails(self, secret_id: str) -> bool:
        """Tell whether a secret is missing or refused."""
        found = self.find(secret_id)
        return found is None or found in self._failing

    def answer(self, ids: list[str]) -> tuple[list[Any], list[Any]]:
        """Return values, each once, and errors, whose SecretId is the id as it was asked for or the whole ARN."""
        values: dict[Any, Any] = {}
        errors = []
        for each in ids:
            found = self.find(each)
            if found is None or found in self._failing:
                named = each if self._echo or found is None else arn_of(found[1], found[0])
                errors.append({"SecretId": named, "ErrorCode": "DecryptionFailure"})
            else:
                values[found] = value_of(found[1], arn_of(found[1], found[0]))
        return list(values.values()), errors


@settings(deadline=None)
@given(st.sets(existing, min_size=1), st.sets(existing), st.booleans(), st.data())
def test_answers_find_their_ids(
    secrets: set[tuple[int, str]],
    failing: set[tuple[int, str]],
    echo: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    """Whatever secrets there are, here and in another account, and by whichever id: each gets its own answer."""
    account = Account(secrets, failing, echo=echo)
    every = {arn_of(name, number) for number, name in secrets}
    possible = every | {arn[:-7] for arn in every} | {name for _, name in secrets} | {"nowhere"}
    asked = data.draw(st.lists(st.sampled_from(sorted(possible)), min_size=1, unique=True))
    calls = batches.calls(dict.fromkeys(asked, "eu-west-1"), "eu-west-1")
    assert sorted(each for _, ids in calls for each in ids) == sorted(asked)
    for _, ids in calls:
        values, errors = account.answer(ids)
        entries = batches.by_id(data.draw(st.permutations(values)), data.draw(st.permutations(errors)))
        for each in ids:
            if account.fails(each):
                assert "ErrorCode" in entries[each]
            else:
                number, name = account.find(each) or (0, "")
                assert entries[each].get("SecretString") == arn_of(name, number)


@given(st.lists(st.sampled_from(["app", arn_of("app")[:-7], *names(60), *map(arn_of, names(60))]), unique=True))
def test_calls_are_few(ids: list[str]) -> None:
    """As few calls as there can be, 20 ids each; one more only where an ARN may be that of a name beside it."""
    calls = batches.calls(dict.fromkeys(ids, "eu-west-1"), "eu-west-1")
    assert all(len(asked) <= 20 for _, asked in calls)
    both = any(arn_of(each) in ids or arn_of(each)[:-7] in ids for each in ids if not each.startswith("arn:"))
    assert len(calls) <= -(-len(ids) // 20) + both


def test_equal_names_of_two_regions() -> None:
    """A name and an ARN of another region cannot be mixed up: they are in two calls anyway, and not in three."""
    there = [arn_of(name, region="us-west-2") for name in ("app", "other")]
    regions = {"app": "eu-west-1", **dict.fromkeys(there, "us-west-2")}
    assert batches.calls(regions, "eu-west-1") == [("eu-west-1", ["app"]), ("us-west-2", there)]


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
    with pytest.raises(SecretError, match="no client for region eu-west-1") as caught:
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
