"""End this process because of an exception: with 125, and a line that never has the exception's own text."""

from __future__ import annotations

import os

from secretenv.errors import FAILED, SecretenvError
from secretenv.supervisor import messages
from secretenv.wording import COMPLETE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from secretenv.supervisor.log import Log


def fail(error: Exception, log: Log) -> NoReturn:
    """Log an exception and end this process."""
    if isinstance(error, OSError):
        defects = _defects()
        place = defects.place_of(error).removeprefix(" at ") if defects else "no place known"
        log.failure(messages.CANNOT_START(reason=error.strerror, place=place))
    else:
        log.failure(shown(error))
    os._exit(FAILED)


def shown(error: Exception) -> SecretenvError:
    """Return the error to show for any exception."""
    if isinstance(error, SecretenvError):
        return error
    defects = _defects()
    if defects is None:
        return SecretenvError(f"an unexpected {type(error).__name__}", hint=COMPLETE)
    told: SecretenvError = defects.as_error(error, SecretenvError)
    return told


def _defects() -> Any:
    """Return the module that describes exceptions, None if an upgrade has removed it."""
    try:
        from secretenv import defects  # only for the error
    except Exception:  # noqa: BLE001 - whatever the new files are like
        return None
    return defects
