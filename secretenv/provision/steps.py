"""The AWS side, created step by step as an operator would: a secret, a role that reads it, a role alias, an IoT policy.

Every step is one call with a client that is passed in. An error from AWS passes through as it is, even where something
exists already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretenv.provision.documents import assume_policy, secret_policy, trust_policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DURATION = 3600  # AWS's own default, of the role alias and of the role's MaxSessionDuration
READ_SECRETS = "read-secrets"  # name of the role's only permission, an inline policy
SHORTEST_MAX_SESSION = 3600  # IAM takes no less for MaxSessionDuration, while a role alias goes down to 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """The result of `provision`, with the endpoint of this account and region."""

    secret_arn: str
    role_arn: str
    alias: str
    alias_arn: str
    policy: str
    endpoint: str


def create_secret(
    secretsmanager: Any,
    name: str,
    value: str | bytes | None,
    *,
    kms_key: str = "",
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create a secret and return its ARN; text, bytes, or (None) a secret that has no value yet."""
    content: dict[str, Any] = {}
    if isinstance(value, str):
        content["SecretString"] = value
    elif value is not None:
        content["SecretBinary"] = value
    if kms_key:
        content["KmsKeyId"] = kms_key
    if tags:
        content["Tags"] = as_list(tags)
    return str(secretsmanager.create_secret(Name=name, **content)["ARN"])


def create_role(
    iam: Any,
    name: str,
    *,
    max_session: int = DURATION,
    trust: dict[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create a role without permissions and return its ARN; `max_session` must reach the role alias' duration."""
    answer = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(trust or trust_policy()),
        MaxSessionDuration=max(max_session, SHORTEST_MAX_SESSION),
        Description="read secrets, for devices with a certificate",
        **({"Tags": as_list(tags)} if tags else {}),
    )
    return str(answer["Role"]["Arn"])


def allow_reading(iam: Any, role: str, secret_arns: Sequence[str], kms_keys: Sequence[str] = ()) -> None:
    """Give the role its only permission; another call replaces what an earlier one allowed."""
    document = json.dumps(secret_policy(secret_arns, kms_keys))
    iam.put_role_policy(RoleName=role, PolicyName=READ_SECRETS, PolicyDocument=document)


def create_role_alias(
    iot: Any, alias: str, role_arn: str, *, duration: int = DURATION, tags: Mapping[str, str] | None = None
) -> str:
    """Create the name under which devices ask for the role, and return its ARN; credentials live `duration` seconds."""
    answer = iot.create_role_alias(
        roleAlias=alias,
        roleArn=role_arn,
        credentialDurationSeconds=duration,
        **({"tags": as_list(tags)} if tags else {}),
    )
    return str(answer["roleAliasArn"])


def create_policy(iot: Any, name: str, alias_arn: str, *, tags: Mapping[str, str] | None = None) -> None:
    """Create the IoT policy that lets a certificate use the role alias."""
    document = json.dumps(assume_policy(alias_arn))
    iot.create_policy(policyName=name, policyDocument=document, **({"tags": as_list(tags)} if tags else {}))


def attach_policy(iot: Any, name: str, certificate_arn: str) -> None:
    """Attach the IoT policy to a certificate (or to a thing group, whose members' certificates inherit it)."""
    iot.attach_policy(policyName=name, target=certificate_arn)


def credentials_endpoint(iot: Any) -> str:
    """Return the host name of the account's credentials provider in the client's region."""
    # Without the type AWS returns the legacy data endpoint, a very common mistake.
    return str(iot.describe_endpoint(endpointType="iot:CredentialProvider")["endpointAddress"])


def provision(  # noqa: PLR0913 - each is a name that somebody has to choose
    *,
    secretsmanager: Any,
    iam: Any,
    iot: Any,
    secret: str,
    value: str | bytes | None,
    role: str,
    alias: str,
    policy: str,
    certificate_arn: str,
    duration: int = DURATION,
) -> Provisioned:
    """Make the whole AWS side for one secret and one certificate.

    Args:
        secretsmanager: a boto3 client, of the region that the devices are to use.
        iam: a boto3 client.
        iot: a boto3 client, of the same region.
        secret: the secret's name.
        value: its first value.
        role: the role's name.
        alias: the role alias' name.
        policy: the IoT policy's name.
        certificate_arn: of the certificate that may read the secret; registered and active.
        duration: life of the credentials, 900 to 43200 seconds.

    Raises:
        botocore.exceptions.ClientError: AWS refused a step. Finished steps are kept.
    """
    secret_arn = create_secret(secretsmanager, secret, value)
    role_arn = create_role(iam, role, max_session=duration)
    allow_reading(iam, role, [secret_arn])
    alias_arn = create_role_alias(iot, alias, role_arn, duration=duration)
    create_policy(iot, policy, alias_arn)
    attach_policy(iot, policy, certificate_arn)
    return Provisioned(
        secret_arn=secret_arn,
        role_arn=role_arn,
        alias=alias,
        alias_arn=alias_arn,
        policy=policy,
        endpoint=credentials_endpoint(iot),
    )


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in the form that every service takes."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
