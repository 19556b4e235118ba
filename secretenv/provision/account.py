"""The only place where provision meets AWS: clients with the operator's own credentials, whose calls are watched.

Reading calls go through. Changing calls are counted or, in a dry run, shown with their documents and answered with the
name that AWS would give. Which calls are made, and why, is not known here.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore import exceptions
from botocore.config import Config

from secretenv.identity import proxy
from secretenv.provision import messages, reading
from secretenv.provision.aws_errors import translated
from secretenv.provision.documents import ANY_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable

_READS = ("get_", "list_", "describe_")
_SERVICES = ("iam", "iot", "secretsmanager", "sts")
# What boto3 reads, and where it looks without the variable.
_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CA_BUNDLE": os.devnull,
}

_NAMES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")

Parameters = dict[str, Any]


class Account:
    """An account and region, as one operator sees it; a context manager, which closes the connections.

    Args:
        region: empty: as every AWS tool finds it.
        profile: empty: the same.
        show: takes the text of each changing call, which then is not made; None: they are made.
        secret_words: shown in place of a secret's value.

    Attributes:
        show: the same.
        changes: how many changing calls there were, made or shown.
        id: the account's number.
        partition: `aws`, `aws-cn` or another.
        region: the region.
    """

    def __init__(
        self,
        *,
        region: str = "",
        profile: str = "",
        show: Callable[[str], object] | None = None,
        secret_words: str = "",
    ) -> None:
        self.changes = 0
        self.show = show
        self._secret_words = secret_words
        _refuse_content(**{"--region": region, "--profile": profile})
        _refuse_fifos()
        # Empty counts as not set: botocore before 1.43.54 takes it for "do not verify".
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            if not os.environ.get(name, "").strip():
                os.environ.pop(name, None)
        with translated("sts:GetCallerIdentity"):
            # boto3 itself does not know AWS_REGION, which the aws CLI and every other SDK read.
            session = boto3.Session(
                region_name=region or os.environ.get("AWS_REGION") or None, profile_name=profile or None
            )
            if not session.region_name:  # an empty variable counts as not set
                raise exceptions.NoRegionError
            retries = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=30)
            self._clients = {name: session.client(name, config=retries) for name in _SERVICES}
        for client in self._clients.values():
            proxy.decide(client.meta.endpoint_url)  # a variable that cannot be parsed in full is refused, and not shown
        self.region = str(self._clients["iot"].meta.region_name)
        identity = self.client("sts").get_caller_identity()
        self.id = str(identity["Account"])
        self.partition = str(identity["Arn"]).split(":")[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    @property
    def dry(self) -> bool:
        """Whether nothing is changed."""
        return self.show is not None

    def client(self, service: str) -> Any:
        """Return a client of boto3's form for iam, iot, secretsmanager or sts."""
        return _Watched(self, service)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account; IAM has no regions."""
        return f"arn:{self.partition}:{service}:{'' if service == 'iam' else self.region}:{self.id}:{resource}"

    def secret_pattern(self, name: str) -> str:
        """Return the pattern that matches the ARN of a secret of this name, whose last characters AWS chooses."""
        return self.arn("secretsmanager", f"secret:{name}{ANY_SUFFIX}")

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Return the items of all pages of a list."""
        with translated(_action(service, operation)):
            pages = self._clients[service].get_paginator(operation).paginate(**parameters)
            return [item for page in pages for item in page[key]]

    def call(self, service: str, operation: str, parameters: Parameters) -> Any:
        """Read, change, or show a change without making it; return the answer."""
        if not operation.startswith(_READS):
            self.changes += 1
            if self.show:
                self.show(self._shown(service, operation, parameters))
                return self._expected(operation, parameters)
        with translated(_action(service, operation)):
            return getattr(self._clients[service], operation)(**parameters)

    def _shown(self, service: str, operation: str, parameters: Parameters) -> str:
        """Return a call as text: documents as JSON, and instead of a secret's value the words that stand for it."""
        shown = {}
        for key, value in parameters.items():
            if key in {"SecretString", "SecretBinary"}:
                shown[key] = self._secret_words
            else:
                shown[key] = json.loads(value) if key.lower().endswith("document") else value
        return f"{_action(service, operation)} {json.dumps(shown, indent=2)}\n"

    def _expected(self, operation: str, parameters: Parameters) -> Any:
        """Return the part of AWS's answer that later calls need."""
        if operation == "create_secret":
            return {"ARN": self.secret_pattern(parameters["Name"])}
        if operation == "create_role":
            return {"Role": {"Arn": self.arn("iam", f"role/{parameters['RoleName']}")}}
        if operation == "create_role_alias":
            return {"roleAliasArn": self.arn("iot", f"rolealias/{parameters['roleAlias']}")}
        if operation == "create_keys_and_certificate":
            unknown = "(the new certificate's id)"
            return {"certificateId": unknown, "certificateArn": self.arn("iot", f"cert/{unknown}")}
        return {}


def _refuse_content(**options: str) -> None:
    """Refuse text in place of a name or a path: boto3's errors would quote it.

    Raises:
        SettingsError: there is one.
    """
    for name, text in [*options.items(), *((name, os.environ.get(name, "")) for name in _NAMES)]:
        if reading.is_content(text):
            raise messages.NOT_A_NAME(option=name)
    for name in (*_FILES, "REQUESTS_CA_BUNDLE"):
        if reading.is_content(os.environ.get(name, "")):
            raise messages.NOT_A_PATH(option=name)


def _refuse_fifos() -> None:
    """Refuse files of the operator's for which boto3 would wait without end.

    Raises:
        AwsError: one is a FIFO.
    """
    for variable, usual in _FILES.items():
        path = reading.absolute(os.environ.get(variable) or usual)
        with suppress(OSError):
            if stat.S_ISFIFO(path.stat().st_mode) and not reading.is_stream(str(path)):
                raise messages.NOT_A_FILE(file=path, variable=variable)


class _Watched:
    """A client whose every call goes through the account."""

    def __init__(self, account: Account, service: str) -> None:
        self._account = account
        self._service = service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **parameters: self._account.call(self._service, operation, parameters)


def _action(service: str, operation: str) -> str:
    """Return AWS's name of boto3's operation: `iot:CreatePolicy` for `create_policy`."""
    return f"{service}:{''.join(word.capitalize() for word in operation.split('_'))}"
