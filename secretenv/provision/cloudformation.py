"""The same AWS side as a CloudFormation template, in JSON. Pure.

It holds neither the secret's value, which is a parameter that is not echoed, nor a private key, which stays where the
certificate signing request was made. It has a tag of its own, not that of a NAME: CloudFormation removes the stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.provision import messages, steps
from secretenv.provision.documents import ANY_SUFFIX, THING, assume_policy, secret_policy, trust_policy
from secretenv.provision.ownership import TEMPLATE_TAG
from secretenv.provision.wanted import is_arn, one_key

if TYPE_CHECKING:
    from secretenv.provision.wanted import Wanted

Fields = dict[str, Any]

_ARN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"


def template(wanted: Wanted, *, with_value: bool, certificate_id: str = "") -> Fields:
    """Return the template.

    Args:
        wanted: what the operator asks for.
        with_value: the secret is made, from a parameter; else it exists already.
        certificate_id: of the registered certificate; empty: none.

    Raises:
        SettingsError: CloudFormation cannot do this.
    """
    if wanted.group:
        # aws/aws-cdk issue 26166: PolicyPrincipalAttachment refuses the ARN of a thing group.
        raise messages.NO_GROUP(policy=wanted.policy, group=wanted.group)
    parameters: Fields = {}
    resources = _chain(wanted, with_value=with_value)
    if with_value:
        parameters["SecretValue"] = {"Type": "String", "NoEcho": True, "Description": "The secret, a JSON object."}
        fields = {"Name": wanted.read[0], "SecretString": {"Ref": "SecretValue"}, **_tags(wanted)}
        if wanted.kms_keys:
            fields["KmsKeyId"] = one_key(wanted)
        resources["Secret"] = _resource("AWS::SecretsManager::Secret", fields)
    principal: Fields | None = None
    if wanted.folder:
        parameters["CertificateSigningRequest"] = {"Type": "String", "Description": "PEM, made with the device's key."}
        fields = {"CertificateSigningRequest": {"Ref": "CertificateSigningRequest"}, "Status": "ACTIVE"}
        resources["Certificate"] = _resource("AWS::IoT::Certificate", fields)
        principal = {"Fn::GetAtt": ["Certificate", "Arn"]}
    elif certificate_id:
        principal = {"Fn::Sub": _ARN % ("iot", f"cert/{certificate_id}")}
    if principal:
        fields = {"PolicyName": {"Ref": "Policy"}, "Principal": principal}
        resources["Attachment"] = _resource("AWS::IoT::PolicyPrincipalAttachment", fields)
        if wanted.thing:
            resources["Thing"] = _resource("AWS::IoT::Thing", {"ThingName": wanted.thing})
            fields = {"ThingName": {"Ref": "Thing"}, "Principal": principal}
            resources["ThingAttachment"] = _resource("AWS::IoT::ThingPrincipalAttachment", fields)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"secretenv {wanted.name}: lets a device read secrets with its certificate.",
        **({"Parameters": parameters} if parameters else {}),
        "Resources": resources,
        "Outputs": {
            "RoleAlias": {"Value": {"Ref": "RoleAlias"}},
            **({"CertificateId": {"Value": {"Ref": "Certificate"}}} if wanted.folder else {}),
        },
    }


def _chain(wanted: Wanted, *, with_value: bool) -> Fields:
    """Return role, role alias and IoT policy."""
    reading = secret_policy(_arns(wanted, with_value=with_value), wanted.kms_keys)
    role = {
        "RoleName": wanted.role,
        "AssumeRolePolicyDocument": trust_policy(),
        "MaxSessionDuration": max(wanted.duration, steps.SHORTEST_MAX_SESSION),
        "Policies": [{"PolicyName": steps.READ_SECRETS, "PolicyDocument": reading}],
        **_tags(wanted),
    }
    alias = {
        "RoleAlias": wanted.alias,
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "CredentialDurationSeconds": wanted.duration,
        **_tags(wanted),
    }
    policy = {
        "PolicyName": wanted.policy,
        "PolicyDocument": assume_policy({"Fn::GetAtt": ["RoleAlias", "RoleAliasArn"]}),
        **_tags(wanted),
    }
    return {
        "Role": _resource("AWS::IAM::Role", role),
        "RoleAlias": _resource("AWS::IoT::RoleAlias", alias),
        "Policy": _resource("AWS::IoT::Policy", policy),
    }


def _arns(wanted: Wanted, *, with_value: bool) -> list[Any]:
    if wanted.per_thing:
        # `${!` is how Fn::Sub lets IAM's own variable through.
        names = [f"{secret}/{THING.replace('${', '${!')}" for secret in wanted.secrets]
    elif with_value:
        return [{"Ref": "Secret"}]
    else:
        names = list(wanted.secrets)
    return [
        name if is_arn(name) else {"Fn::Sub": _ARN % ("secretsmanager", f"secret:{name}{ANY_SUFFIX}")} for name in names
    ]


def _tags(wanted: Wanted) -> Fields:
    return {"Tags": [{"Key": TEMPLATE_TAG, "Value": wanted.name}]}


def _resource(kind: str, properties: Fields) -> Fields:
    return {"Type": kind, "Properties": properties}
