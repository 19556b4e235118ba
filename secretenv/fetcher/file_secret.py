"""`file://PATH` secrets: a local JSON file in the place of AWS, for development and for mounted secrets."""

from __future__ import annotations

import hashlib
import os
import stat

from secretenv.fetcher import messages
from secretenv.fetcher.variables import Reading, missing
from secretenv.settings import FILE_SCHEME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.settings import Secret

LARGEST = 1 << 20  # 16 times what Secrets Manager stores: a larger file is not meant as a secret


def read(secret: Secret) -> Reading:
    """Return the file's text; its version is the SHA-256 of the content. An optional one may be missing.

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
                raise messages.FILE_NOT_REGULAR(secret=secret.id, file=path)
            content = file.read(LARGEST + 1)
    except OSError as error:
        if secret.optional and isinstance(error, FileNotFoundError):
            return missing(secret)
        raise messages.FILE_UNREADABLE(secret=secret.id, file=path, reason=error.strerror) from None
    if len(content) > LARGEST:
        raise messages.FILE_TOO_LARGE(secret=secret.id)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise messages.FILE_NOT_TEXT(secret=secret.id) from None
    version = hashlib.sha256(content).hexdigest()
    return Reading(secret=secret, content=text, version=version, created=status.st_mtime, note="")
