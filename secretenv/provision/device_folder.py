"""The certificate and the key of a device as files on the operator's machine; nothing is ever overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from secretenv.identity import x509
from secretenv.provision import messages
from secretenv.provision.wanted import certificate_is_named

if TYPE_CHECKING:
    import contextlib

    from secretenv.provision.wanted import Wanted


def of(wanted: Wanted) -> tuple[Path, Path]:
    """Return the paths of a new device's certificate and key."""
    folder = absolute(wanted.folder)
    return folder / f"{wanted.thing}.pem.crt", folder / f"{wanted.thing}.pem.key"


def absolute(text: str) -> Path:
    """Return the absolute form of a path that somebody typed."""
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 (an unknown ~user stays as it is)


def reserve(path: Path, unused: contextlib.ExitStack) -> int:
    """Create a file that only its owner can read, and return its descriptor; `unused` removes the file again."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise messages.FILE_UNWRITABLE(file=path, reason=error.strerror, folder=path.parent) from None
    unused.callback(path.unlink)
    unused.callback(os.close, descriptor)
    return descriptor


def note(wanted: Wanted) -> str:
    """Return the line above a certificate that provision made: PEM allows text there, and AWS IoT takes no tag.

    If this run ends before AWS has the thing that names the certificate, the next run knows it by this line.
    """
    return f"# made by secretenv provision {wanted.name}\n"


def has_note(path: Path, wanted: Wanted) -> bool:
    """Tell whether a readable certificate has that line."""
    return path.read_bytes().startswith(note(wanted).encode())


def certificate_id(path: Path) -> str:
    """Return AWS IoT's id of the certificate in a file."""
    try:
        return x509.read_pem(path.read_bytes().decode("ascii", "replace")).fingerprint
    except OSError as error:
        raise messages.CERTIFICATE_UNREADABLE(file=path, reason=error.strerror) from None
    except x509.UnreadableError as error:
        raise messages.NOT_A_CERTIFICATE(file=path, reason=error) from None


def id_of(certificate: str) -> str:
    """Return the id of a certificate given by its ARN, its id or its file; nothing if none is given."""
    if not certificate or certificate_is_named(certificate):
        return certificate.rpartition("/")[2]
    return certificate_id(absolute(certificate))
