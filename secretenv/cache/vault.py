"""Open, seal and forget the cache: file, key and contents put together."""

from __future__ import annotations

from secretenv.cache import cache_file, contents, device_certificate, device_secret, messages, sealing
from secretenv.cache.header import Header
from secretenv.cache_protocol import CacheError
from secretenv.protocol import LARGEST
from secretenv.wording import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.cache_protocol import CacheTask, Known
    from secretenv.settings import Device


def unseal(task: CacheTask, clock: Callable[[], float]) -> Known | None:
    """Return what the file holds, None if there is no file.

    Raises:
        CacheError: it cannot be used.
    """
    raw = cache_file.read(task.file)
    if raw is None:
        return None
    if Header.of(raw) is None:
        raise messages.NO_CACHE(file=task.file)
    public_key, not_before = device_certificate.read(task.device)
    using = sealing.key(device_secret.read(task.device), public_key)
    known, _ = _opened(task, raw, using, not_before, clock())
    if known.age is not None and known.age > task.max_age:
        raise messages.CACHE_TOO_OLD(file=task.file, age=span(known.age), limit=span(task.max_age))
    return known


def seal(task: CacheTask, clock: Callable[[], float]) -> None:
    """Replace the file by one with what the task knows.

    Raises:
        CacheError: it cannot be written; the old one is there as before.
    """
    if task.known is None:
        raise ValueError("nothing to seal")
    public_key, not_before = device_certificate.read(task.device)
    using = sealing.key(device_secret.read_checked(task.device, public_key), public_key)
    now = clock()
    looked_at = _looked_at(task, using, not_before, now) if task.known.age is None else None
    raw = sealing.seal(contents.pack(task.known, now, looked_at), using, task.belongs, now)
    if len(raw) > LARGEST:
        raise messages.VALUES_TOO_LARGE(file=task.file)
    cache_file.write(task.file, raw)


def demand_key(device: Device) -> None:
    """Refuse a key with which nothing can be sealed.

    Raises:
        CacheError: it, or the certificate, cannot be used.
    """
    device_secret.read_checked(device, device_certificate.read(device)[0])


def _opened(task: CacheTask, raw: bytes, using: bytes, not_before: float, now: float) -> tuple[Known, float | None]:
    """Return what a file holds, and when AWS confirmed that."""
    header = Header.of(raw)
    content = sealing.unseal(task.file, raw, using, task.belongs)
    earliest = max(not_before, header.sealed_at - contents.DAY if header else 0.0)
    try:
        return contents.unpack(content, now, earliest)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise messages.NO_CACHE(file=task.file) from None  # of another version of secretenv


def _looked_at(task: CacheTask, using: bytes, not_before: float, now: float) -> float | None:
    """Return when AWS confirmed what is in the file so far, if the task knows the same versions.

    A command that was started from it while the clock was wrong has no age to hand on.
    """
    try:
        raw = cache_file.read(task.file)
        before, looked_at = _opened(task, raw or b"", using, not_before, now)
    except CacheError:
        return None
    return looked_at if task.known and before.answer.versions == task.known.answer.versions else None
