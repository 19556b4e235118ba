"""A sandbox for people: it starts, or one sentence says why it cannot."""

from __future__ import annotations

import resource
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions

from secretenv import defects
from secretenv.errors import SecretenvError
from secretenv.sandbox import Sandbox, messages

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = 32  # open at once: three servers, a connection or two for each client, and what is read meanwhile


@contextmanager
def started() -> Iterator[Sandbox]:
    """Yield a sandbox, and end it.

    Raises:
        SecretenvError: the system does not let it start.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < FILES:
        raise messages.TOO_FEW_FILES(needed=FILES, limit=limit)
    sandbox = Sandbox()
    try:
        sandbox.__enter__()
    except OSError as error:
        raise messages.CANNOT_START(reason=error.strerror or type(error).__name__) from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError):
        raise messages.CANNOT_START(reason="it cannot be reached on this machine's loopback") from None
    except Exception as error:  # noqa: BLE001 - of boto3, moto or OpenSSL
        raise defects.unexpected(error, SecretenvError) from None
    with closing(sandbox):
        yield sandbox
