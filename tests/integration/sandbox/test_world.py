"""The sandbox as a whole: its files, its clock, its end, and several at once."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import boto3
import pytest

from secretenv.sandbox import Sandbox
from tests.integration.sandbox.asking import ask


def test_an_encrypted_key_needs_its_password(sandbox: Sandbox) -> None:
    """An encrypted key loads with the password of the file beside it, and not without."""
    device = sandbox.device(encrypted_with="open sesame")
    assert device.password_file is not None
    assert sandbox.environment(device)["SECRETENV_KEY_PASSWORD_FILE"] == str(device.password_file)
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(device.cert, device.key, password="wrong")
    context.load_cert_chain(device.cert, device.key, password=device.password_file.read_text().removesuffix("\n"))


def test_aws_has_a_clock_of_its_own(sandbox: Sandbox) -> None:
    """With an offset AWS's Date header and expirations are ahead of this machine."""
    sandbox.clock_offset = 7200
    answer = ask(sandbox)

    ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < ahead < timedelta(minutes=121)
    expiration = datetime.strptime(answer.json()["credentials"]["expiration"], "%Y-%m-%dT%H:%M:%S%z")
    assert timedelta(minutes=179) < expiration - datetime.now(UTC) < timedelta(minutes=181)


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
