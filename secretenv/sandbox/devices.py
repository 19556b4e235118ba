"""A device as files: its certificate, its key and the key's password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretenv.sandbox.authority import certificate_id, key_pem, make_key, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from secretenv.sandbox.authority import Authority, KeyFormat, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A certificate and its key; a registered one has a thing of the same name."""

    name: str
    cert: Path
    key: Path
    password_file: Path | None  # of an encrypted key
    certificate_id: str
    certificate_arn: str  # empty: not registered


def make_device(  # noqa: PLR0913, PLR0917 - each is one way in which a device can differ
    folder: Path, name: str, issuer: Authority, kind: Kind, key_format: KeyFormat, encrypted_with: str, *, expired: bool
) -> Device:
    """Write the files of a new device that is not registered yet."""
    key = make_key(kind)
    certificate = issuer.client(name, key, expired=expired)
    password_file = None
    if encrypted_with:
        password_file = write_private(folder / f"{name}.password", f"{encrypted_with}\n".encode())
    return Device(
        name=name,
        cert=write_private(folder / f"{name}.pem.crt", certificate),
        key=write_private(folder / f"{name}.pem.key", key_pem(key, form=key_format, password=encrypted_with)),
        password_file=password_file,
        certificate_id=certificate_id(certificate),
        certificate_arn="",
    )
