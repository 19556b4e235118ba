"""Create what is missing in AWS, and change what differs; what is already right is left alone.

Only what `provision NAME` made is changed. Anything else is used as it is if it fits, and refused if it does not.
Secrets are the business of `stored_secrets`, certificates and things that of `principal`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretenv.provision import documents, messages, steps
from secretenv.provision.documents import assume_policy, same, secret_policy, trust_policy
from secretenv.provision.errors import MissingError
from secretenv.provision.ownership import in_the_way, is_made_by, left_alone
from secretenv.provision.principal import make_principal
from secretenv.provision.stored_secrets import Readable, Secrets
from secretenv.provision.wanted import TAG, is_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretenv.errors import SecretenvError
    from secretenv.provision.account import Account
    from secretenv.provision.ownership import Tags
    from secretenv.provision.principal import Principal
    from secretenv.provision.secret_value import Value
    from secretenv.provision.wanted import Wanted

MOST_VERSIONS = 5  # of an IoT policy
MOST_POLICIES = 10  # of IoT, on one certificate or thing group
SHOWN = 3  # of the targets that a policy is attached to


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The part of a run's result that the device needs."""

    endpoint: str
    region: str


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
    work.role(Secrets(account, wanted, say).make(value))
    work.alias()
    work.policy()
    work.attach(make_principal(account, wanted, say))
    return Made(endpoint=steps.credentials_endpoint(account.client("iot")), region=account.region)


class _Apply:
    """One run; a method for each link of the chain."""

    def __init__(self, account: Account, wanted: Wanted, say: Callable[[str], None]) -> None:
        self._account = account
        self._wanted = wanted
        self._say = say
        self._iam, self._iot = account.client("iam"), account.client("iot")
        self._role_arn = ""
        self._alias_arn = ""
        self._policy_tags: Tags = None  # None: this run made the policy

    def role(self, readable: Readable) -> None:
        """Make the role that reads the secrets."""
        name, what = self._wanted.role, f"role {self._wanted.role}"
        try:
            found = self._iam.get_role(RoleName=name)["Role"]
        except MissingError:
            documents.check_size(secret_policy(*readable), len(readable.arns))
            duration, tags = self._wanted.duration, self._wanted.tags
            self._role_arn = steps.create_role(self._iam, name, max_session=duration, tags=tags)
            steps.allow_reading(self._iam, name, *readable)
            self._say(f"{what}: created")
            return
        self._role_arn, reading = str(found["Arn"]), self._reading()
        if self._wanted.per_thing:
            # The keys of other things' secrets, which this run does not see.
            kept = documents.decrypting(reading) if reading else []
            readable = Readable(readable.arns, list(dict.fromkeys([*kept, *readable.kms_keys])))
        documents.check_size(secret_policy(*readable), len(readable.arns))
        wrong = []
        if not same(found["AssumeRolePolicyDocument"], trust_policy()):
            wrong.append("trust policy")
        if int(found.get("MaxSessionDuration", steps.DURATION)) < self._wanted.duration:
            wrong.append("MaxSessionDuration")
        if not reading or not same(self._exact(reading, readable), secret_policy(*readable)):
            wrong.append(f"policy {steps.READ_SECRETS}")
        tags = found.get("Tags")
        if wrong and not is_made_by(tags, self._wanted.name):
            adopt = f"aws iam tag-role --role-name {name} --tags Key={TAG},Value={self._wanted.name}"
            raise self._foreign(what, tags, wrong, "--role", adopt)
        self._change_role(wrong, readable)
        self._say(f"{what}: {self._outcome(wrong, tags)}")

    def _change_role(self, wrong: Sequence[str], readable: Readable) -> None:
        name = self._wanted.role
        if "trust policy" in wrong:
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust_policy()))
        if "MaxSessionDuration" in wrong:
            self._iam.update_role(RoleName=name, MaxSessionDuration=self._wanted.duration)
        if wrong[-1:] == [f"policy {steps.READ_SECRETS}"]:
            steps.allow_reading(self._iam, name, *readable)

    def _reading(self) -> dict[str, Any]:
        """Return the role's policy for the secrets, empty if it has none."""
        try:
            found = self._iam.get_role_policy(RoleName=self._wanted.role, PolicyName=steps.READ_SECRETS)
        except MissingError:
            return {}
        return dict(found["PolicyDocument"])

    def _exact(self, policy: dict[str, Any], readable: Readable) -> dict[str, Any]:
        """Return the role's policy with ARNs in place of the patterns that a template has for the same secrets."""
        names = self._wanted.read
        if self._wanted.per_thing or len(names) != len(readable.arns):
            return policy
        text = json.dumps(policy)
        for name, arn in zip(names, readable.arns, strict=True):
            if not is_arn(name):
                text = text.replace(json.dumps(self._account.secret_pattern(name)), json.dumps(arn))
        return dict(json.loads(text))

    def alias(self) -> None:
        """Make the role alias, the name under which devices ask for the role."""
        name, duration, what = self._wanted.alias, self._wanted.duration, f"role alias {self._wanted.alias}"
        try:
            found = self._iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]
        except MissingError:
            made = self._wanted.tags
            self._alias_arn = steps.create_role_alias(self._iot, name, self._role_arn, duration=duration, tags=made)
            self._say(f"{what}: created")
            return
        self._alias_arn = str(found["roleAliasArn"])
        right = {"roleArn": self._role_arn, "credentialDurationSeconds": duration}
        wrong = [key for key, value in right.items() if found[key] != value]
        tags = self._tags(self._alias_arn)
        if wrong and not is_made_by(tags, self._wanted.name):
            raise self._foreign(what, tags, wrong, "--role-alias", self._adopt(what))
        if wrong:
            self._iot.update_role_alias(roleAlias=name, **right)
        self._say(f"{what}: {self._outcome(wrong, tags)}")

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
        tags = self._policy_tags = self._tags(str(found["policyArn"]))
        if wrong and not is_made_by(tags, self._wanted.name):
            raise self._foreign(what, tags, wrong, "--policy", self._adopt(what))
        if wrong:
            self._make_room(name)
            self._iot.create_policy_version(policyName=name, policyDocument=json.dumps(document), setAsDefault=True)
        self._say(f"{what}: {self._outcome(wrong, tags)}")

    def _make_room(self, name: str) -> None:
        """Remove the oldest version of a policy that cannot have another one."""
        versions = self._iot.list_policy_versions(policyName=name)["policyVersions"]
        if len(versions) >= MOST_VERSIONS:
            oldest = min(
                (each for each in versions if not each["isDefaultVersion"]), key=lambda each: int(each["versionId"])
            )
            self._iot.delete_policy_version(policyName=name, policyVersionId=oldest["versionId"])

    def attach(self, principal: Principal) -> None:
        """Attach the policy to the certificate, or to the thing group whose members' certificates inherit it."""
        if not principal.target:
            self._say_who_is_attached()
            return
        policy, what = self._wanted.policy, f"policy {self._wanted.policy} on {principal.what}"
        if not principal.new:
            attached = self._account.pages("iot", "list_attached_policies", "policies", target=principal.target)
            if any(each["policyName"] == policy for each in attached):
                self._say(f"{what}: unchanged")
                return
            if len(attached) >= MOST_POLICIES:
                raise messages.TOO_MANY_POLICIES(target=principal.what, count=len(attached))
            tags = self._policy_tags
            if tags is not None and not is_made_by(tags, self._wanted.name):
                raise in_the_way(
                    f"policy {policy}",
                    tags,
                    self._wanted.name,
                    difference="is not attached yet",
                    instead=f"aws iot attach-policy --policy-name {policy} --target {principal.target}",
                    command=self._adopt(f"policy {policy}"),
                )
        steps.attach_policy(self._iot, policy, principal.target)
        self._say(f"{what}: attached")

    def _say_who_is_attached(self) -> None:
        """Say which certificates and thing groups have the policy already, where none was given."""
        policy = self._wanted.policy
        try:
            targets = self._account.pages("iot", "list_targets_for_policy", "targets", policyName=policy)
        except MissingError:  # a dry run
            targets = []
        if not targets:
            self._say("no certificate or thing group given: no device can use the role alias yet")
            return
        shown = [self._target(arn) for arn in targets[:SHOWN]]
        more = [f"{len(targets) - SHOWN} more"] if len(targets) > SHOWN else []
        self._say(f"policy {policy}: attached to {', '.join([*shown, *more])}")

    def _target(self, arn: str) -> str:
        """Return a target of a policy in words, with the status of a certificate that is not active."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind != "cert":
            return f"thing group {name}" if kind == "thinggroup" else arn
        with suppress(MissingError):  # AWS may list for a while what was removed
            found = self._iot.describe_certificate(certificateId=name)["certificateDescription"]
            if found["status"] != "ACTIVE":
                return f"certificate {name[:12]}, which is {found['status']}"
        return f"certificate {name[:12]}"

    def _tags(self, arn: str) -> list[dict[str, str]]:
        """Return the tags of something in IoT."""
        found: list[dict[str, str]] = self._iot.list_tags_for_resource(resourceArn=arn)["tags"]
        return found

    def _adopt(self, what: str) -> str:
        """Return the command that tags a role alias or an IoT policy as made by this NAME."""
        kind, _, name = what.rpartition(" ")
        arn = self._account.arn("iot", f"{kind.replace(' ', '')}/{name}")
        return f"aws iot tag-resource --resource-arn {arn} --tags Key={TAG},Value={self._wanted.name}"

    def _foreign(self, what: str, tags: Tags, wrong: Sequence[str], option: str, command: str) -> SecretenvError:
        difference, instead = f"differs in its {' and '.join(wrong)}", f"give another name with {option}"
        return in_the_way(what, tags, self._wanted.name, difference=difference, instead=instead, command=command)

    def _outcome(self, wrong: Sequence[str], tags: Tags) -> str:
        return f"changed in its {' and '.join(wrong)}" if wrong else left_alone(tags, self._wanted.name)
