"""The certificate and the key of a device as files on the operator's machine; nothing is ever overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from secretenv.errors import CertificateError, SettingsError
from secretenv.identity import x509
from secretenv.provision.wanted import certificate_is_named

if TYPE_CHECKING:
    import contextlib

    from secretenv.provision.wanted import Wanted


def of(wanted: Wanted) -> tuple[Path, Path]:
    """Return where the certificate and the key of a new device are put."""
    folder = absolute(wanted.folder)
    return folder / f"{wanted.thing}.pem.crt", folder / f"{wanted.thing}.pem.key"


def absolute(text: str) -> Path:
    """Return a path that somebody typed as an absolute one."""
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 (an unknown ~user stays as it is)


def reserve(path: Path, unused: contextlib.ExitStack) -> int:
    """Create a file that only its owner can read, removed again if it stays unused, and return its descriptor."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(
            f"--new-certificate: {path} cannot be written: {error.strerror}", hint=f"ls -ld {path.parent}"
        ) from None
    unused.callback(path.unlink)
    unused.callback(os.close, descriptor)
    return descriptor


def note(wanted: Wanted) -> str:
    """Return the line above a certificate that we made: PEM allows for text there, and AWS IoT for no tag.

    By it a further run knows the certificate as ours, if this one ends before AWS has the thing that names it.
    """
    return f"# made by secretenv provision {wanted.name}\n"


def has_note(path: Path, wanted: Wanted) -> bool:
    """Tell whether a certificate that can be read has our line."""
    return path.read_bytes().startswith(note(wanted).encode())


def certificate_id(path: Path) -> str:
    """Return AWS IoT's id of the certificate in a file."""
    try:
        return x509.read_pem(path.read_bytes().decode("ascii", "replace")).fingerprint
    except OSError as error:
        raise CertificateError(f"certificate {path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from None
    except x509.UnreadableError as error:
        raise CertificateError(f"{path} is no certificate: {error}", hint="give a PEM file, an ARN or an id") from None


def id_of(certificate: str) -> str:
    """Return the id of a certificate that is named by its ARN, by its id or by its file; nothing for none."""
    if not certificate or certificate_is_named(certificate):
        return certificate.rpartition("/")[2]
    return certificate_id(absolute(certificate))
