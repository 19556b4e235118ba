"""The same AWS side for Terraform or OpenTofu, in their JSON syntax (a file `*.tf.json`). Pure.

It holds neither the secret's value, which is a sensitive variable, nor a private key, which stays where the certificate
signing request was made. It has a tag of its own, not that of a NAME: `terraform destroy` removes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from secretenv.provision import device_settings, steps
from secretenv.provision.documents import ANY_SUFFIX, THING, assume_policy, secret_policy, trust_policy
from secretenv.provision.ownership import TEMPLATE_TAG
from secretenv.provision.wanted import is_arn, one_key

if TYPE_CHECKING:
    from secretenv.provision.wanted import Wanted

Fields = dict[str, Any]

_REGION = "${data.aws_region.current.id}"
_ARN = f"arn:${{data.aws_partition.current.partition}}:%s:{_REGION}:${{data.aws_caller_identity.current.account_id}}:%s"


def template(
    wanted: Wanted, *, with_value: bool, certificate_id: str = "", region: str = "", profile: str = ""
) -> Fields:
    """Return the configuration.

    Args:
        wanted: what the operator asks for.
        with_value: the secret is made, from a variable; else it exists already.
        certificate_id: of the registered certificate; empty: none.
        region: where it will be applied; empty: where the operator's own settings say.
        profile: of ~/.aws/config; empty: the same.
    """
    data: Fields = {
        "aws_caller_identity": {"current": {}},
        "aws_partition": {"current": {}},
        "aws_region": {"current": {}},
        # Without the type AWS returns the legacy data endpoint.
        "aws_iot_endpoint": {"credentials": {"endpoint_type": "iot:CredentialProvider"}},
    }
    variables: Fields = {}
    resources = _secret(wanted, data, variables, with_value=with_value) | _who(wanted, variables, certificate_id)
    resources |= _chain(wanted, _arns(wanted, data, with_value=with_value))
    endpoint = "${data.aws_iot_endpoint.credentials.endpoint_address}"
    settings = device_settings.text(wanted, endpoint=endpoint, region=_REGION)
    outputs: Fields = {"settings": {"value": settings}}
    if wanted.folder:
        # Sensitive by the provider's rule, though a certificate is not secret.
        outputs["certificate_pem"] = {"value": "${aws_iot_certificate.device.certificate_pem}", "sensitive": True}
    provider = {key: text for key, text in (("region", region), ("profile", profile)) if text}
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        **({"provider": {"aws": provider}} if provider else {}),
        **({"variable": variables} if variables else {}),
        "data": data,
        "resource": resources,
        "output": outputs,
    }


def _secret(wanted: Wanted, data: Fields, variables: Fields, *, with_value: bool) -> Fields:
    """Return the secret to make; existing ones are looked up, except with per_thing."""
    if not with_value:
        named = [(f"secret_{number}", name) for number, name in enumerate(wanted.secrets) if not is_arn(name)]
        if named and not wanted.per_thing:
            data["aws_secretsmanager_secret"] = {label: {"name": name} for label, name in named}
        return {}
    variables["secret_value"] = {"type": "string", "sensitive": True, "description": "The secret, a JSON object."}
    secret = {"name": wanted.read[0], "tags": _tags(wanted)}
    if wanted.kms_keys:
        secret["kms_key_id"] = one_key(wanted)
    version = {"secret_id": "${aws_secretsmanager_secret.secret.id}", "secret_string": "${var.secret_value}"}
    return {
        "aws_secretsmanager_secret": {"secret": secret},
        "aws_secretsmanager_secret_version": {"secret": version},
    }


def _arns(wanted: Wanted, data: Fields, *, with_value: bool) -> list[str]:
    if wanted.per_thing:
        # `$${` is how Terraform lets IAM's own variable through.
        thing = THING.replace("${", "$${")
        return [_ARN % ("secretsmanager", f"secret:{name}/{thing}{ANY_SUFFIX}") for name in wanted.secrets]
    if with_value:
        return ["${aws_secretsmanager_secret.secret.arn}"]
    looked_up = {fields["name"]: label for label, fields in data.get("aws_secretsmanager_secret", {}).items()}
    return [
        f"${{data.aws_secretsmanager_secret.{looked_up[name]}.arn}}" if name in looked_up else name
        for name in wanted.secrets
    ]


def _chain(wanted: Wanted, arns: list[str]) -> Fields:
    """Return role, role alias and IoT policy."""
    role = {
        "name": wanted.role,
        "assume_role_policy": json.dumps(trust_policy()),
        "max_session_duration": max(wanted.duration, steps.SHORTEST_MAX_SESSION),
        "tags": _tags(wanted),
    }
    reading = {
        "name": steps.READ_SECRETS,
        "role": "${aws_iam_role.device.id}",
        "policy": json.dumps(secret_policy(arns, wanted.kms_keys)),
    }
    alias = {
        "alias": wanted.alias,
        "role_arn": "${aws_iam_role.device.arn}",
        "credential_duration": wanted.duration,
        "tags": _tags(wanted),
    }
    policy = {
        "name": wanted.policy,
        "policy": json.dumps(assume_policy("${aws_iot_role_alias.device.arn}")),
        "tags": _tags(wanted),
    }
    return {
        "aws_iam_role": {"device": role},
        "aws_iam_role_policy": {"device": reading},
        "aws_iot_role_alias": {"device": alias},
        "aws_iot_policy": {"device": policy},
    }


def _who(wanted: Wanted, variables: Fields, certificate_id: str) -> Fields:
    """Return the target of the policy, and the thing."""
    made: Fields = {}
    if wanted.folder:
        variables["certificate_signing_request"] = {"type": "string", "description": "PEM, made with the device's key."}
        certificate = {"csr": "${var.certificate_signing_request}", "active": True}
        made["aws_iot_certificate"] = {"device": certificate}
        target = "${aws_iot_certificate.device.arn}"
    elif certificate_id:
        target = _ARN % ("iot", f"cert/{certificate_id}")
    elif wanted.group:
        target = _ARN % ("iot", f"thinggroup/{wanted.group}")
    else:
        return {}
    made["aws_iot_policy_attachment"] = {"device": {"policy": "${aws_iot_policy.device.name}", "target": target}}
    if wanted.thing and not wanted.group:
        made["aws_iot_thing"] = {"device": {"name": wanted.thing}}
        attachment = {"thing": "${aws_iot_thing.device.name}", "principal": target}
        made["aws_iot_thing_principal_attachment"] = {"device": attachment}
    return made


def _tags(wanted: Wanted) -> Fields:
    return {TEMPLATE_TAG: wanted.name}
