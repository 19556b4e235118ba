"""The password of the private key, from its file."""

from __future__ import annotations

import errno

from secretenv import files
from secretenv.identity import messages

LONGEST = 1023  # bytes: PEM_BUFSIZE of OpenSSL, less its NUL


def read(path: str) -> bytes:
    """Return the password in a file, without its final newline.

    Raises:
        CertificateError: it cannot be read, is empty, or is longer than OpenSSL takes.
    """
    try:
        content, _ = files.read(path, LONGEST + 2)  # and a line end
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise messages.PASSWORD_TOO_LONG(file=path, limit=LONGEST) from None
        raise messages.PASSWORD_UNREADABLE(file=path, reason=error.strerror) from None
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if not content:
        raise messages.PASSWORD_EMPTY(file=path)
    if len(content) > LONGEST:
        raise messages.PASSWORD_TOO_LONG(file=path, limit=LONGEST)
    return content
