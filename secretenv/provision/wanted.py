"""What the operator asks for, checked: the names of everything, and which device it is for. Pure.

All names come from one NAME unless they are given. That NAME is also the value of the tag `secretenv`, which marks
what provision made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretenv.config import parsers
from secretenv.config.quoting import shown
from secretenv.errors import SettingsError
from secretenv.provision import messages, reading
from secretenv.provision.documents import ANY_SUFFIX, THING
from secretenv.provision.steps import DURATION

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "secretenv"

SHORTEST, LONGEST = 900, 43200  # seconds that a role alias allows

_CERTIFICATE = re.compile(r"(arn:[a-z-]+:iot:[a-z0-9-]+:\d{12}:cert/)?[0-9a-f]{64}")
_SECRET_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+")

# What each may be; NAME leaves room for `secretenv-` in a role's 64 characters.
_FORMS = {
    "NAME": parsers.Name(r"[A-Za-z0-9_-]{1,54}", "1 to 54 letters, digits and _ -"),
    "--secret": parsers.NAMES["secret"]._replace(characters=f"{parsers.NAMES['secret'].characters}, or an ARN"),
    "--role": parsers.NAMES["role"],
    "--role-alias": parsers.NAMES["role alias"],
    "--policy": parsers.NAMES["policy"],
    "--thing": parsers.NAMES["thing"],
    "--thing-group": parsers.NAMES["thing group"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The result that the operator asks for. The three ways to name the device exclude each other."""

    name: str
    secrets: tuple[str, ...]  # names or ARNs; with per_thing the part in front of `/THING`
    role: str
    alias: str
    policy: str
    duration: int  # seconds
    per_thing: bool
    thing: str  # empty: none
    certificate: str  # an ARN, an id or a PEM file; empty: none
    group: str  # of things; empty: none
    folder: str  # of a new device's files; empty: none
    kms_keys: tuple[str, ...]  # ARNs, of keys or of their aliases, that encrypt the secrets; empty: AWS's own key

    @property
    def tags(self) -> dict[str, str]:
        """The tag of everything that provision makes."""
        return {TAG: self.name}

    @property
    def read(self) -> tuple[str, ...]:
        """Return the secrets that the device reads; with per_thing but no thing, in words."""
        return tuple(f"{secret}/{self.thing or 'THING'}" for secret in self.secrets) if self.per_thing else self.secrets

    @property
    def words(self) -> list[str]:
        """Return the words after `secretenv provision` that ask for the same again."""
        own = f"secretenv-{self.name}"
        lists = {"--secret": self.secrets if self.secrets != (self.name,) else (), "--kms-key": self.kms_keys}
        single = {
            "--role": self.role if self.role != own else "",
            "--role-alias": self.alias if self.alias != own else "",
            "--policy": self.policy if self.policy != own else "",
            "--duration": str(self.duration) if self.duration != DURATION else "",
            "--thing": self.thing if not self.folder or self.per_thing or self.thing != self.name else "",
            "--certificate": self.certificate,
            "--thing-group": self.group,
            "--new-certificate": self.folder,
        }
        given = [(option, text) for option, texts in lists.items() for text in texts] + list(single.items())
        words = [self.name, *(["--per-thing"] if self.per_thing else [])]
        return words + [word for option, text in given if text for word in (option, text)]


def wanted(  # noqa: PLR0913 - each is an option
    name: str,
    *,
    secrets: Sequence[str] = (),
    role: str = "",
    alias: str = "",
    policy: str = "",
    duration: str = "",
    per_thing: bool = False,
    thing: str = "",
    certificate: str = "",
    group: str = "",
    folder: str = "",
    kms_keys: Sequence[str] = (),
) -> Wanted:
    """Return what these options ask for.

    Raises:
        SettingsError: a name that AWS does not allow, or options that exclude each other.
    """
    _check("NAME", name)
    own = f"secretenv-{name}"
    made = Wanted(
        name=name,
        secrets=tuple(dict.fromkeys(secrets)) or (name,),
        role=role or own,
        alias=alias or own,
        policy=policy or own,
        duration=_duration(duration),
        per_thing=per_thing,
        thing=thing or (name if folder and not per_thing else ""),
        certificate=certificate,
        group=group,
        folder=folder,
        kms_keys=tuple(dict.fromkeys(kms_keys)),
    )
    _check_names(made)
    _check_device(made)
    return made


def _check_names(made: Wanted) -> None:
    for option, text in (("--role", made.role), ("--role-alias", made.alias), ("--policy", made.policy)):
        _check(option, text)
    for option, text in (("--thing", made.thing), ("--thing-group", made.group)):
        if text:
            _check(option, text)
    for secret in made.secrets:
        if made.per_thing or not _SECRET_ARN.fullmatch(secret):
            _check("--secret", secret)
    for key in made.kms_keys:
        if not _KMS_KEY.fullmatch(key):
            raise messages.KMS_KEY(key=shown(key))
    for option, text in (("--certificate", made.certificate), ("--new-certificate", made.folder)):
        if reading.is_content(text):
            raise messages.NOT_A_PATH(option=option)


# Only a full ARN can be used in a policy.
_KMS_KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:(key|alias)/[A-Za-z0-9/_-]+")


def is_arn(secret: str) -> bool:
    """Tell whether a secret is named by its ARN."""
    return secret.startswith("arn:")


def one_key(made: Wanted) -> str:
    """Return the key that encrypts the secret to make; empty: AWS's own.

    Raises:
        AwsError: several are given.
    """
    if len(made.kms_keys) > 1:
        raise messages.ONE_KMS_KEY(secret=made.read[0])
    return "".join(made.kms_keys)


def example_arns(made: Wanted, region: str) -> list[str]:
    """Return the secrets as ARNs of an example's account, as long as real ones."""
    names = [f"{secret}/{THING}" for secret in made.secrets] if made.per_thing else made.secrets
    start = f"arn:aws:secretsmanager:{region or 'ap-southeast-1'}:111122223333:secret:"
    return [name if is_arn(name) else f"{start}{name}{ANY_SUFFIX}" for name in names]


def certificate_is_named(text: str) -> bool:
    """Tell whether this is the ARN or the id of a certificate, and not a file."""
    return _CERTIFICATE.fullmatch(text) is not None


def _check_device(made: Wanted) -> None:
    ways = {"--certificate": made.certificate, "--new-certificate": made.folder, "--thing-group": made.group}
    given = [option for option, value in ways.items() if value]
    if len(given) > 1:
        raise messages.EXCLUSIVE(options=" and ".join(given))
    if made.per_thing and not made.thing and (made.certificate or made.folder):
        raise messages.NO_THING()
    if made.thing and not made.per_thing and not (made.certificate or made.folder):
        raise messages.NO_CERTIFICATE(thing=made.thing)


def _duration(text: str) -> int:
    seconds = parsers.duration(text) if text else DURATION
    if not SHORTEST <= seconds <= LONGEST or seconds != int(seconds):
        raise messages.DURATION(duration=text)
    return int(seconds)


def _check(option: str, text: str) -> None:
    form, words = _FORMS[option]
    if not re.fullmatch(form, text, re.ASCII):
        raise SettingsError(f"{option} {shown(text)} is not a name that AWS allows here", hint=f"use {words}")
