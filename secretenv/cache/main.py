"""The process of the cache: read the task, do it, and write the outcome.

The task comes on standard input and the outcome goes to standard output, in the forms of `cache_protocol`. The process
is started as a program, or forked from the supervisor; so it reads and writes descriptors, and assumes no module to
be in its initial state.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from secretenv.cache import cache_file, messages
from secretenv.cache.header import LONGEST, Header, is_text
from secretenv.cache_protocol import CacheError, CacheTask, Outcome, outcome_of
from secretenv.defects import as_error
from secretenv.identity.hardening import forbid_dumps, take_standard_output
from secretenv.protocol import GO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from secretenv.errors import SecretenvError
    from secretenv.settings import Device

WHO = "the process of the cache"


def main(clock: Callable[[], float] = time.time) -> None:
    """Run the process: it ends here, with status 0 once the outcome is written.

    Args:
        clock: this machine's, in seconds since the epoch.
    """
    try:
        output = take_standard_output()
        _harden()
        if GO in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
            if GO not in signal.sigpending():
                _get_ready()
            signal.sigwait({GO})
            while not os.fstat(0).st_size:  # GO went to all processes of a service: there is no task yet
                signal.sigwait({GO})
        _write(output, _outcome(clock))
    finally:
        # Not the interpreter's own end: a fork would go on as the supervisor.
        os._exit(0)


def perform(task: CacheTask, clock: Callable[[], float] = time.time, who: str = "") -> Outcome:
    """Do a task in this process.

    Args:
        task: what to do.
        clock: this machine's, in seconds since the epoch.
        who: what an error that is not the cache's fault calls the process; empty for this one.
    """
    known, error = None, None
    try:
        _refuse_files_of(task)
        _refuse_text(task.file)
        if task.wish == "forget":
            cache_file.remove(task.file)
        elif task.wish == "seal":
            _vault().seal(task, clock)
        elif os.path.lexists(task.file):
            known = _vault().unseal(task, clock)
    except Exception as raised:  # noqa: BLE001 - whatever it is, its text may hold a value
        error = as_error(raised, CacheError, who)
    return Outcome(known=known, sealed_at=sealed_at(task.file), error=error)


def key_problem(device: Device) -> SecretenvError | None:
    """Return why nothing could be sealed with the device's key; None if something could."""
    try:
        _vault().demand_key(device)
    except Exception as raised:  # noqa: BLE001 - its text may hold what it read
        return as_error(raised, CacheError)
    return None


def _outcome(clock: Callable[[], float]) -> Outcome:
    """Read the task and do it: the boundary at which any exception becomes an error."""
    try:
        return perform(CacheTask.from_json(json.loads(_read())), clock, WHO)
    except BaseException as error:  # noqa: BLE001 - whatever it is, its text may hold a value
        return outcome_of(as_error(error, CacheError, WHO))


def _refuse_files_of(task: CacheTask) -> None:
    """Refuse to read, replace or remove a file that the device needs.

    Raises:
        CacheError: it is one of them.
    """
    device = task.device
    others = (
        ("certificate", device.cert),
        ("key", device.key),
        ("password file", device.key_password_file),
        ("roots file", device.ca),
    )
    for what, path in others:
        try:
            if path and os.path.samefile(path, task.file):  # noqa: PTH121 - pathlib costs an import
                raise messages.CACHE_IN_USE(file=task.file, found=what)
        except OSError:
            continue


def _refuse_text(file: str) -> None:
    """Refuse a file that somebody else has written, so that it is neither replaced nor removed.

    --cache may be mistyped.

    Raises:
        CacheError: it is one, or not a regular file of this user.
    """
    try:
        found = cache_file.beginning(file, LONGEST)
    except OSError:  # there is none, or the next step says more
        return
    if is_text(found):
        raise messages.NOT_A_CACHE(file=file)


def sealed_at(file: str) -> float:
    """Return when the file was sealed, in seconds since the epoch; 0 where it does not say."""
    try:
        header = Header.of(cache_file.beginning(file, LONGEST))
    except (OSError, CacheError):
        return 0.0
    return header.sealed_at if header else 0.0


def _vault() -> ModuleType:
    """Import what opens and seals.

    The OpenSSL inside the package `cryptography` is not the system's: the system's configuration may name providers
    that it cannot load. The `openssl` command gets it.
    """
    name = "OPENSSL_CONF"
    configuration = os.environ.pop(name, None)
    try:
        from secretenv.cache import vault
    finally:
        if configuration is not None:
            os.environ[name] = configuration
    return vault


def _get_ready() -> None:
    """Import what opening needs, whatever the key will be."""
    try:
        _vault()
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: F401

        from secretenv.cache import software_key  # noqa: F401
    except BaseException:  # noqa: BLE001, S110 - it fails again where it is needed, and is reported there
        pass


def _harden() -> None:
    """Keep the data inside this process."""
    forbid_dumps()
    os.umask(0o077)
    os.environ.pop("SSLKEYLOGFILE", None)
    # The interpreter's reports of exceptions show texts. There are no threads, so `threading` is not loaded for this.
    for hook in ("excepthook", "unraisablehook"):
        setattr(sys, hook, lambda *_: None)


def _read() -> bytes:
    """Return all of standard input."""
    parts = []
    while part := os.read(0, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _write(descriptor: int, outcome: Outcome) -> None:
    """Write the outcome, or why it could not be written."""
    try:
        _write_all(descriptor, outcome)
    except BaseException as error:  # noqa: BLE001
        told = as_error(error, CacheError, WHO)
        if isinstance(error, OSError):
            told = messages.OUTCOME_NOT_WRITTEN(reason=error.strerror)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        _write_all(descriptor, Outcome(known=None, sealed_at=outcome.sealed_at, error=told))


def _write_all(descriptor: int, outcome: Outcome) -> None:
    left = memoryview(json.dumps(outcome.to_json()).encode())
    while left:
        left = left[os.write(descriptor, left) :]


if __name__ == "__main__":
    main()
