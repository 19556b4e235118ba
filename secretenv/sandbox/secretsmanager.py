"""Secrets Manager as strict as AWS's, in front of moto: signatures, permissions, and AWS's own errors.

moto keeps the secrets and answers what is permitted. Its own authorisation stays off, because it compares no
resources for Secrets Manager, lets sessions live for ever and answers in XML. Nothing of moto is patched, so another
user of it in this process is not affected. Requests to IAM, STS or IoT go to `control_plane`.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import Client

from secretenv.sandbox.control_plane import QUERY, Control, error
from secretenv.sandbox.policy import allows
from secretenv.sandbox.server import Reply, json_reply
from secretenv.sandbox.signature import is_signed, parse, untimely

if TYPE_CHECKING:
    from secretenv.sandbox.account import Account, Caller
    from secretenv.sandbox.server import Request

FIRST_ERROR = 400  # HTTP statuses from here on are errors
VALUE_LIMIT = 65536  # bytes of a value
BATCH_LIMIT = 20  # ids of a BatchGetSecretValue

_TARGET = re.compile(r"secretsmanager\.([A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request of a device to Secrets Manager."""

    action: str
    secret: str = ""  # as the device named it; those of a batch with blanks between them
    error: str = ""  # AWS's name of the error; empty: it was answered
    access_key: str = ""


class ApiError(Exception):
    """A refusal in AWS's words."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


class SecretsManager:
    """The signed APIs of one account.

    Attributes:
        control: those of IAM, STS and IoT.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._requests: list[ApiRequest] = []
        self._lock = threading.Lock()
        self._apps: dict[str, Client] = {}
        self.control = Control(account, self._forward)

    @property
    def requests(self) -> tuple[ApiRequest, ...]:
        """All requests of devices since the start or `reset`; the operator's are not among them."""
        with self._lock:
            return tuple(self._requests)

    def reset(self) -> None:
        """Forget the requests."""
        with self._lock:
            self._requests.clear()

    def note(self, request: Request, reply: Reply) -> None:
        """Note a request of a device, even if a fault or a test's hook made the reply."""
        key = _access_key(request)
        action = _TARGET.fullmatch(request.headers.get("x-amz-target", ""))
        if action and not self.is_operators(request):
            seen = ApiRequest(
                action=action[1],
                secret=_named(_json(request.body)),
                error=_kind(reply),
                access_key=key,
            )
            with self._lock:
                self._requests.append(seen)

    def is_operators(self, request: Request) -> bool:
        """Tell whether the operator's key is named in a request."""
        return _access_key(request) == str(self._account.operator_key.access_key_id)

    def answer(self, request: Request) -> Reply:
        """Answer a signed request."""
        try:
            with self._account.lock:
                return self._answer(request)
        except ApiError as refusal:
            signature = parse(request.headers.get("authorization", ""))
            if signature and signature.service in QUERY:
                return error(signature.service, refusal.status, refusal.kind, refusal.message)
            return _reply(refusal.status, {"__type": refusal.kind, "Message": refusal.message}, refusal.kind)

    def _answer(self, request: Request) -> Reply:
        caller, region, service = self._authenticate(request)
        if service != "secretsmanager":
            return self.control.answer(request, caller, region, service)
        target = _TARGET.fullmatch(request.headers.get("x-amz-target", ""))
        if not target:
            raise ApiError("UnknownOperationException", "")
        action, content = target[1], _json(request.body)
        self._authorize(caller, region, action, content)
        _check_limits(content)
        if action == "BatchGetSecretValue" and "SecretIdList" in content:
            return self._batch(request, caller, region, content["SecretIdList"])
        if action == "GetSecretValue" and not content.get("VersionId"):
            # moto returns the previous version when AWSCURRENT was moved and no stage is named.
            content.setdefault("VersionStage", "AWSCURRENT")
        return self._ask(request, region, content)

    def _authenticate(self, request: Request) -> tuple[Caller, str, str]:
        """Return who signed the request, and for which region and service."""
        header = request.headers.get("authorization", "")
        if not header:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
        signature = parse(header)
        if signature is None:
            raise ApiError("IncompleteSignatureException", "Authorization header is not a full Signature Version 4.")
        caller = self._account.caller(signature.access_key)
        if caller is None or caller.token != request.headers.get("x-amz-security-token", ""):
            raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")
        now = self._account.now()
        if caller.expires <= now.timestamp():
            raise ApiError("ExpiredTokenException", "The security token included in the request is expired")
        # The operator may have set the clock, and goes on from there.
        if not caller.operator and (why := untimely(request, now)):
            raise ApiError("InvalidSignatureException", why)
        if not is_signed(request, signature, caller.secret_key):
            raise ApiError(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.",
            )
        if not self._account.has_region(signature.region):
            raise ApiError("InvalidSignatureException", "Credential should be scoped to a valid region.")
        return caller, signature.region, signature.service

    def _authorize(self, caller: Caller, region: str, action: str, content: dict[str, Any]) -> None:
        """Refuse what no policy of the caller allows on this secret."""
        named = str(content.get("SecretId") or content.get("Name") or "")
        resource = self._arn(region, named) if named else "*"
        if not allows(caller.documents, f"secretsmanager:{action}", resource, caller.context):
            known = self._account.secret(region, named) is not None
            raise ApiError(
                "AccessDeniedException",
                f"User: {caller.arn} is not authorized to perform: secretsmanager:{action} on resource: "
                f"{resource if known or not named else named} because no identity-based policy allows the "
                f"secretsmanager:{action} action",
            )

        if action in {"GetSecretValue", "BatchGetSecretValue"} and named:
            self._check_key(caller, region, named)

    def _check_key(self, caller: Caller, region: str, named: str) -> None:
        """Refuse to decrypt a secret whose own KMS key the caller may not use; AWS's key is everybody's."""
        secret = self._account.secret(region, named)
        key = str(getattr(secret, "kms_key_id", "") or "")
        if not key or key.endswith("alias/aws/secretsmanager"):
            return
        home, name = key.rpartition(":")[0] or f"arn:aws:kms:{region}:{self._account.id}", key.rpartition(":")[2]
        context = {**caller.context, "kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}
        if name.startswith("alias/"):
            context["kms:ResourceAliases"], name = name, "key/of-this-alias"
        resource = f"{home}:{name if name.startswith('key/') else f'key/{name}'}"
        if not allows(caller.documents, "kms:Decrypt", resource, context):
            raise ApiError("AccessDeniedException", "Access to KMS is not allowed")

    def _arn(self, region: str, named: str) -> str:
        """Return the ARN that IAM compares; a name without a secret has no suffix, so that scoped policies deny it."""
        secret = self._account.secret(region, named)
        if secret is not None:
            return str(secret.arn)
        return (
            named if named.startswith("arn:") else f"arn:aws:secretsmanager:{region}:{self._account.id}:secret:{named}"
        )

    def _batch(self, request: Request, caller: Caller, region: str, ids: list[str]) -> Reply:
        """Answer for each secret separately: one that is refused or has no value is an entry of Errors, as at AWS."""
        values, errors = [], []
        for secret_id in ids:
            content = {"SecretId": secret_id, "VersionStage": "AWSCURRENT"}
            try:
                self._authorize(caller, region, "GetSecretValue", content)
            except ApiError as refusal:
                errors.append({"SecretId": secret_id, "ErrorCode": refusal.kind, "Message": refusal.message})
                continue
            answer = self._ask(request, region, content, action="GetSecretValue")
            fields = _json(answer.body)
            if kind := _kind(answer):
                errors.append({"SecretId": secret_id, "ErrorCode": kind, "Message": fields["Message"]})
            else:
                values.append(fields)
        return _reply(200, {"SecretValues": values, "Errors": errors})

    def _ask(self, request: Request, region: str, content: dict[str, Any], *, action: str = "") -> Reply:
        """Let moto answer, and give its errors AWS's status and words."""
        answer = self._forward(request, "secretsmanager", region, body=json.dumps(content).encode(), action=action)
        fields = _json(answer.body)
        if answer.status < FIRST_ERROR:
            return _reply(answer.status, fields)
        kind = str(fields.get("__type", "InternalServiceError")).split("#")[-1]
        message = str(fields.get("message", ""))
        named = str(content.get("SecretId", ""))
        if kind == "ResourceNotFoundException" and self._account.secret(region, named) is not None:
            version = content.get("VersionId")
            which = f"VersionId: {version}" if version else f"staging label: {content.get('VersionStage')}"
            message = f"Secrets Manager can't find the specified secret value for {which}"
        elif "marked deleted" in message:
            message = "You can't perform this operation on the secret because it was marked for deletion."
        status = 500 if kind == "InternalServiceError" else 400
        return _reply(status, {"__type": kind, "Message": message}, kind)

    def _forward(
        self, request: Request, service: str, region: str, *, body: bytes | None = None, action: str = ""
    ) -> Reply:
        app = self._apps.get(service)
        if app is None:
            app = self._apps[service] = Client(create_backend_app(cast("Any", service)), use_cookies=False)
        headers = {**request.headers, "x-moto-account-id": self._account.id}
        headers.pop("content-length", None)
        if action:
            headers["x-amz-target"] = f"secretsmanager.{action}"
        try:
            answer = app.open(
                request.path,
                base_url=f"http://{service}.{region}.amazonaws.com",
                method=request.method,
                headers=headers,
                data=request.body if body is None else body,
            )
        except NotImplementedError as unknown:
            raise ApiError("UnknownOperationException", str(unknown)) from unknown
        with answer:
            added = {"date", "content-length"}  # by the server
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in added}
            return Reply(status=answer.status_code, body=answer.data, headers=headers)


def _access_key(request: Request) -> str:
    signature = parse(request.headers.get("authorization", ""))
    return signature.access_key if signature else ""


def _check_limits(content: dict[str, Any]) -> None:
    """Refuse what AWS refuses and moto accepts."""
    value = content.get("SecretString")
    if isinstance(value, str) and len(value.encode()) > VALUE_LIMIT:
        raise ApiError(
            "ValidationException",
            "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have "
            f"length less than or equal to {VALUE_LIMIT}",
        )
    if len(content.get("SecretIdList", ())) > BATCH_LIMIT:
        raise ApiError("InvalidParameterException", f"SecretIdList takes at most {BATCH_LIMIT} secrets.")


def _reply(status: int, content: dict[str, Any], kind: str = "") -> Reply:
    return json_reply(status, content, kind=kind, media_type="application/x-amz-json-1.1")


def _kind(reply: Reply) -> str:
    """Return the error's name in AWS's words, or the status of an answer that is not AWS's."""
    if reply.status < FIRST_ERROR:
        return ""
    return str(_json(reply.body).get("__type") or reply.status).split("#")[-1]


def _named(fields: dict[str, Any]) -> str:
    """Return the ids of the secrets that a request names."""
    ids = fields.get("SecretIdList")
    return " ".join(map(str, ids)) if isinstance(ids, list) else str(fields.get("SecretId", ""))


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
