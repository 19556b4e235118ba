"""`file://PATH` secrets: a local JSON file in place of AWS, for development and for mounted secrets."""

from __future__ import annotations

import errno
import hashlib

from secretenv import files
from secretenv.fetcher import messages
from secretenv.fetcher.variables import Reading, missing
from secretenv.settings import FILE_SCHEME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.settings import Secret


def read(secret: Secret) -> Reading:
    """Return the file's text; its version is the SHA-256 of the content. An optional one may be missing.

    Raises:
        SecretError: the file is missing, unreadable, not UTF-8 or too large.
    """
    path = secret.id.removeprefix(FILE_SCHEME)
    try:
        content, status = files.read(path)
        if owner := files.stranger(status):
            raise messages.FILE_FOREIGN(secret=secret.id, file=path, owner=owner)
    except OSError as error:
        if secret.optional and isinstance(error, FileNotFoundError):
            return missing(secret)
        if error.errno == errno.EFBIG:
            raise messages.FILE_TOO_LARGE(secret=secret.id) from None
        raise messages.FILE_UNREADABLE(secret=secret.id, file=path, reason=error.strerror) from None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise messages.FILE_NOT_TEXT(secret=secret.id) from None
    who = files.exposed(path, status)
    version = hashlib.sha256(content).hexdigest()
    return Reading(
        secret=secret,
        content=text,
        version=version,
        created=status.st_mtime,
        note=f"the secret file {who}" if who else "",
    )
