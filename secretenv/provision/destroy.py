"""Remove exactly what provision created, known by its tag or, for things, by an attribute, in the order that AWS needs.

Everything is found first, so that it can be shown before anything is removed. The secret goes last, and by default
only into its recovery window.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from secretenv.provision import steps
from secretenv.provision.errors import MissingError
from secretenv.provision.ownership import has_attribute, is_made_by, stack
from secretenv.provision.principal import MADE
from secretenv.provision.wanted import TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.provision.account import Account
    from secretenv.provision.ownership import Tags
    from secretenv.provision.wanted import Wanted


class Doomed(NamedTuple):
    """One thing that will be removed."""

    what: str
    remove: Callable[[], None]


def find(account: Account, wanted: Wanted, *, days: int, say: Callable[[str], None]) -> list[Doomed]:
    """Return all that provision made, in the order in which it has to be removed.

    Args:
        account: where.
        wanted: NAME and the names that were given with it.
        days: recovery window of the secrets; 0: they are removed at once.
        say: takes a line for each thing that a template owns, and that is left alone.
    """
    work = _Destroy(account, wanted, days, say)
    return [*work.things(), *work.policies(), *work.aliases(), *work.roles(), *work.secrets()]


class _Destroy:
    """One run; a method for each kind."""

    def __init__(self, account: Account, wanted: Wanted, days: int, say: Callable[[str], None]) -> None:
        self._account = account
        self._wanted = wanted
        self._days = days
        self._say = say
        self._iam, self._iot = account.client("iam"), account.client("iot")
        self._gone: set[str] = set()  # certificates, by ARN: in lists AWS may still name them for a while

    def things(self) -> Iterator[Doomed]:
        """Yield things with the attribute, each with its certificate if provision made that too."""
        name = self._wanted.name
        for thing in self._account.pages("iot", "list_things", "things", attributeName=TAG, attributeValue=name):
            if not has_attribute(thing, name):
                continue
            made = thing["attributes"].get(MADE, "")
            principals = self._account.pages("iot", "list_thing_principals", "principals", thingName=thing["thingName"])
            what = f"thing {thing['thingName']}" + (f" with certificate {made[:12]}" if made else "")
            yield Doomed(what, partial(self._thing, thing["thingName"], made, principals))

    def _thing(self, name: str, made: str, principals: list[str]) -> None:
        for principal in principals:
            self._iot.detach_thing_principal(thingName=name, principal=principal)
        # The thing after the certificate: while it exists, another run can still find the certificate.
        if made:
            with contextlib.suppress(MissingError):
                self._certificate(made)
        self._iot.delete_thing(thingName=name)

    def _certificate(self, identity: str) -> None:
        arn = self._account.arn("iot", f"cert/{identity}")
        for policy in self._account.pages("iot", "list_attached_policies", "policies", target=arn):
            self._iot.detach_policy(policyName=policy["policyName"], target=arn)
        self._iot.update_certificate(certificateId=identity, newStatus="INACTIVE")
        self._iot.delete_certificate(certificateId=identity)
        self._gone.add(arn)

    def policies(self) -> Iterator[Doomed]:
        """Yield the IoT policy."""
        name = self._wanted.policy
        with contextlib.suppress(MissingError):
            arn = str(self._iot.get_policy(policyName=name)["policyArn"])
            if self._is_ours(f"policy {name}", self._iot.list_tags_for_resource(resourceArn=arn)["tags"]):
                yield Doomed(f"policy {name}", partial(self._policy, name))

    def _policy(self, name: str) -> None:
        for target in self._account.pages("iot", "list_targets_for_policy", "targets", policyName=name):
            if target not in self._gone:
                self._iot.detach_policy(policyName=name, target=target)
        for version in self._iot.list_policy_versions(policyName=name)["policyVersions"]:
            if not version["isDefaultVersion"]:
                self._iot.delete_policy_version(policyName=name, policyVersionId=version["versionId"])
        self._iot.delete_policy(policyName=name)

    def aliases(self) -> Iterator[Doomed]:
        """Yield the role alias."""
        name = self._wanted.alias
        with contextlib.suppress(MissingError):
            found = self._iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]
            arn = str(found["roleAliasArn"])
            if self._is_ours(f"role alias {name}", self._iot.list_tags_for_resource(resourceArn=arn)["tags"]):
                yield Doomed(f"role alias {name}", partial(self._alias, name))

    def _alias(self, name: str) -> None:
        self._iot.delete_role_alias(roleAlias=name)

    def roles(self) -> Iterator[Doomed]:
        """Yield the role."""
        name = self._wanted.role
        with contextlib.suppress(MissingError):
            if self._is_ours(f"role {name}", self._iam.get_role(RoleName=name)["Role"].get("Tags")):
                yield Doomed(f"role {name}", partial(self._role, name))

    def _role(self, name: str) -> None:
        with contextlib.suppress(MissingError):
            self._iam.delete_role_policy(RoleName=name, PolicyName=steps.READ_SECRETS)
        self._iam.delete_role(RoleName=name)

    def secrets(self) -> Iterator[Doomed]:
        """Yield the secrets, including those of things."""
        # AWS compares only the beginning of a tag here, so the tag is compared again.
        filters = [{"Key": "tag-key", "Values": [TAG]}, {"Key": "tag-value", "Values": [self._wanted.name]}]
        for secret in self._account.pages("secretsmanager", "list_secrets", "SecretList", Filters=filters):
            if self._is_ours(f"secret {secret['Name']}", secret.get("Tags")) and not secret.get("DeletedDate"):
                how = f"recoverable for {self._days} days" if self._days else "for good"
                yield Doomed(f"secret {secret['Name']} ({how})", partial(self._secret, str(secret["ARN"])))

    def _secret(self, arn: str) -> None:
        window = {"RecoveryWindowInDays": self._days} if self._days else {"ForceDeleteWithoutRecovery": True}
        self._account.client("secretsmanager").delete_secret(SecretId=arn, **window)

    def _is_ours(self, what: str, tags: Tags) -> bool:
        """Tell whether provision made it; say so if a template owns it."""
        if owner := stack(tags):
            self._say(f"{what}: left alone, because it belongs to {owner}")
        return is_made_by(tags, self._wanted.name)
