"""The sandbox's credentials provider answers as AWS's does: asked by plain `requests`, not by secretenv."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests

from secretenv.sandbox import Reply, Sandbox
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.sandbox import Device, Request


def ask(
    sandbox: Sandbox, device: Device | None = None, *, alias: str = "sandbox-alias", thing: str = "", endpoint: str = ""
) -> requests.Response:
    """Ask for credentials as a device does."""
    device = device or sandbox.first
    with requests.Session() as session:
        session.trust_env = False
        return session.get(
            f"https://{endpoint or sandbox.endpoint}/role-aliases/{alias}/credentials",
            cert=(str(device.cert), str(device.key)),
            verify=str(sandbox.ca),
            headers={"x-amzn-iot-thingname": thing} if thing else {},
            timeout=20,
        )


def address(sandbox: Sandbox) -> tuple[str, int]:
    """Return where the credentials provider listens."""
    return "127.0.0.1", int(sandbox.endpoint.rpartition(":")[2])


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("key_format", ["pkcs8", "traditional"])
def test_a_registered_certificate_gets_credentials(sandbox: Sandbox, kind: Any, key_format: Any) -> None:
    """RSA and EC certificates get the four fields of temporary credentials, with a lifetime of an hour."""
    answer = ask(sandbox, sandbox.device(kind=kind, key_format=key_format))

    assert answer.status_code == 200
    credentials = answer.json()["credentials"]
    assert credentials.keys() == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    assert credentials["accessKeyId"].startswith("ASIA")
    left = datetime.strptime(credentials["expiration"], "%Y-%m-%dT%H:%M:%S%z") - datetime.now(UTC)
    assert timedelta(minutes=59) < left < timedelta(minutes=61)


def test_the_attached_thing_may_be_named(sandbox: Sandbox) -> None:
    """The thing-name header is accepted for a thing that is attached to the certificate."""
    assert ask(sandbox, thing=sandbox.first.name).status_code == 200
    assert sandbox.exchanges[0].thing_name == sandbox.first.name


def untrusting(_sandbox: Sandbox) -> dict[str, Any]:
    """Return a trust policy for another service."""
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


CERTIFICATE = "Certificate is invalid on this endpoint"
ASSUME = "Unable to assume the role, or the role to assume does not exist"
DURATION = "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role"


@pytest.mark.parametrize(
    ("arrange", "status", "message", "kind"),
    [
        pytest.param(
            lambda s: {"thing": "another-thing"}, 403, "Invalid thing name passed", "AccessDeniedException", id="thing"
        ),
        pytest.param(
            lambda s: {"thing": s.device().name},
            403,
            "Invalid thing name passed",
            "AccessDeniedException",
            id="thing of another certificate",
        ),
        pytest.param(
            lambda s: {"device": s.device(permitted=False)},
            403,
            "Access Denied",
            "AccessDeniedException",
            id="no IoT policy on the certificate",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("not-permitted", permitted=False)},
            403,
            "Access Denied",
            "AccessDeniedException",
            id="IoT policy for another alias",
        ),
        pytest.param(
            lambda s: {"alias": "a-typo"}, 403, "Access Denied", "AccessDeniedException", id="alias typo, narrow policy"
        ),
        pytest.param(
            lambda s: {"device": s.device(registered=False)},
            403,
            CERTIFICATE,
            "AccessDeniedException",
            id="unknown certificate",
        ),
        pytest.param(
            lambda s: {"device": s.device(active=False)},
            403,
            CERTIFICATE,
            "AccessDeniedException",
            id="inactive certificate",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("gone", alias_exists=False)},
            404,
            "Role alias does not exist",
            "ResourceNotFoundException",
            id="no such alias",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("roleless", role_exists=False)},
            400,
            ASSUME,
            "InvalidRequestException",
            id="no such role",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("untrusting", trust=untrusting(s))},
            400,
            ASSUME,
            "InvalidRequestException",
            id="role does not trust the provider",
        ),
        pytest.param(
            lambda s: {"alias": s.alias("too-long", duration=7200)},
            400,
            DURATION,
            "InvalidRequestException",
            id="duration",
        ),
    ],
)
def test_refusals(
    sandbox: Sandbox, arrange: Callable[[Sandbox], dict[str, Any]], status: int, message: str, kind: str
) -> None:
    """Each refusal has AWS's status and message, its x-amzn-ErrorType and a request id."""
    answer = ask(sandbox, **arrange(sandbox))

    assert (answer.status_code, answer.json()) == (status, {"message": message})
    assert answer.headers["x-amzn-ErrorType"] == kind
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["Content-Type"] == "application/json"
    assert [(seen.status, seen.message) for seen in sandbox.exchanges] == [(status, message)]


def test_the_data_endpoint_knows_no_role_aliases(sandbox: Sandbox) -> None:
    """The wrong type of endpoint answers 404 Not Found with a trace id, and is no exchange."""
    answer = ask(sandbox, endpoint=sandbox.data_endpoint)

    assert answer.status_code == 404
    assert answer.json().keys() == {"message", "traceId"}
    assert answer.json()["message"] == "Not Found"
    assert sandbox.exchanges == ()


@pytest.mark.parametrize(
    ("wrong", "alert"),
    [
        pytest.param({"stranger": True}, "unknown ca", id="stranger"),
        pytest.param({"expired": True}, "certificate expired", id="expired"),
    ],
)
def test_tls_refuses_a_certificate(sandbox: Sandbox, wrong: dict[str, Any], alert: str) -> None:
    """A certificate of a stranger's CA, or an expired one, meets a TLS alert and no HTTP answer."""
    with pytest.raises(requests.exceptions.SSLError, match=alert.replace(" ", "[ _]")):
        ask(sandbox, sandbox.device(**wrong))
    until(lambda: [seen.status for seen in sandbox.exchanges] == [0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_wants_a_certificate(sandbox: Sandbox, version: ssl.TLSVersion) -> None:
    """Without a client certificate: refused, with TLS 1.2 in the handshake, with TLS 1.3 at the first read."""
    context = ssl.create_default_context(cafile=str(sandbox.ca))
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(address(sandbox), timeout=20) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)alert"),
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.recv(1)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_is_not_older_than_1_2(sandbox: Sandbox) -> None:
    """A client that speaks TLS 1.1 at most is refused."""
    context = ssl.create_default_context(cafile=str(sandbox.ca))
    context.set_ciphers("ALL:@SECLEVEL=0")  # what it takes to offer it at all
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(sandbox.first.cert, sandbox.first.key)
    with (
        socket.create_connection(address(sandbox), timeout=20) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol[ _]version"),
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def test_the_client_must_trust_the_ca(sandbox: Sandbox) -> None:
    """A client that does not trust the sandbox's CA refuses the server."""
    cert = (str(sandbox.first.cert), str(sandbox.first.key))
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"https://{sandbox.endpoint}/role-aliases/sandbox-alias/credentials", cert=cert, timeout=20)


def test_an_encrypted_key_needs_its_password(sandbox: Sandbox) -> None:
    """An encrypted key loads with the password of the file beside it, and not without."""
    device = sandbox.device(encrypted_with="open sesame")
    assert device.password_file is not None
    assert sandbox.environment(device)["SECRETENV_KEY_PASSWORD_FILE"] == str(device.password_file)
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(device.cert, device.key, password="wrong")
    context.load_cert_chain(device.cert, device.key, password=device.password_file.read_text().removesuffix("\n"))


def test_an_exchange_is_counted(sandbox: Sandbox) -> None:
    """Each attempt is recorded with who asked for what, under which server name; a reset forgets them."""
    ask(sandbox)

    (seen,) = sandbox.exchanges
    assert (seen.status, seen.role_alias, seen.server_name) == (200, "sandbox-alias", "localhost")
    assert seen.certificate_id == sandbox.first.certificate_id
    sandbox.reset()
    assert sandbox.exchanges == ()


def test_aws_has_a_clock_of_its_own(sandbox: Sandbox) -> None:
    """With an offset AWS's Date header and expirations are ahead of this machine."""
    sandbox.clock_offset = 7200
    answer = ask(sandbox)

    ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < ahead < timedelta(minutes=121)
    expiration = datetime.strptime(answer.json()["credentials"]["expiration"], "%Y-%m-%dT%H:%M:%S%z")
    assert timedelta(minutes=179) < expiration - datetime.now(UTC) < timedelta(minutes=181)


def test_a_policy_may_come_from_the_group_of_a_thing(sandbox: Sandbox) -> None:
    """A certificate inherits the IoT policy of the thing group that its thing is in."""
    device = sandbox.device(permitted=False)
    iot = sandbox.operator.client("iot")
    group = iot.create_thing_group(thingGroupName="fleet")
    iot.attach_policy(policyName="sandbox-alias-policy", target=group["thingGroupArn"])
    assert ask(sandbox, device).status_code == 403

    iot.add_thing_to_thing_group(thingGroupName="fleet", thingName=device.name)

    assert ask(sandbox, device).status_code == 200


def test_a_stuck_client_holds_up_nobody(sandbox: Sandbox) -> None:
    """Somebody who connects and says nothing does not keep others waiting, and is no exchange."""
    with socket.create_connection(address(sandbox), timeout=20):
        assert ask(sandbox).status_code == 200
    assert [seen.status for seen in sandbox.exchanges] == [200]


def test_many_devices_at_once(sandbox: Sandbox) -> None:
    """Exchanges at the same time all succeed and are all counted."""
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: ask(sandbox).status_code, range(64)))

    assert statuses == [200] * 64
    assert len(sandbox.exchanges) == 64
    assert len({seen.certificate_id for seen in sandbox.exchanges}) == 1


def test_a_hook_may_answer_instead(sandbox: Sandbox) -> None:
    """The seam for faults: a reply of the hook's own goes out instead, and is counted."""

    def throttle(request: Request) -> Reply | None:
        return Reply(status=429, body=b'{"message":"slow down"}') if request.service == "credentials" else None

    sandbox.on_request = throttle

    assert ask(sandbox).status_code == 429
    assert [(seen.status, seen.message) for seen in sandbox.exchanges] == [(429, "slow down")]


def test_a_hook_may_hang_up(sandbox: Sandbox) -> None:
    """A ConnectionError of the hook closes the connection without an answer."""

    def hang_up(request: Request) -> Reply | None:
        raise ConnectionResetError

    sandbox.on_request = hang_up

    with pytest.raises(requests.exceptions.ConnectionError):
        ask(sandbox)


def test_files_are_private() -> None:
    """The folder is 0700, every file in it is 0600."""
    with Sandbox() as sandbox:
        sandbox.device("other", encrypted_with="open sesame")
        assert stat.S_IMODE(sandbox.folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in sandbox.folder.iterdir()} == {0o600}


def left_open(folder: Path) -> list[Path]:
    """Return the open files of this process that are in the folder."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [target for link in links if (target := link.readlink()).is_relative_to(folder)]


@pytest.mark.parametrize("fails", [False, True], ids=["at its end", "after an exception"])
def test_nothing_is_left_behind(fails: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Folder, threads and ports are gone, even with clients still connected and a hook still waiting."""
    threads = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError) if fails else ThreadPoolExecutor(1), Sandbox() as sandbox:
        ports = [int(address.rpartition(":")[2]) for address in (sandbox.endpoint, sandbox.data_endpoint, sandbox.url)]
        ask(sandbox)
        idle = socket.create_connection(("127.0.0.1", ports[2]))
        stuck = socket.create_connection(("127.0.0.1", ports[0]))
        if fails:
            _ = 1 / 0
    idle.close()
    stuck.close()

    assert not sandbox.folder.exists()
    assert set(threading.enumerate()) == threads
    assert left_open(sandbox.folder) == []
    for port in ports:
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not for TIME_WAIT of closed connections
            again.bind(("127.0.0.1", port))


def test_a_waiting_hook_ends_with_the_sandbox() -> None:
    """A hook that waits for `closing` lets the sandbox end at once."""
    entered = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with Sandbox() as sandbox:

            def hang(request: Request) -> Reply | None:
                entered.set()
                sandbox.closing.wait()
                raise ConnectionAbortedError

            sandbox.on_request = hang
            future = pool.submit(ask, sandbox)
            assert entered.wait(20)
        assert isinstance(future.exception(), requests.exceptions.ConnectionError)


def test_two_at_once_do_not_see_each_other() -> None:
    """Each sandbox is an account of its own: a certificate or key of one is nothing to the other."""
    with Sandbox() as one, Sandbox() as other:
        credentials = ask(one).json()["credentials"]
        client = boto3.client(
            "secretsmanager",
            endpoint_url=other.url,
            region_name=other.region,
            aws_access_key_id=credentials["accessKeyId"],
            aws_secret_access_key=credentials["secretAccessKey"],
            aws_session_token=credentials["sessionToken"],
        )
        with pytest.raises(client.exceptions.ClientError, match="UnrecognizedClientException"):
            client.get_secret_value(SecretId="sandbox/app")
        client.close()
        assert other.exchanges == ()


def test_the_environment_is_what_a_device_sets(sandbox: Sandbox) -> None:
    """The variables name the device's files, the endpoint, the alias, the region, the secret and Secrets Manager."""
    assert sandbox.environment() == {
        "SECRETENV_CERT": str(sandbox.folder / "sandbox-device.pem.crt"),
        "SECRETENV_KEY": str(sandbox.folder / "sandbox-device.pem.key"),
        "SECRETENV_CA": str(sandbox.folder / "ca.pem"),
        "SECRETENV_ENDPOINT": sandbox.endpoint,
        "SECRETENV_ROLE_ALIAS": "sandbox-alias",
        "SECRETENV_REGION": "eu-west-1",
        "SECRETENV_SECRET": "sandbox/app",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": sandbox.url,
    }
