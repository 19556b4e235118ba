"""Who gets in: a certificate that is registered, a new one with its key and thing, or a thing group.

AWS IoT takes no tags for certificates and things. A thing that we make has the attribute `secretenv` instead, and one
whose certificate we made as well names that in a second attribute: so `destroy` knows both.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretenv.errors import SettingsError
from secretenv.provision import device_files
from secretenv.provision.account import AwsError, MissingError
from secretenv.provision.wanted import TAG, certificate_is_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.provision.account import Account
    from secretenv.provision.wanted import Wanted

MADE = "secretenv-certificate"  # the attribute with the id of the certificate that we made for a thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The target of the policy, and where the device's files are as far as we know them."""

    what: str = ""
    target: str = ""  # ARN; empty: nobody gets in yet
    new: bool = False  # the target did not exist before: nothing can be attached to it
    cert: str = ""
    key: str = ""


def make_device(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Device:
    """Find or make what the policy is attached to, and the thing.

    Raises:
        SecretenvError: it does not exist, belongs to somebody else, or its files are half there.
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
        raise SettingsError(
            f"--new-certificate: {there[0]} exists, but {missing} does not",
            hint="put the missing file back, or take another folder: no key is ever overwritten",
        )
    if there:
        identity = device_files.certificate_id(cert)
        device = _registered(account, identity, cert=str(cert), key=str(key))
        say(f"{device.what}: unchanged")
        _thing(account, wanted, device.target, say, made=identity if device_files.has_note(cert, wanted) else "")
        return device
    with contextlib.suppress(MissingError):
        account.client("iot").describe_thing(thingName=wanted.thing)
        raise AwsError(
            f"thing {wanted.thing} exists, and its certificate is not in {cert.parent}",
            hint="name the folder that has its files, or another device with --thing NAME",
        )
    return _create(account, wanted, say)


def _create(account: Account, wanted: Wanted, say: Callable[[str], None]) -> Device:
    """Have AWS make a key and a certificate, write them where nobody else can read them, and make the thing."""
    iot = account.client("iot")
    cert, key = device_files.of(wanted)
    with contextlib.ExitStack() as unused:
        if not account.dry:
            # The files before the certificate: a key that cannot be written is lost for ever.
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
        raise AwsError(
            f"{what} is not registered in account {account.id}, region {account.region}",
            hint="check --region and --profile; aws iot register-certificate-without-ca registers one of your own",
        ) from None
    if found["status"] != "ACTIVE":
        raise AwsError(
            f"{what} is {found['status']}",
            hint=f"aws iot update-certificate --certificate-id {identity} --new-status ACTIVE",
        )
    return Device(what=what, target=str(found["certificateArn"]), cert=cert, key=key)


def _create_thing(iot: Any, wanted: Wanted, made: str) -> None:
    """Make the thing as ours; `made` is the id of its certificate if we made that as well."""
    attributes = {TAG: wanted.name, **({MADE: made} if made else {})}
    iot.create_thing(thingName=wanted.thing, attributePayload={"attributes": attributes})


def _thing(
    account: Account, wanted: Wanted, certificate_arn: str, say: Callable[[str], None], *, made: str = ""
) -> None:
    """See to it that the thing exists and has this certificate, whose id is `made` if we made it."""
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
    if not is_ours(found, wanted.name):
        raise AwsError(
            f"thing {name} exists, was not made by `secretenv provision {wanted.name}`, and has not this certificate",
            hint=f"aws iot attach-thing-principal --thing-name {name} --principal {certificate_arn}",
        )
    iot.attach_thing_principal(thingName=name, principal=certificate_arn)
    say(f"thing {name}: certificate attached")


def is_ours(thing: dict[str, Any], name: str) -> bool:
    """Tell whether `provision NAME` made a thing."""
    return bool(thing.get("attributes", {}).get(TAG) == name)


def _group(account: Account, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = account.client("iot").describe_thing_group(thingGroupName=name)
    except MissingError:
        hint = f"aws iot create-thing-group --thing-group-name {name}"
        raise AwsError(f"thing group {name} does not exist", hint=hint) from None
    return found
