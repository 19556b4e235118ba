"""The link `cache` of `secretenv check`: what is in the cache, and whether a start without AWS would use it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from secretenv.cache import messages as cache_messages
from secretenv.cache.main import key_problem, perform
from secretenv.cache_protocol import CacheTask
from secretenv.cli.check.report import Step
from secretenv.config.merge import demand_cryptography
from secretenv.supervisor.last_known_good import ASK_FIRST
from secretenv.wording import many, moment, shown_versions, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.cache_protocol import Known, Outcome
    from secretenv.settings import Settings


def opened(settings: Settings, clock: Callable[[], float]) -> Outcome:
    """Return what is in the cache; without a file there is nothing.

    Raises:
        SecretenvError: it cannot be used.
    """
    demand_cryptography()
    outcome = perform(CacheTask.of("open", settings), clock)
    if outcome.error:
        raise outcome.error
    return outcome


def step(settings: Settings, known: Known, sealed_at: float) -> Step:
    """Show what was found: its age, and when a start would use it; `sealed_at` in seconds since the epoch."""
    age = "at an unknown time" if known.age is None else f"{span(known.age)} ago"
    text = (
        f"{settings.cache}: opens, and belongs to these settings; confirmed by AWS {age}, sealed {moment(sealed_at)}; "
        f"a start without AWS uses it {when(settings, known)}"
    )
    details = [f"holds {shown_versions(known.answer.versions)}"]
    if known.refused:
        details.append(f"refused, so not cached: {shown_versions(known.refused)} ({known.why})")
    return Step("cache", ok=True, text=text, warnings=tuple(_warnings(settings, known)), details=tuple(details))


def _warnings(settings: Settings, known: Known) -> list[str]:
    warnings = []
    if known.age is None:
        warnings.append(
            "the age of the values is unknown, as this machine's clock cannot be trusted: --max-age does not limit it"
        )
    if known.denied is not None:
        first = "" if settings.cache_after else "; a start asks AWS first"
        warnings.append(
            f"marked: AWS has refused to return the secrets for {span(known.denied)}, "
            f"{many(known.denials, 'time')} so far{first}"
        )
    return warnings


def wait(settings: Settings, known: Known) -> float:
    """Return after how many seconds without AWS a start uses the values; 0: at once."""
    after = settings.cache_after or (0.0 if known.denied is None else ASK_FIRST)
    return min(after, settings.start_timeout)


def when(settings: Settings, known: Known) -> str:
    """Return the same in words."""
    seconds = wait(settings, known)
    return f"after {span(seconds)}" if seconds else "at once"


def demand_place(settings: Settings) -> None:
    """Refuse a folder in which the cache could not be written.

    Raises:
        CacheError: it cannot be.
    """
    folder = settings.cache.rpartition("/")[0] or "/"
    if reason := _unwritable(folder):
        raise cache_messages.CACHE_NOT_WRITTEN(file=settings.cache, reason=os.strerror(reason), folder=folder)


def demand_key(settings: Settings) -> None:
    """Refuse a key with which nothing could be sealed.

    Raises:
        SecretenvError: it is one.
    """
    if problem := key_problem(settings.device):
        raise problem


def _unwritable(folder: str) -> int:
    """Return the errno with which a new file in a folder would be refused, 0 if it would not."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
            return errno.EROFS
    finally:
        os.close(descriptor)
    return 0 if os.access(folder, os.W_OK | os.X_OK, effective_ids=True) else errno.EACCES
