"""IAM, STS and IoT for administrators of the account: which caller may do what, and what moto does not do as AWS does.

moto knows no tags of IoT, returns another endpoint each time, signs certificates with a CA that nobody trusts, and
deletes no certificate while a thing group has a policy. Actions are compared; resources are not, except for the role
that is passed: a policy for an operator of the sandbox names the resource `*`. Secrets Manager is in `secretsmanager`.
"""

from __future__ import annotations

import json
import re
import uuid
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.loaders import create_loader
from cryptography.hazmat.primitives import serialization

from secretenv.sandbox.authority import certificate_id, key_pem, make_key
from secretenv.sandbox.policy import allows
from secretenv.sandbox.server import Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.sandbox.account import Account, Caller
    from secretenv.sandbox.authority import Authority
    from secretenv.sandbox.server import Request

SERVICES = {"iam", "iot", "sts"}  # more of them would need more than the extra installs

QUERY = {"iam", "sts"}  # those of these services whose older protocol is answered in XML
QUERY_NAMES = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}

# IoT's operations that are answered here, or need help.
_OWN = {
    ("GET", "/endpoint"): "DescribeEndpoint",
    ("GET", "/tags"): "ListTagsForResource",
    ("POST", "/tags"): "TagResource",
    ("POST", "/keys-and-certificate"): "CreateKeysAndCertificate",
    ("POST", "/certificates"): "CreateCertificateFromCsr",
    ("DELETE", "/certificates/"): "DeleteCertificate",
}

_TAGGED = re.compile(r"/(policies|role-aliases)/([^/]+)")
_ARN_OF = {"policies": "policy", "role-aliases": "rolealias"}


class Control:
    """The control plane of one account.

    Args:
        account: whose it is.
        forward: asks moto.

    Attributes:
        authority: signs new certificates.
        endpoint: HOST:PORT of the credentials provider.
    """

    authority: Authority
    endpoint: str

    def __init__(self, account: Account, forward: Callable[[Request, str, str], Reply]) -> None:
        self._account = account
        self._forward = forward
        self._tags: dict[str, dict[str, str]] = {}  # by ARN
        self._operations: list[tuple[str, re.Pattern[str], str]] = []

    def answer(self, request: Request, caller: Caller, region: str, service: str) -> Reply:
        """Answer a request whose signature is right."""
        action = self._action(request, service, administrator=caller.operator)
        if not (caller.operator or action == "sts:GetCallerIdentity"):
            for needed, resource in [(action, "*"), *_passed(request, action)]:
                if service not in SERVICES or not allows(caller.documents, needed, resource, caller.context):
                    return _denied(service, caller.arn, needed, resource)
        if service == "iot" and (reply := self._instead(request, action)):
            return reply
        with self._groups_apart() if action == "iot:DeleteCertificate" else nullcontext():
            reply = self._forward(request, service, region)
        if service == "iot" and reply.status < 300:  # noqa: PLR2004 - HTTP's own
            self._note_tags(request)
        return reply

    def _action(self, request: Request, service: str, *, administrator: bool) -> str:
        """Return `service:Action` of a request: IoT says it by method and path, the others in the body."""
        if service != "iot":
            return f"{service}:{parse_qs(request.body.decode('latin-1')).get('Action', [''])[0]}"
        path = urlsplit(request.path).path
        if own := _OWN.get((request.method, "/certificates/" if path.startswith("/certificates/") else path)):
            return f"iot:{own}"
        if administrator:
            return "iot:"  # which one does not matter, and the model takes its time to load
        if not self._operations:
            # The model alone: a session would look at the caller's profile.
            model = create_loader().load_service_model("iot", "service-2")
            for name, operation in model["operations"].items():
                http = operation["http"]
                form = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(http["requestUri"].partition("?")[0]))
                self._operations.append((http["method"], re.compile(form), name))
        found = (name for method, known, name in self._operations if method == request.method and known.fullmatch(path))
        return f"iot:{next(found, '')}"

    def _instead(self, request: Request, action: str) -> Reply | None:
        """Answer the operations that moto cannot, None for others."""
        query = parse_qs(urlsplit(request.path).query)
        if action == "iot:DescribeEndpoint" and query.get("endpointType") == ["iot:CredentialProvider"]:
            return json_reply(200, {"endpointAddress": self.endpoint})
        if action == "iot:ListTagsForResource":
            tags = self._tags.get(query.get("resourceArn", [""])[0], {})
            return json_reply(200, {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]})
        if action == "iot:TagResource":
            content = json.loads(request.body)
            self._tags.setdefault(content["resourceArn"], {}).update(_pairs(content["tags"]))
            return json_reply(200, {})
        active = query.get("setAsActive") == ["true"]
        if action == "iot:CreateKeysAndCertificate":
            return self._make_certificate(active=active)
        if action == "iot:CreateCertificateFromCsr":
            return self._sign_request(request, active=active)
        return None

    @contextmanager
    def _groups_apart(self) -> Iterator[None]:
        """Take the policies of thing groups out of moto's table, in which it expects certificates alone."""
        table = self._account.iot.principal_policies
        groups = {key: value for key, value in table.items() if ":thinggroup/" in key[0]}
        for key in groups:
            del table[key]
        try:
            yield
        finally:
            table.update(groups)

    def _note_tags(self, request: Request) -> None:
        """Keep the tags of something that was made; drop those of something that was deleted."""
        match = _TAGGED.fullmatch(urlsplit(request.path).path)
        if match and request.method in {"POST", "DELETE"}:
            account = self._account
            arn = f"arn:aws:iot:{account.region}:{account.id}:{_ARN_OF[match[1]]}/{unquote(match[2])}"
            given = json.loads(request.body).get("tags", []) if request.method == "POST" else []
            self._tags[arn] = _pairs(given)

    def _sign_request(self, request: Request, *, active: bool) -> Reply:
        try:
            certificate = self.authority.requested(json.loads(request.body)["certificateSigningRequest"])
        except ValueError:
            return error("iot", 400, "InvalidRequestException", "The certificate signing request is invalid.")
        return json_reply(200, self._registered(certificate, active=active))

    def _registered(self, certificate: bytes, *, active: bool) -> dict[str, Any]:
        """Register a certificate and return AWS's words about it."""
        return {
            "certificateArn": self._account.register(certificate.decode(), active=active),
            "certificateId": certificate_id(certificate),
            "certificatePem": certificate.decode(),
        }

    def _make_certificate(self, *, active: bool) -> Reply:
        key = make_key("rsa")
        certificate = self.authority.client("AWS IoT Certificate", key)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        content = {
            **self._registered(certificate, active=active),
            "keyPair": {"PublicKey": public.decode(), "PrivateKey": key_pem(key, form="traditional").decode()},
        }
        return json_reply(200, content)


def _passed(request: Request, action: str) -> list[tuple[str, str]]:
    """Return the role that the caller must be allowed to pass."""
    if action not in {"iot:CreateRoleAlias", "iot:UpdateRoleAlias"}:
        return []
    return [("iam:PassRole", str(json.loads(request.body).get("roleArn", "")))]


def _denied(service: str, arn: str, action: str, resource: str) -> Reply:
    message = (
        f"User: {arn} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    return error(service, 403, "AccessDeniedException", message)


def error(service: str, status: int, kind: str, message: str) -> Reply:
    """Return a refusal in the form, and with the name, that the clients of this service expect."""
    if service not in QUERY:
        return json_reply(status, {"__type": kind, "message": message}, kind=kind)
    request_id, code = str(uuid.uuid4()), QUERY_NAMES.get(kind, kind)
    fields = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    body = f"<ErrorResponse><Error>{fields}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    return Reply(status=status, body=body.encode(), headers=headers)


def _pairs(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
