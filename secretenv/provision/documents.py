"""The policies, each as small as it can be: who may assume the role, what the role reads, what a certificate obtains.

Pure. docs/aws.md shows these very documents.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from secretenv.provision import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERVICE = "credentials.iot.amazonaws.com"  # who assumes the role, in every partition

# Stands for the thing's name in a secret's name. No thing name has a wildcard or a blank in it.
THING = "${credentials-iot:ThingName}"

# AWS ends the ARN of each secret with `-` and six characters. With `*` instead of six question marks a policy for
# `app` would also allow `app-of-others`, and one for the thing `sensor-1` the secrets of `sensor-10`.
ANY_SUFFIX = "-??????"

LONGEST = 10240  # characters of all inline policies of a role, without blanks; AWS does not raise this limit

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


def secret_policy(secret_arns: Sequence[Any], kms_keys: Sequence[str] = ()) -> dict[str, Any]:
    """Return the role's permissions: to read the values of these secrets, and nothing else.

    Args:
        secret_arns: ARNs, which may have wildcards.
        kms_keys: ARNs of the keys, or of the aliases of keys, that encrypt them; none: AWS's own key, which needs no
            permission.
    """
    read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": list(secret_arns)}
    return policy(read, *_decrypt(kms_keys))


def _decrypt(kms_keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the statements that allow decryption with these keys, through Secrets Manager only."""
    through = {"kms:ViaService": "secretsmanager.*"}
    aliases = [key for key in kms_keys if ":alias/" in key]
    if keys := [key for key in kms_keys if key not in aliases]:
        condition: dict[str, Any] = {"StringLike": through}
        yield {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys, "Condition": condition}
    for alias in aliases:
        # As a resource an alias allows nothing; it is a condition on all keys of its account and region.
        account, _, name = alias.partition(":alias/")
        condition = {"StringLike": through, "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{name}"}}
        yield {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": f"{account}:key/*", "Condition": condition}


def decrypting(document: dict[str, Any]) -> list[str]:
    """Return the keys, or aliases, with which a policy of `secret_policy` allows decryption."""
    found: list[str] = []
    for statement in document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]:
        if statement.get("Action") in ("kms:Decrypt", ["kms:Decrypt"]):
            keys = statement["Resource"]
            aliases = statement.get("Condition", {}).get("ForAnyValue:StringEquals", {}).get("kms:ResourceAliases", ())
            if aliases:
                account = str(keys).removesuffix(":key/*")
                found += [f"{account}:{alias}" for alias in ([aliases] if isinstance(aliases, str) else aliases)]
            else:
                found += [keys] if isinstance(keys, str) else keys
    return found


def check_size(document: dict[str, Any], secrets: int) -> None:
    """Check that IAM allows a policy for that many secrets as an inline policy; IAM does not count white space.

    Raises:
        AwsError: it is too long.
    """
    size = len(json.dumps(document, separators=(",", ":")))
    if size > LONGEST:
        raise messages.POLICY_TOO_LONG(count=secrets, size=size, limit=LONGEST)


def assume_policy(alias_arn: Any) -> dict[str, Any]:
    """Return the certificate's permission: to get the credentials of this one role alias."""
    return policy({"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": alias_arn})


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


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
