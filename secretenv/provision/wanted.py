"""What the operator asks for, checked: the names of everything, and which device it is for. Pure.

All names come from one NAME unless they are given. That NAME is also the value of the tag `secretenv`, which marks
what provision made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretenv.config import parsers
from secretenv.errors import SettingsError
from secretenv.provision import messages
from secretenv.provision.steps import DURATION

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "secretenv"

SHORTEST, LONGEST = 900, 43200  # seconds that a role alias takes

_CERTIFICATE = re.compile(r"(arn:[a-z-]+:iot:[a-z0-9-]+:\d{12}:cert/)?[0-9a-f]{64}")
_SECRET_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+")

# What AWS takes, by its own models; NAME leaves room for `secretenv-` in a role's 64 characters.
_FORMS = {
    "NAME": (r"[A-Za-z0-9_-]{1,54}", "1 to 54 letters, digits and _ -"),
    "--secret": (r"[A-Za-z0-9/_+=.@-]{1,512}", "1 to 512 letters, digits and / _ + = . @ -, or an ARN"),
    "--role": (r"[\w+=,.@-]{1,64}", "1 to 64 letters, digits and _ + = , . @ -"),
    "--role-alias": (r"[\w=,@-]{1,128}", "1 to 128 letters, digits and _ = , @ -"),
    "--policy": (r"[\w+=,.@-]{1,128}", "1 to 128 letters, digits and _ + = , . @ -"),
    "--thing": (r"[a-zA-Z0-9:_-]{1,128}", "1 to 128 letters, digits and : _ -"),
    "--thing-group": (r"[a-zA-Z0-9:_-]{1,128}", "1 to 128 letters, digits and : _ -"),
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
    folder: str  # where a new certificate goes; empty: none

    @property
    def tags(self) -> dict[str, str]:
        """The tag of everything that provision makes."""
        return {TAG: self.name}

    @property
    def read(self) -> tuple[str, ...]:
        """Return the secrets that the device reads; with per_thing but no thing, in words."""
        return tuple(f"{secret}/{self.thing or 'THING'}" for secret in self.secrets) if self.per_thing else self.secrets


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
) -> Wanted:
    """Return what these options ask for.

    Raises:
        SettingsError: a name that AWS does not take, or options that exclude each other.
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
    )
    for option, text in (("--role", made.role), ("--role-alias", made.alias), ("--policy", made.policy)):
        _check(option, text)
    for option, text in (("--thing", made.thing), ("--thing-group", group)):
        if text:
            _check(option, text)
    for secret in made.secrets:
        if per_thing or not _SECRET_ARN.fullmatch(secret):
            _check("--secret", secret)
    _check_device(made)
    return made


def is_arn(secret: str) -> bool:
    """Tell whether a secret is named by its ARN."""
    return secret.startswith("arn:")


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
        raise SettingsError(f"{option} {text!r} is no name that AWS takes here", hint=f"use {words}")
