"""The AWS IoT Core credentials provider: a certificate in, temporary credentials of a role out, or why not.

It answers as AWS does, in AWS's order: certificate, thing, IoT policy, role alias, role, duration. The rows were
measured by AWS's own session helper (awslabs/aws-iot-core-credential-provider-session-helper, docs/dev_notes.md).
TLS is the server's business.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from secretenv.provision import DURATION, SERVICE
from secretenv.sandbox.authority import certificate_id
from secretenv.sandbox.policy import allows
from secretenv.sandbox.server import json_reply

if TYPE_CHECKING:
    from typing import Any

    from secretenv.sandbox.account import Account, Session
    from secretenv.sandbox.server import Reply, Request

_PATH = re.compile(r"/role-aliases/([^/]+)/credentials")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One attempt to turn a certificate into credentials."""

    status: int  # of the reply; 0: refused in the TLS handshake
    message: str = ""  # why not
    certificate_id: str = ""
    role_alias: str = ""
    thing_name: str = ""
    server_name: str = ""  # SNI


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """AWS says no."""

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


class Provider:
    """The credentials provider of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All attempts since the start or `reset`."""
        with self._lock:
            return tuple(self._exchanges)

    def reset(self) -> None:
        """Forget the attempts."""
        with self._lock:
            self._exchanges.clear()

    def refused(self, reason: str) -> None:
        """Note a TLS handshake that failed."""
        self._note(Exchange(status=0, message=reason))

    def note(self, request: Request, reply: Reply) -> None:
        """Note an attempt that got this far, even if a fault or a test's hook made the reply."""
        match = _PATH.fullmatch(urlsplit(request.path).path)
        self._note(
            Exchange(
                status=reply.status,
                message=_message(reply),
                certificate_id=certificate_id(request.certificate),
                role_alias=unquote(match[1]) if match else "",
                thing_name=request.headers.get("x-amzn-iot-thingname", ""),
                server_name=request.server_name,
            )
        )

    def answer(self, request: Request) -> Reply:
        """Answer a device."""
        match = _PATH.fullmatch(urlsplit(request.path).path)
        if request.method != "GET" or not match:
            return _error(404, "Not Found", "ResourceNotFoundException")
        certificate = certificate_id(request.certificate)
        try:
            with self._account.lock:
                session = self._exchange(
                    certificate, unquote(match[1]), request.headers.get("x-amzn-iot-thingname", "")
                )
        except Refusal as refusal:
            return _error(refusal.status, refusal.message, refusal.kind)
        expiration = datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        credentials = {
            "accessKeyId": session.access_key,
            "secretAccessKey": session.secret_key,
            "sessionToken": session.token,
            "expiration": expiration,
        }
        return json_reply(200, {"credentials": credentials})

    def _exchange(self, certificate: str, alias_name: str, thing: str) -> Session:
        account = self._account
        registered = account.iot.certificates.get(certificate)
        if registered is None or registered.status != "ACTIVE":
            raise Refusal(403, "Certificate is invalid on this endpoint", "AccessDeniedException")
        if thing and thing not in account.iot.list_principal_things(registered.arn):
            raise Refusal(403, "Invalid thing name passed", "AccessDeniedException")
        alias_arn = f"arn:aws:iot:{account.region}:{account.id}:rolealias/{alias_name}"
        if not allows(self._iot_policies(registered.arn), "iot:AssumeRoleWithCertificate", alias_arn):
            raise Refusal(403, "Access Denied", "AccessDeniedException")
        alias = account.iot.role_aliases.get(alias_name)
        if alias is None:
            raise Refusal(404, "Role alias does not exist", "ResourceNotFoundException")
        role = self._assumable(alias)
        duration = int(alias.credential_duration_seconds)
        if duration > int(role.max_session_duration or DURATION):
            message = "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role"
            raise Refusal(400, message, "InvalidRequestException")
        context = {"credentials-iot:AwsCertificateId": certificate}
        if thing:
            context["credentials-iot:ThingName"] = thing
        return account.issue(role, certificate, duration=duration, context=context)

    def _iot_policies(self, certificate_arn: str) -> list[Any]:
        """Return the documents attached to the certificate, and to the groups of its things."""
        iot = self._account.iot
        targets = [certificate_arn]
        for thing in iot.list_principal_things(certificate_arn):
            targets += [group["groupArn"] for group in iot.list_thing_groups_for_thing(thing)]
        policies = [policy for target in targets for policy in iot.list_attached_policies(target)]
        return [version.document for policy in policies for version in policy.versions if version.is_default]

    def _assumable(self, alias: Any) -> Any:
        account = self._account
        role = account.role(alias.role_arn)
        context = {"aws:SourceArn": alias.arn, "aws:SourceAccount": account.id}
        if role is None or not allows(
            [role.assume_role_policy_document], "sts:AssumeRole", role.arn, context, service=SERVICE
        ):
            message = "Unable to assume the role, or the role to assume does not exist"
            raise Refusal(400, message, "InvalidRequestException")
        return role

    def _note(self, exchange: Exchange) -> None:
        with self._lock:
            self._exchanges.append(exchange)


def data_endpoint(_request: Request) -> Reply:
    """Answer as the data endpoint (`...-ats.iot...`) does when it is asked for credentials."""
    return json_reply(404, {"message": "Not Found", "traceId": str(uuid.uuid4())})


def _error(status: int, message: str, kind: str) -> Reply:
    # Of the kinds only AccessDeniedException has been seen at AWS; the others are the names of AWS's IoT API.
    return json_reply(status, {"message": message}, kind=kind)


def _message(reply: Reply) -> str:
    try:
        return str(json.loads(reply.body).get("message", ""))
    except (ValueError, AttributeError):
        return ""
