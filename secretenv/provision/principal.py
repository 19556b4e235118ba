"""What may use the role alias: a registered certificate, a new one with its key and thing, or a thing group.

AWS IoT takes no tags for certificates and things. A thing that provision makes has the attribute `secretenv` instead.
If provision made its certificate as well, a second attribute names that: so `destroy` finds both.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretenv.provision import device_folder, messages
from secretenv.provision.device_folder import DeviceFolder
from secretenv.provision.device_settings import KEY
from secretenv.provision.errors import MissingError
from secretenv.provision.ownership import has_attribute
from secretenv.provision.wanted import TAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.provision.account import Account
    from secretenv.provision.wanted import Wanted

MADE = "secretenv-certificate"  # the attribute with the id of the certificate that provision made for a thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The target of the policy."""

    what: str = ""
    target: str = ""  # ARN; empty: none was given
    new: bool = False  # it did not exist before: nothing can be attached to it


def make_principal(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Principal:
    """Find or make the target of the policy, and the thing.

    Raises:
        SecretenvError: it does not exist, belongs to somebody else, or one of its two files is missing.
    """
    if wanted.group:
        found = _group(account, wanted.group)
        return Principal(what=f"thing group {wanted.group}", target=str(found["thingGroupArn"]))
    if wanted.folder:
        return _with_files(account, wanted, say)
    if wanted.certificate:
        principal = _registered(account, device_folder.id_of(wanted.certificate))
        if wanted.thing:
            _thing(account, wanted, principal.target, say)
        return principal
    return Principal()


def _with_files(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Principal:
    """Return the certificate that is in the folder; make one if there is none."""
    folder = DeviceFolder(wanted)
    if identity := folder.certificate_id():
        principal = _registered(account, identity)
        say(f"{principal.what}: unchanged")
        _thing(account, wanted, principal.target, say, made=identity if folder.has_note() else "")
        return principal
    with contextlib.suppress(MissingError):
        account.client("iot").describe_thing(thingName=wanted.thing)
        raise messages.THING_EXISTS(thing=wanted.thing, folder=folder.path)
    return _create(account, wanted, folder, say)


def _create(account: Account, wanted: Wanted, folder: DeviceFolder, say: Callable[[str], None]) -> Principal:
    """Have AWS make a key and a certificate, store both in the folder, and make the thing."""
    iot = account.client("iot")
    if account.dry:
        made = iot.create_keys_and_certificate(setAsActive=True)
    else:
        with folder.new_pair() as store:
            made = iot.create_keys_and_certificate(setAsActive=True)
            store(made["keyPair"]["PrivateKey"], made["certificatePem"])
    identity, arn = str(made["certificateId"]), str(made["certificateArn"])
    what = "the new certificate" if account.dry else f"certificate {identity[:12]}"
    say(f"{what}: created, with {KEY} in {folder.path}")
    _create_thing(iot, wanted, identity)
    iot.attach_thing_principal(thingName=wanted.thing, principal=arn)
    say(f"thing {wanted.thing}: created")
    return Principal(what=what, target=arn, new=True)


def _registered(account: Account, identity: str) -> Principal:
    """Return a certificate that is registered and active."""
    what = f"certificate {identity[:12]}"
    try:
        found = account.client("iot").describe_certificate(certificateId=identity)["certificateDescription"]
    except MissingError:
        raise messages.NOT_REGISTERED(certificate=what, account=account.id, region=account.region) from None
    if found["status"] != "ACTIVE":
        raise messages.NOT_ACTIVE(certificate=what, status=found["status"], id=identity)
    return Principal(what=what, target=str(found["certificateArn"]))


def _create_thing(iot: Any, wanted: Wanted, made: str) -> None:
    """Make the thing with the attribute of this NAME; `made` is its certificate's id if provision made that too."""
    attributes = {TAG: wanted.name, **({MADE: made} if made else {})}
    iot.create_thing(thingName=wanted.thing, attributePayload={"attributes": attributes})


def _thing(
    account: Account, wanted: Wanted, certificate_arn: str, say: Callable[[str], None], *, made: str = ""
) -> None:
    """Make sure that the thing exists and has this certificate; `made` is the certificate's id, if new."""
    iot, name = account.client("iot"), wanted.thing
    try:
        found = iot.describe_thing(thingName=name)
    except MissingError:
        _create_thing(iot, wanted, made)
        iot.attach_thing_principal(thingName=name, principal=certificate_arn)
        say(f"thing {name}: created")
        return
    if certificate_arn in account.pages("iot", "list_thing_principals", "principals", thingName=name):
        say(f"thing {name}: unchanged")
        return
    if not has_attribute(found, wanted.name):
        raise messages.NOT_ATTACHED(thing=name, name=wanted.name, certificate=certificate_arn)
    iot.attach_thing_principal(thingName=name, principal=certificate_arn)
    say(f"thing {name}: certificate attached")


def _group(account: Account, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = account.client("iot").describe_thing_group(thingGroupName=name)
    except MissingError:
        raise messages.NO_THING_GROUP(group=name) from None
    return found
