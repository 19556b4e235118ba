"""The sandbox itself: starts the services, provisions a first world, and lets a test change it.

X.509 is in `authority`, the steps of the AWS side in `provision`, the answers of the services in `provider`,
`secretsmanager` and `control_plane`, their faults in `faults`, HTTP in `server` and `services`, the operator's clients
in `operator`.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from secretenv import provision
from secretenv.sandbox.account import Account
from secretenv.sandbox.authority import Authority, write_private
from secretenv.sandbox.devices import Device, make_device
from secretenv.sandbox.operator import Operator
from secretenv.sandbox.server import Reply, Request
from secretenv.sandbox.services import Services

if TYPE_CHECKING:
    from types import TracebackType

    from secretenv.sandbox.authority import KeyFormat, Kind
    from secretenv.sandbox.faults import Faults
    from secretenv.sandbox.provider import Exchange
    from secretenv.sandbox.secretsmanager import ApiRequest

SECRET = "sandbox/app"  # noqa: S105 - a name
ALIAS = "sandbox-alias"
ROLE = "sandbox-role"
DEVICE = "sandbox-device"
FIRST_VALUE = {"GREETING": "hello", "DB_PASSWORD": "correct-horse-battery-staple"}

Value = str | bytes | Mapping[str, Any] | None  # a mapping is written as JSON; None: a secret that has no value yet
Hook = Callable[[Request], Reply | None]


class Sandbox:
    """A local AWS: a credentials provider with mutual TLS, and Secrets Manager, on random ports of loopback.

    A context manager, used once. It begins with a device `sandbox-device`, a secret `sandbox/app`, and the role, role
    alias and IoT policy that let the one read the other. At its end every thread has stopped and the folder is gone.

    Several may live in one process, even at once. Only `moto.mock_aws` must not be active meanwhile: it resets moto.

    Args:
        region: of everything.

    Attributes:
        folder: of certificates and keys; mode 0700.
        ca: the roots that a device has to trust.
        endpoint: HOST:PORT of the credentials provider.
        data_endpoint: HOST:PORT of the data endpoint: the wrong one, which knows no role aliases.
        url: of Secrets Manager.
        first: the first device.
        operator: the account's administrator: `client(service)` and `environment()`.
        on_request: called with every request before it is answered, in the connection's thread. It returns the reply
            to send instead, or None; a ConnectionError from it closes the connection without an answer, a
            ConnectionResetError resets it. One that waits must wait for `closing`.
        faults: what is out of order, to be set and cleared at any time: `faults.set("credentials:status=503")`.
        closing: set as soon as the sandbox begins to stop.
    """

    folder: Path
    ca: Path
    endpoint: str
    data_endpoint: str
    url: str
    first: Device
    operator: Operator
    faults: Faults

    def __init__(self, *, region: str = "eu-west-1") -> None:
        self.region = region
        self.on_request: Hook | None = None
        self.closing = threading.Event()
        self._stack = ExitStack()
        self._permitted: list[str] = []  # ARNs of the certificates that get every IoT policy
        self._policies: list[str] = []
        self._readable: list[str] = []  # ARNs of the secrets that the first role may read

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._make_first_world()
            self._stack = stack.pop_all()  # nothing failed: to be closed at the end
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it: every thread stops, and the folder is removed."""
        self._stack.close()

    def environment(
        self, device: Device | None = None, *, secret: str = SECRET, alias: str = ALIAS, endpoint: str = ""
    ) -> dict[str, str]:
        """Return exactly what a device sets; `secret` may name several, blank-separated."""
        device = device or self.first
        variables = {
            "SECRETENV_CERT": str(device.cert),
            "SECRETENV_KEY": str(device.key),
            "SECRETENV_CA": str(self.ca),
            "SECRETENV_ENDPOINT": endpoint or self.endpoint,
            "SECRETENV_ROLE_ALIAS": alias,
            "SECRETENV_REGION": self.region,
            "SECRETENV_SECRET": secret,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
        }
        if device.password_file:
            variables["SECRETENV_KEY_PASSWORD_FILE"] = str(device.password_file)
        return variables

    def device(  # noqa: PLR0913 - each is one way in which a device can be wrong
        self,
        name: str = "",
        *,
        kind: Kind = "rsa",
        key_format: KeyFormat = "pkcs8",
        encrypted_with: str = "",
        stranger: bool = False,
        expired: bool = False,
        registered: bool = True,
        active: bool = True,
        permitted: bool = True,
    ) -> Device:
        """Make a certificate with its key, and a thing.

        Args:
            name: of the thing and of the files; made up if empty.
            kind: of the key: `rsa` or `ec`.
            key_format: `pkcs8`, or `traditional`: PKCS#1 and SEC1.
            encrypted_with: the key's password; it is also written to `password_file`.
            stranger: signed by another CA: refused in the TLS handshake.
            expired: valid until yesterday: refused in the TLS handshake.
            registered: known to AWS IoT.
            active: ACTIVE, else INACTIVE.
            permitted: has the IoT policy of every permitted role alias, including those made later.
        """
        name = name or f"device-{len(list(self.folder.glob('*.crt'))) + 1}"
        issuer = Authority("Somebody else's CA") if stranger else self._authority
        device = make_device(self.folder, name, issuer, kind, key_format, encrypted_with, expired=expired)
        if registered:
            arn = self._account.register(device.cert.read_text(), active=active)
            device = replace(device, certificate_arn=arn)
            iot = self.operator.client("iot")
            iot.create_thing(thingName=name)
            iot.attach_thing_principal(thingName=name, principal=arn)
            if permitted:
                self._permitted.append(arn)
                for policy in self._policies:
                    provision.attach_policy(iot, policy, arn)
        return device

    def secret(self, name: str, value: Value, *, readable: bool = True) -> str:
        """Create a secret, which the first role may read if it is `readable`, and return its ARN."""
        arn = provision.create_secret(self.operator.client("secretsmanager"), name, _content(value))
        if readable:
            self._readable.append(arn)
            provision.allow_reading(self.operator.client("iam"), ROLE, self._readable)
        return arn

    def rotate(self, name: str, value: Value) -> str:
        """Give a secret a new version and return the version's id."""
        content = _content(value)
        field = "SecretString" if isinstance(content, str) else "SecretBinary"
        answer = self.operator.client("secretsmanager").put_secret_value(SecretId=name, **{field: content})
        return str(answer["VersionId"])

    def alias(  # noqa: PLR0913 - each is one way in which a role alias can be wrong
        self,
        name: str,
        *,
        secrets: Sequence[str] = (),
        duration: int = provision.DURATION,
        max_session: int = provision.DURATION,
        trust: dict[str, Any] | None = None,
        role_exists: bool = True,
        alias_exists: bool = True,
        permitted: bool = True,
    ) -> str:
        """Make a role alias with a role and an IoT policy of its own, and return its name.

        Args:
            name: of the alias; the role and the policy are called after it.
            secrets: ARNs that the role may read. None of them: the role has no permission.
            duration: life of its credentials in seconds.
            max_session: the role's MaxSessionDuration.
            trust: the role's trust policy, if not the right one.
            role_exists: false: the role was deleted.
            alias_exists: false: there is only the policy for it.
            permitted: false: there is no IoT policy for it.
        """
        iam, iot = self.operator.client("iam"), self.operator.client("iot")
        role_arn = f"arn:aws:iam::{self._account.id}:role/{name}-role"
        if role_exists:
            role_arn = provision.create_role(iam, f"{name}-role", max_session=max_session, trust=trust)
            if secrets:
                provision.allow_reading(iam, f"{name}-role", secrets)
        alias_arn = f"arn:aws:iot:{self.region}:{self._account.id}:rolealias/{name}"
        if alias_exists:
            alias_arn = provision.create_role_alias(iot, name, role_arn, duration=duration)
        if permitted:
            self._policies.append(f"{name}-policy")
            provision.create_policy(iot, self._policies[-1], alias_arn)
            for certificate_arn in self._permitted:
                provision.attach_policy(iot, self._policies[-1], certificate_arn)
        return name

    @property
    def clock_offset(self) -> float:
        """Seconds that AWS's clock is ahead of this machine's: in Date headers, expirations and signature checks."""
        return self._account.clock_offset

    @clock_offset.setter
    def clock_offset(self, seconds: float) -> None:
        self._account.clock_offset = seconds

    @property
    def credential_life(self) -> float | None:
        """Seconds that credentials issued from now on live, up to the next whole one; None: the alias' duration."""
        return self._account.credential_life

    @credential_life.setter
    def credential_life(self, seconds: float | None) -> None:
        self._account.credential_life = seconds

    def expire_credentials(self) -> None:
        """Make all credentials issued so far expired, whatever expiration they were issued with."""
        self._account.expire_sessions()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The attempts to turn a certificate into credentials, refused TLS handshakes included."""
        return self._services.provider.exchanges

    @property
    def requests(self) -> tuple[ApiRequest, ...]:
        """The devices' requests to Secrets Manager."""
        return self._services.secretsmanager.requests

    def reset(self) -> None:
        """Forget the exchanges and requests seen so far."""
        self._services.provider.reset()
        self._services.secretsmanager.reset()

    def _start(self, stack: ExitStack) -> None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="secretenv-sandbox-"))
        self.folder = Path(folder)
        self._account = Account(self.region)
        stack.callback(self._account.close)
        self._authority = Authority("secretenv sandbox CA")
        self.ca = write_private(self.folder / "ca.pem", self._authority.pem)
        self._services = Services(self._account, self._hook, self.closing)
        self.faults = self._services.faults
        provider, data, aws = self._services.start(self._authority, self.folder, stack)
        self.endpoint, self.data_endpoint = f"localhost:{provider}", f"localhost:{data}"
        self.url = f"http://127.0.0.1:{aws}"
        self.operator = Operator(self._account.operator_key, url=self.url, region=self.region, ca=str(self.ca))
        stack.callback(self.operator.close)

    def _make_first_world(self) -> None:
        self.first = self.device(DEVICE)
        made = provision.provision(
            **{service: self.operator.client(service) for service in ("secretsmanager", "iam", "iot")},
            secret=SECRET,
            value=json.dumps(FIRST_VALUE),
            role=ROLE,
            alias=ALIAS,
            policy=f"{ALIAS}-policy",
            certificate_arn=self.first.certificate_arn,
        )
        self._policies.append(made.policy)
        self._readable.append(made.secret_arn)

    def _hook(self, request: Request) -> Reply | None:
        return self.on_request(request) if self.on_request else None


def _content(value: Value) -> str | bytes | None:
    return json.dumps(value) if isinstance(value, Mapping) else value
