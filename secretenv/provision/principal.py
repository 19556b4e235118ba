"""What may use the role alias: a registered certificate, a new one with its key and thing, or a thing group.

AWS IoT takes no tags for certificates and things. A thing that provision makes has the attribute `secretenv` instead.
If provision made its certificate as well, a second attribute names that: so `destroy` finds both.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretenv.provision import device_files, messages
from secretenv.provision.errors import MissingError
from secretenv.provision.ownership import has_attribute
from secretenv.provision.wanted import TAG, certificate_is_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.provision.account import Account
    from secretenv.provision.wanted import Wanted

MADE = "secretenv-certificate"  # the attribute with the id of the certificate that provision made for a thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The target of the policy, and where the device's files are as far as that is known."""

    what: str = ""
    target: str = ""  # ARN; empty: no device can use the role alias yet
    new: bool = False  # the target did not exist before: nothing can be attached to it
    cert: str = ""
    key: str = ""


def make_device(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Device:
    """Find or make the target of the policy, and the thing.

    Raises:
        SecretenvError: it does not exist, belongs to somebody else, or one of its two files is missing.
    """
    if wanted.group:
        found = _group(account, wanted.group)
        return Device(what=f"thing group {wanted.group}", target=str(found["thingGroupArn"]))
    if wanted.folder:
        return _with_files(account, wanted, say)
    if wanted.certificate:
        file = "" if certificate_is_named(wanted.certificate) else str(device_files.absolute(wanted.certificate))
        identity = device_files.id_of(wanted.certificate)
        device = _registered(account, identity, cert=file)
        if wanted.thing:
            _thing(account, wanted, device.target, say)
        return device
    return Device()


def _with_files(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Device:
    """Return the device whose files are in the folder; make it if they are not."""
    cert, key = device_files.of(wanted)
    there = [path for path in (cert, key) if os.path.lexists(path)]
    if len(there) == 1:
        missing = key if there == [cert] else cert
        raise messages.HALF_A_PAIR(file=there[0], missing=missing)
    if there:
        identity = device_files.certificate_id(cert)
        device = _registered(account, identity, cert=str(cert), key=str(key))
        say(f"{device.what}: unchanged")
        _thing(account, wanted, device.target, say, made=identity if device_files.has_note(cert, wanted) else "")
        return device
    with contextlib.suppress(MissingError):
        account.client("iot").describe_thing(thingName=wanted.thing)
        raise messages.THING_EXISTS(thing=wanted.thing, folder=cert.parent)
    return _create(account, wanted, say)


def _create(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Device:
    """Have AWS make a key and a certificate, write them so that only their owner can read them, and make the thing."""
    iot = account.client("iot")
    cert, key = device_files.of(wanted)
    with contextlib.ExitStack() as unused:
        if not account.dry:
            # The files first: AWS hands out the key once, and it must not be lost.
            descriptors = [device_files.reserve(path, unused) for path in (key, cert)]
        made = iot.create_keys_and_certificate(setAsActive=True)
        if not account.dry:
            unused.pop_all()
            for descriptor, text in zip(
                descriptors,
                (made["keyPair"]["PrivateKey"], device_files.note(wanted) + made["certificatePem"]),
                strict=True,
            ):
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(text)
    identity, arn = str(made["certificateId"]), str(made["certificateArn"])
    what = "the new certificate" if account.dry else f"certificate {identity[:12]}"
    say(f"{what}: created, {cert} and {key.name}")
    _create_thing(iot, wanted, identity)
    iot.attach_thing_principal(thingName=wanted.thing, principal=arn)
    say(f"thing {wanted.thing}: created")
    return Device(what=what, target=arn, new=True, cert=str(cert), key=str(key))


def _registered(account: Account, identity: str, *, cert: str = "", key: str = "") -> Device:
    """Return the device of a certificate that is registered and active."""
    what = f"certificate {identity[:12]}"
    try:
        found = account.client("iot").describe_certificate(certificateId=identity)["certificateDescription"]
    except MissingError:
        raise messages.NOT_REGISTERED(certificate=what, account=account.id, region=account.region) from None
    if found["status"] != "ACTIVE":
        raise messages.NOT_ACTIVE(certificate=what, status=found["status"], id=identity)
    return Device(what=what, target=str(found["certificateArn"]), cert=cert, key=key)


def _create_thing(iot: Any, wanted: Wanted, made: str) -> None:
    """Make the thing with the attribute of this NAME; `made` is its certificate's id if provision made that too."""
    attributes = {TAG: wanted.name, **({MADE: made} if made else {})}
    iot.create_thing(thingName=wanted.thing, attributePayload={"attributes": attributes})


def _thing(
    account: Account, wanted: Wanted, certificate_arn: str, say: Callable[[str], None], *, made: str = ""
) -> None:
    """Make sure that the thing exists and has this certificate; `made` is its id if provision made it."""
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
