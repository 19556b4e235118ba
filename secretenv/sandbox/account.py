"""One AWS account: moto's backends under a random account number, its operator, and the sessions that it has issued.

moto keeps what exists (secrets, roles, role aliases, certificates, policies); this module knows who a caller is and
which documents apply to them. `policy` decides by them, and the two services speak HTTP. Because each
sandbox has an account number of its own, sandboxes in one process do not see each other.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto.core import base_backend
from moto.core.config import default_user_config
from moto.iam.models import iam_backends
from moto.iot.models import iot_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends

from secretenv.sandbox.operator import own_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OPERATOR = "sandbox-operator"
_moto = threading.Lock()  # a setting of moto, even a brief one, affects the whole process


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Temporary credentials of a role. The secret parts are never part of a repr."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    role_arn: str
    arn: str
    expires: float  # seconds since the epoch, by the account's clock
    context: Mapping[str, str]  # policy variables, such as credentials-iot:ThingName


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who signed a request, and what they may do."""

    arn: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)  # empty for a user with a long-lived key
    expires: float
    documents: tuple[str, ...]
    context: Mapping[str, str]
    operator: bool


class Account:
    """What exists in one account and region, behind one lock: moto's models know nothing of threads."""

    def __init__(self, region: str) -> None:
        self.id = str(random.randrange(10**11, 10**12))  # noqa: S311 - a number, not a secret
        self.region = region
        self.clock_offset = 0.0
        self.skew: Callable[[], float] = lambda: 0.0  # seconds besides clock_offset
        self.credential_life: float | None = None
        self.lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        _prepare_moto()
        self.iam = iam_backends[self.id]["aws"]
        self.iot = iot_backends[self.id][region]
        self._sts = sts_backends[self.id]["aws"]
        self.operator_key = self._make_operator()

    def close(self) -> None:
        """Forget everything, in moto too."""
        for backends in (iam_backends, iot_backends, sts_backends, secretsmanager_backends):
            backends.pop(self.id, None)

    def now(self) -> datetime:
        """Return the time by the account's clock."""
        return datetime.fromtimestamp(time.time() + self.clock_offset + self.skew(), UTC)

    def has_region(self, region: str) -> bool:
        """Tell whether there is such a region."""
        return region in secretsmanager_backends[self.id]

    def secret(self, region: str, secret_id: str) -> Any:
        """Return moto's secret of this name, ARN or partial ARN, or None."""
        return secretsmanager_backends[self.id][region].secrets.get(secret_id)

    def role(self, arn: str) -> Any:
        """Return moto's role, or None."""
        return next((role for role in self.iam.get_roles() if role.arn == arn), None)

    def register(self, certificate_pem: str, *, active: bool) -> str:
        """Register a certificate without its CA and return its ARN."""
        with self.lock, _ids_of_der():
            status = "ACTIVE" if active else "INACTIVE"
            return str(self.iot.register_certificate_without_ca(certificate_pem, status).arn)

    def issue(self, role: Any, name: str, *, duration: int, context: Mapping[str, str]) -> Session:
        """Let the role be assumed, for `duration` seconds or the shorter life that was asked for."""
        life = duration if self.credential_life is None else self.credential_life
        assumed = self._sts.assume_role(
            region_name=self.region,
            role_session_name=name,
            role_arn=role.arn,
            policy="",
            duration=duration,
            external_id="",
        )
        session = Session(
            access_key=assumed.access_key_id,
            secret_key=assumed.secret_access_key,
            token=assumed.session_token,
            role_arn=role.arn,
            arn=assumed.arn,
            # Whole seconds, as in the answer to the device: the sandbox enforces just what it announces.
            expires=math.ceil(self.now().timestamp() + life),
            context=dict(context),
        )
        self._sessions[session.access_key] = session
        return session

    def expire_sessions(self, *keys: str) -> None:
        """Make the sessions of these access keys expired; without any: every session issued so far."""
        with self.lock:
            for key in keys or tuple(self._sessions):
                self._sessions[key] = replace(self._sessions[key], expires=0)

    def caller(self, access_key: str) -> Caller | None:
        """Return the owner of this access key, or None."""
        if session := self._sessions.get(access_key):
            role = self.role(session.role_arn)
            return Caller(
                arn=session.arn,
                secret_key=session.secret_key,
                token=session.token,
                expires=session.expires,
                documents=_documents(role) if role else (),
                context=session.context,
                operator=False,
            )
        for user in self.iam.users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key and key.status == "Active":
                    return Caller(
                        arn=user.arn,
                        secret_key=key.secret_access_key,
                        token="",
                        expires=math.inf,
                        documents=_documents(user),
                        context={},
                        operator=user.name == OPERATOR,
                    )
        return None

    def _make_operator(self) -> Any:
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        self.iam.create_user(region_name=self.region, user_name=OPERATOR)
        self.iam.put_user_policy(OPERATOR, "everything", json.dumps(everything))
        return self.iam.create_access_key(OPERATOR)


def _documents(principal: Any) -> tuple[str, ...]:
    """Return the policies of a user or role, inline and attached."""
    attached = (
        version.document
        for policy in principal.managed_policies.values()
        for version in policy.versions
        if version.is_default
    )
    return (*principal.policies.values(), *attached)


def _prepare_moto() -> None:
    """Make moto's cached session, which knows the names of regions, without the caller's AWS_PROFILE."""
    with _moto, patch.object(base_backend, "Session", own_session):
        base_backend.AccountSpecificBackend.get_session()


@contextmanager
def _ids_of_der() -> Iterator[None]:
    """Make moto's certificate ids those of AWS, the SHA-256 of the DER and not of the PEM, within this context."""
    with _moto:
        before = default_user_config.get("iot")
        default_user_config["iot"] = {**(before or {}), "use_valid_cert": True}
        try:
            yield
        finally:
            if before is None:
                del default_user_config["iot"]
            else:
                default_user_config["iot"] = before
