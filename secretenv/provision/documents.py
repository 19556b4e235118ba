"""The policies, each as small as it can be: who may assume the role, what the role reads, what a certificate obtains.

Pure. README.md shows these very documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICE = "credentials.iot.amazonaws.com"  # who assumes the role, in every partition

# Stands for the thing's name in a secret's name. No thing name has a wildcard or a blank in it.
THING = "${credentials-iot:ThingName}"

# AWS ends the ARN of each secret with `-` and six characters. With `*` instead of six question marks a policy for
# `app` would also allow `app-of-others`, and one for the thing `sensor-1` the secrets of `sensor-10`.
ANY_SUFFIX = "-??????"

# All that `secretenv provision` and its `destroy` ask of AWS; PassRole is needed on the role only.
OPERATOR_ACTIONS = (
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iot:AttachPolicy",
    "iot:AttachThingPrincipal",
    "iot:CreateKeysAndCertificate",
    "iot:CreatePolicy",
    "iot:CreatePolicyVersion",
    "iot:CreateRoleAlias",
    "iot:CreateThing",
    "iot:DeleteCertificate",
    "iot:DeletePolicy",
    "iot:DeletePolicyVersion",
    "iot:DeleteRoleAlias",
    "iot:DeleteThing",
    "iot:DescribeCertificate",
    "iot:DescribeEndpoint",
    "iot:DescribeRoleAlias",
    "iot:DescribeThing",
    "iot:DescribeThingGroup",
    "iot:DetachPolicy",
    "iot:DetachThingPrincipal",
    "iot:GetPolicy",
    "iot:ListAttachedPolicies",
    "iot:ListPolicyVersions",
    "iot:ListTagsForResource",
    "iot:ListTargetsForPolicy",
    "iot:ListThingPrincipals",
    "iot:ListThings",
    "iot:TagResource",
    "iot:UpdateCertificate",
    "iot:UpdateRoleAlias",
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecrets",
    "secretsmanager:PutSecretValue",
    "secretsmanager:TagResource",
)


def trust_policy() -> dict[str, Any]:
    """Return the role's trust: the IoT credentials provider may assume it, nobody else."""
    return policy({"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"})


def secret_policy(secret_arns: Sequence[Any]) -> dict[str, Any]:
    """Return the role's permissions: to read the values of these secrets, and nothing else."""
    return policy({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": list(secret_arns)})


def assume_policy(alias_arn: Any) -> dict[str, Any]:
    """Return the certificate's permission: to get the credentials of this one role alias."""
    return policy({"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": alias_arn})


def policy(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a policy of one statement."""
    return {"Version": "2012-10-17", "Statement": [statement]}


def same(one: Any, other: Any) -> bool:
    """Compare two policy documents: a single word and a list of it say the same."""
    return bool(_plain(one) == _plain(other))


def _plain(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _plain(value) for key, value in document.items()}
    if isinstance(document, list):
        plain = [_plain(item) for item in document]
        if len(plain) == 1:
            return plain[0]
        return sorted(plain, key=str)
    return document
