"""The only place where provision meets AWS: clients made with the operator's own credentials, watched call by call.

Watched means: reading goes through, changing is counted, or, in a dry run, shown with its documents and answered with
what AWS would name the new thing. Every refusal becomes one sentence. What is called, and why, is not known here.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError

from secretenv.errors import SecretenvError
from secretenv.identity import proxy
from secretenv.provision.documents import ANY_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.errors import Link

_READS = ("get_", "list_", "describe_")
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedException", "AuthorizationError"}
_MISSING = {"ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException"}
_STALE = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
_STALE |= {"SignatureDoesNotMatch", "InvalidSignatureException"}
_CONFLICT = {"DeleteConflict", "DeleteConflictException"}
_SERVICES = ("iam", "iot", "secretsmanager", "sts")

Parameters = dict[str, Any]


class Account:
    """An account and region, as one operator sees it; a context manager, which closes the connections.

    Args:
        region: empty: as every AWS tool finds it.
        profile: empty: the same.
        secret_words: what is shown in the place of a secret's value.

    Attributes:
        show: takes the text of each changing call, which then is not made; None: they are made.
        changes: how many changing calls there were, made or shown.
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
        # Empty counts as not set: botocore before 1.43.54 takes it for "do not verify".
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            if not os.environ.get(name, "").strip():
                os.environ.pop(name, None)
        with sentences("sts", "GetCallerIdentity"):
            # boto3 itself does not know AWS_REGION, which the aws CLI and every other SDK read.
            session = boto3.Session(
                region_name=region or os.environ.get("AWS_REGION") or None, profile_name=profile or None
            )
            if not session.region_name:  # an empty variable counts as not set
                raise exceptions.NoRegionError
            retries = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=30)
            self._clients = {name: session.client(name, config=retries) for name in _SERVICES}
        for client in self._clients.values():
            proxy.decide(client.meta.endpoint_url)  # a variable that cannot be read whole is refused, and not shown
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
        """Return what stands for the ARN of a secret of this name, whose last characters AWS chooses."""
        return self.arn("secretsmanager", f"secret:{name}{ANY_SUFFIX}")

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Return the items of all pages of a list."""
        with sentences(service, _action(operation)):
            pages = self._clients[service].get_paginator(operation).paginate(**parameters)
            return [item for page in pages for item in page[key]]

    def call(self, service: str, operation: str, parameters: Parameters) -> Any:
        """Read, change, or show what would be changed, and return the answer."""
        if not operation.startswith(_READS):
            self.changes += 1
            if self.show:
                self.show(self._shown(service, operation, parameters))
                return self._expected(operation, parameters)
        with sentences(service, _action(operation)):
            return getattr(self._clients[service], operation)(**parameters)

    def _shown(self, service: str, operation: str, parameters: Parameters) -> str:
        """Return a call as text: documents as the JSON they are, a secret's value as where it comes from."""
        shown = {}
        for key, value in parameters.items():
            if key in {"SecretString", "SecretBinary"}:
                shown[key] = self._secret_words
            else:
                shown[key] = json.loads(value) if key.lower().endswith("document") else value
        return f"{service}:{_action(operation)} {json.dumps(shown, indent=2)}\n"

    def _expected(self, operation: str, parameters: Parameters) -> Any:
        """Return what of AWS's answer further calls are made from."""
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


class _Watched:
    """A client whose every call goes through the account."""

    def __init__(self, account: Account, service: str) -> None:
        self._account = account
        self._service = service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **parameters: self._account.call(self._service, operation, parameters)


class MissingError(SecretenvError):
    """AWS says that there is no such thing."""

    link: Link = "aws"


class DeniedError(SecretenvError):
    """The operator may not do that."""

    link: Link = "aws"


class AwsError(SecretenvError):
    """AWS could not be asked, or refused for another reason."""

    link: Link = "aws"


@contextmanager
def sentences(service: str, action: str) -> Iterator[None]:
    """Turn what boto3 raises into an error of ours, in a sentence with the next step."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _refusal(service, action, error.response) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise AwsError(
            "no AWS credentials found for the operator",
            hint="aws configure, or set AWS_PROFILE, or give --profile; then: aws sts get-caller-identity",
        ) from None
    except exceptions.NoRegionError:
        raise AwsError("no region is set", hint="give --region NAME, or set AWS_DEFAULT_REGION") from None
    except exceptions.ProfileNotFound as error:
        raise AwsError(f"{error}", hint="aws configure list-profiles") from None
    except (exceptions.SSOError, exceptions.TokenRetrievalError):
        raise AwsError("the operator's sign-in has expired", hint="aws sso login") from None
    except (exceptions.BotoCoreError, ResponseParserError, ValueError) as error:
        # A ValueError is an endpoint that is no URL; a parser's error an answer that is not AWS's. Their first lines
        # hold no value of a parameter.
        raise AwsError(
            f"{service}:{action} did not get through: {_first_line(error)}",
            hint="check the network, --region, and AWS_ENDPOINT_URL if that is set; then run it again",
        ) from None


def _refusal(service: str, action: str, response: dict[str, Any]) -> SecretenvError:
    """Return the error for AWS's own: what was asked, what AWS said, what to do."""
    fields = response.get("Error", {})
    code = str(fields.get("Code", ""))
    said = " ".join(str(fields.get("Message") or response.get("message") or "").split())
    request = response.get("ResponseMetadata", {}).get("RequestId", "")
    words = f"{code}: {said or 'no reason given'}" + (f" (request {request})" if request else "")
    if code in _MISSING:
        return MissingError(f"{service}:{action}: {words}")
    if code in _DENIED:
        # AWS may name another action than the one called: iam:PassRole for CreateRoleAlias.
        named = re.search(r"not authorized to perform: ([a-z]+:[A-Za-z]+)", said)
        denied = named[1] if named else f"{service}:{action}"
        also = "; iam:PassRole on the role is needed too" if action == "CreateRoleAlias" and not named else ""
        return DeniedError(
            f"{denied} is denied to you: {words}",
            hint=f"have your administrator allow {denied}{also}; then run it again: what is done stays done",
        )
    if code in _STALE:
        return AwsError(f"the operator's credentials are refused: {words}", hint="aws sts get-caller-identity")
    if code in _CONFLICT:
        return AwsError(
            f"{service}:{action}: {words}",
            hint="AWS may take minutes to notice what was detached, then run it again; or somebody else added to it",
        )
    return AwsError(
        f"{service}:{action}: {words}", hint="mend what AWS names; then run it again: what is done stays done"
    )


def _action(operation: str) -> str:
    """Return AWS's name of an operation from boto3's."""
    return "".join(word.capitalize() for word in operation.split("_"))


def _first_line(error: Exception) -> str:
    # What these say holds the URL of a proxy, and its password may not be all stars.
    if type(error) in {exceptions.ProxyConnectionError, exceptions.HTTPClientError}:
        return "no connection, or no answer, through the proxy or to AWS"
    return str(error).partition("\n")[0]
