"""The secrets at AWS: created, given a new version, or found; and the KMS keys that encrypt them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from secretenv.provision import messages, steps
from secretenv.provision.documents import THING
from secretenv.provision.errors import MissingError
from secretenv.provision.ownership import in_the_way, is_made_by, left_alone
from secretenv.provision.wanted import TAG, is_arn, one_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.provision.account import Account
    from secretenv.provision.secret_value import Value
    from secretenv.provision.wanted import Wanted

OWN_KEY = "alias/aws/secretsmanager"  # AWS's, which decrypts for anyone who may read the secret


class Readable(NamedTuple):
    """Everything that the role has to be allowed."""

    arns: list[str]
    kms_keys: list[str]  # ARNs


class Secrets:
    """The secrets of one run.

    Args:
        account: where.
        wanted: names them.
        say: takes a line for each.
    """

    def __init__(self, account: Account, wanted: Wanted, say: Callable[[str], None]) -> None:
        self._account = account
        self._wanted = wanted
        self._say = say
        self._client = account.client("secretsmanager")
        self._kms_keys: dict[str, None] = {}

    def make(self, value: Value | None) -> Readable:
        """Make the secret, or give it a new version; without a value all of them have to exist.

        Raises:
            AwsError: one is missing, or is in the way.
        """
        if not self._wanted.per_thing:
            arns = [self._secret(name, value) for name in self._wanted.read]
            return Readable(arns, list(self._kms_keys))
        self._kms_keys = dict.fromkeys(self._wanted.kms_keys)
        if self._wanted.thing:
            for name in self._wanted.read:
                self._secret(name, value)
        arns = [self._account.secret_pattern(f"{name}/{THING}") for name in self._wanted.secrets]
        return Readable(arns, list(self._kms_keys))

    def _secret(self, name: str, value: Value | None) -> str:
        try:
            found = self._client.describe_secret(SecretId=name)
        except MissingError:
            return self._create(name, value)
        if found.get("DeletedDate"):
            raise messages.SECRET_DELETED(secret=name)
        arn = str(found["ARN"])
        self._note_key(name, str(found.get("KmsKeyId") or ""), arn)
        self._update(name, value, found.get("Tags"))
        return arn

    def _create(self, name: str, value: Value | None) -> str:
        if value is None or is_arn(name):
            missing = messages.NO_SECRET_OF_ARN if is_arn(name) else messages.NO_SECRET
            raise missing(secret=name) from None
        key = one_key(self._wanted)
        arn = steps.create_secret(self._client, name, value.text, kms_key=key, tags=self._wanted.tags)
        self._kms_keys.update(dict.fromkeys(self._wanted.kms_keys))
        self._say(f"secret {name}: created" + (f", encrypted with {key}" if key else ""))
        return arn

    def _update(self, name: str, value: Value | None, tags: Any) -> None:
        """Give a secret that exists a new version if its value has changed."""
        what = f"secret {name}"
        if value is None or (self._value(name) or "").rstrip() == value.text.rstrip():
            self._say(f"{what}: {left_alone(tags, self._wanted.name)}")
            return
        if not is_made_by(tags, self._wanted.name):
            raise in_the_way(
                what,
                tags,
                self._wanted.name,
                difference="has another value",
                instead="leave out --from-file to use it as it is",
                command=f"aws secretsmanager tag-resource --secret-id {name} "
                f"--tags Key={TAG},Value={self._wanted.name}",
            )
        self._client.put_secret_value(SecretId=name, SecretString=value.text)
        self._say(f"{what}: new version, because the value has changed")

    def _value(self, name: str) -> str | None:
        """Return a secret's text, None if it has none yet."""
        try:
            text = self._client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT").get("SecretString")
        except MissingError:
            return None
        return None if text is None else str(text)

    def _note_key(self, name: str, key: str, secret_arn: str) -> None:
        """Note the key of a secret that exists, unless it is AWS's own, and check it against the one that was given."""
        if key.endswith(OWN_KEY):
            key = ""
        if key and not is_arn(key):
            _, partition, _, region, account = secret_arn.split(":")[:5]
            key = f"arn:{partition}:kms:{region}:{account}:{key if key.startswith('alias/') else f'key/{key}'}"
        if self._wanted.kms_keys and key not in self._wanted.kms_keys:
            raise messages.ANOTHER_KMS_KEY(secret=name, key=key or "AWS's own key")
        if key and key not in self._kms_keys:
            self._kms_keys[key] = None
            self._say(
                f"secret {name}: encrypted with {key}; the role may decrypt with it; the key's policy must allow it too"
            )
