"""Make what is missing on AWS's side, and change what differs; what is right already is left alone.

Only what has the tag of this NAME is changed. Anything else is used as it is if it fits, and refused if it does not.
Certificates and things are the business of `principal`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretenv.provision import messages, steps
from secretenv.provision.documents import THING, assume_policy, same, secret_policy, trust_policy
from secretenv.provision.errors import MissingError
from secretenv.provision.ownership import has_tag
from secretenv.provision.principal import Device, make_device
from secretenv.provision.wanted import TAG, is_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretenv.errors import SecretenvError
    from secretenv.provision.account import Account
    from secretenv.provision.secret_value import Value
    from secretenv.provision.wanted import Wanted

MOST_VERSIONS = 5  # of an IoT policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The part of a run's result that the device needs."""

    endpoint: str
    region: str
    device: Device


def apply(account: Account, wanted: Wanted, value: Value | None, say: Callable[[str], None]) -> Made:
    """Make everything that is wanted.

    Args:
        account: where; in a dry run nothing is changed.
        wanted: what the operator asks for.
        value: of the one secret; None: the secrets exist already.
        say: takes a line for each thing: whether it was made, changed or left alone.

    Raises:
        SecretenvError: AWS refused something, or something is in the way. Finished steps are kept, and the next run
            goes on from there.
    """
    work = _Apply(account, wanted, say)
    arns = work.secrets(value)
    work.role(arns)
    work.alias()
    work.policy()
    device = make_device(account, wanted, say)
    work.attach(device)
    endpoint = steps.credentials_endpoint(account.client("iot"))
    return Made(endpoint=endpoint, region=account.region, device=device)


class _Apply:
    """One run; a method for each link of the chain."""

    def __init__(self, account: Account, wanted: Wanted, say: Callable[[str], None]) -> None:
        self._account = account
        self._wanted = wanted
        self._say = say
        self._iam, self._iot = account.client("iam"), account.client("iot")
        self._role_arn = ""
        self._alias_arn = ""
        self._policy_is_ours = True

    def secrets(self, value: Value | None) -> list[str]:
        """Make the secret, or give it a new version, and return the ARNs that the role has to read."""
        if self._wanted.per_thing:
            if self._wanted.thing:
                for name in self._wanted.read:
                    self._secret(name, value)
            return [self._account.secret_pattern(f"{name}/{THING}") for name in self._wanted.secrets]
        return [self._secret(name, value) for name in self._wanted.read]

    def _secret(self, name: str, value: Value | None) -> str:
        client, what = self._account.client("secretsmanager"), f"secret {name}"
        try:
            found = client.describe_secret(SecretId=name)
        except MissingError:
            if value is None or is_arn(name):
                missing = messages.NO_SECRET_OF_ARN if is_arn(name) else messages.NO_SECRET
                raise missing(secret=name) from None
            arn = steps.create_secret(client, name, value.text, tags=self._wanted.tags)
            self._say(f"{what}: created")
            return arn
        if found.get("DeletedDate"):
            raise messages.SECRET_DELETED(secret=name)
        ours, arn = has_tag(found.get("Tags"), self._wanted.name), str(found["ARN"])
        if value is None or _value(client, name) == value.text:
            self._say(f"{what}: {_left_alone(ours=ours)}")
            return arn
        if not ours:
            adopt = f"aws secretsmanager tag-resource --secret-id {name} --tags Key={TAG},Value={self._wanted.name}"
            raise self._foreign(what, "has another value", "leave out --from-file to use it as it is", adopt)
        client.put_secret_value(SecretId=name, SecretString=value.text)
        self._say(f"{what}: new version, the value has changed")
        return arn

    def role(self, secret_arns: Sequence[str]) -> None:
        """Make the role that reads the secrets."""
        name, what = self._wanted.role, f"role {self._wanted.role}"
        try:
            found = self._iam.get_role(RoleName=name)["Role"]
        except MissingError:
            duration, tags = self._wanted.duration, self._wanted.tags
            self._role_arn = steps.create_role(self._iam, name, max_session=duration, tags=tags)
            steps.allow_reading(self._iam, name, secret_arns)
            self._say(f"{what}: created")
            return
        self._role_arn = str(found["Arn"])
        wrong = []
        if not same(found["AssumeRolePolicyDocument"], trust_policy()):
            wrong.append("trust policy")
        if int(found.get("MaxSessionDuration", steps.DURATION)) < self._wanted.duration:
            wrong.append("MaxSessionDuration")
        if not self._reads(secret_arns):
            wrong.append(f"policy {steps.READ_SECRETS}")
        ours = has_tag(found.get("Tags"), self._wanted.name)
        if wrong and not ours:
            adopt = f"aws iam tag-role --role-name {name} --tags Key={TAG},Value={self._wanted.name}"
            raise self._foreign(what, f"differs in its {' and '.join(wrong)}", "give another name with --role", adopt)
        if "trust policy" in wrong:
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust_policy()))
        if "MaxSessionDuration" in wrong:
            self._iam.update_role(RoleName=name, MaxSessionDuration=self._wanted.duration)
        if wrong[-1:] == [f"policy {steps.READ_SECRETS}"]:
            steps.allow_reading(self._iam, name, secret_arns)
        self._say(f"{what}: {_outcome(wrong, ours=ours)}")

    def _reads(self, secret_arns: Sequence[str]) -> bool:
        try:
            found = self._iam.get_role_policy(RoleName=self._wanted.role, PolicyName=steps.READ_SECRETS)
        except MissingError:
            return False
        return same(found["PolicyDocument"], secret_policy(secret_arns))

    def alias(self) -> None:
        """Make the role alias, the name under which devices ask for the role."""
        name, duration, what = self._wanted.alias, self._wanted.duration, f"role alias {self._wanted.alias}"
        try:
            found = self._iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]
        except MissingError:
            tags = self._wanted.tags
            self._alias_arn = steps.create_role_alias(self._iot, name, self._role_arn, duration=duration, tags=tags)
            self._say(f"{what}: created")
            return
        self._alias_arn = str(found["roleAliasArn"])
        right = {"roleArn": self._role_arn, "credentialDurationSeconds": duration}
        wrong = [key for key, value in right.items() if found[key] != value]
        ours = has_tag(self._tags(self._alias_arn), self._wanted.name)
        if wrong and not ours:
            raise self._foreign(
                what, f"differs in its {' and '.join(wrong)}", "give another name with --role-alias", self._adopt(what)
            )
        if wrong:
            self._iot.update_role_alias(roleAlias=name, **right)
        self._say(f"{what}: {_outcome(wrong, ours=ours)}")

    def policy(self) -> None:
        """Make the IoT policy that lets a certificate use the role alias."""
        name, what = self._wanted.policy, f"policy {self._wanted.policy}"
        document = assume_policy(self._alias_arn)
        try:
            found = self._iot.get_policy(policyName=name)
        except MissingError:
            steps.create_policy(self._iot, name, self._alias_arn, tags=self._wanted.tags)
            self._say(f"{what}: created")
            return
        wrong = [] if same(json.loads(found["policyDocument"]), document) else ["document"]
        ours = self._policy_is_ours = has_tag(self._tags(str(found["policyArn"])), self._wanted.name)
        if wrong and not ours:
            raise self._foreign(what, "differs in its document", "give another name with --policy", self._adopt(what))
        if wrong:
            self._make_room(name)
            self._iot.create_policy_version(policyName=name, policyDocument=json.dumps(document), setAsDefault=True)
        self._say(f"{what}: {_outcome(wrong, ours=ours)}")

    def _make_room(self, name: str) -> None:
        """Remove the oldest version of a policy that can have no further one."""
        versions = self._iot.list_policy_versions(policyName=name)["policyVersions"]
        if len(versions) >= MOST_VERSIONS:
            oldest = min(
                (each for each in versions if not each["isDefaultVersion"]), key=lambda each: int(each["versionId"])
            )
            self._iot.delete_policy_version(policyName=name, policyVersionId=oldest["versionId"])

    def attach(self, device: Device) -> None:
        """Attach the policy to the certificate, or to the thing group whose members' certificates inherit it."""
        if not device.target:
            self._say("no certificate or thing group given: no device can use the role alias yet")
            return
        policy, what = self._wanted.policy, f"policy {self._wanted.policy} on {device.what}"
        if not device.new:
            attached = self._account.pages("iot", "list_attached_policies", "policies", target=device.target)
            if any(each["policyName"] == policy for each in attached):
                self._say(f"{what}: unchanged")
                return
            if not self._policy_is_ours:
                command = f"aws iot attach-policy --policy-name {policy} --target {device.target}"
                raise self._foreign(
                    f"policy {policy}", "is not attached yet", "give another name with --policy", command
                )
        steps.attach_policy(self._iot, policy, device.target)
        self._say(f"{what}: attached")

    def _tags(self, arn: str) -> list[dict[str, str]]:
        """Return the tags of something in IoT."""
        found: list[dict[str, str]] = self._iot.list_tags_for_resource(resourceArn=arn)["tags"]
        return found

    def _adopt(self, what: str) -> str:
        """Return the command that tags a role alias or an IoT policy as made by this NAME."""
        kind, _, name = what.rpartition(" ")
        arn = self._account.arn("iot", f"{kind.replace(' ', '')}/{name}")
        return f"aws iot tag-resource --resource-arn {arn} --tags Key={TAG},Value={self._wanted.name}"

    def _foreign(self, what: str, how: str, instead: str, command: str) -> SecretenvError:
        """Return the error for something that does not fit and must not be changed."""
        return messages.FOREIGN(thing=what, name=self._wanted.name, difference=how, instead=instead, command=command)


def _value(client: Any, name: str) -> str | None:
    """Return a secret's text, None if it has none yet."""
    try:
        text = client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT").get("SecretString")
    except MissingError:
        return None
    return None if text is None else str(text)


def _outcome(wrong: Sequence[str], *, ours: bool) -> str:
    return f"changed in its {' and '.join(wrong)}" if wrong else _left_alone(ours=ours)


def _left_alone(*, ours: bool) -> str:
    return "unchanged" if ours else "used as it is, not made by provision"
