"""`file://PATH` secrets: a local JSON file in the place of AWS, for development and for mounted secrets."""

from __future__ import annotations

import hashlib
import os
import stat

from secretenv.errors import SecretError
from secretenv.fetcher.variables import Reading
from secretenv.settings import FILE_SCHEME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from secretenv.settings import Secret

LARGEST = 1 << 20  # 16 times what Secrets Manager stores: whoever passes more means another file


def read(secret: Secret) -> Reading:
    """Return the file's text; its version is the SHA-256 of the content.

    Raises:
        SecretError: the file is missing, unreadable, not UTF-8 or too large.
    """
    path = secret.id.removeprefix(FILE_SCHEME)
    try:
        # Not blocking: opening a FIFO without a writer would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                _refuse(secret, "is not a regular file", f"ls -l {path}")
            content = file.read(LARGEST + 1)
    except OSError as error:
        _refuse(secret, f"cannot be read: {error.strerror}", f"ls -l {path}")
    if len(content) > LARGEST:
        _refuse(secret, "is larger than 1 MiB", "no variable holds that much; is it the right file?")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        _refuse(secret, "is not UTF-8 text", "store it as text, or base64 of it")
    version = hashlib.sha256(content).hexdigest()
    return Reading(secret=secret, content=text, version=version, created=status.st_mtime)


def _refuse(secret: Secret, why: str, hint: str) -> NoReturn:
    raise SecretError(f"secret {secret.id} {why}", hint=hint, link="file") from None
