"""Start a helper, which is a program of secretenv's own, give it its task, read what it leaves, and end it.

A helper is detached from the terminal and from what the caller left for the command. Its task and its answer travel in
memfds: files that exist only in memory, never full, and read when the helper has ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from secretenv.errors import FAILED
from secretenv.protocol import LARGEST
from secretenv.supervisor.forking import first_victim, fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

# Seconds within which a killed process is gone, unless it hangs in the kernel.
_GONE = 0.2
_LAST_WORDS = 1 << 16  # bytes, more than a traceback has

# A helper gets the caller's environment without the variables that would give it other credentials or other roots,
# or make it log the secrets of TLS. -I makes it ignore the Python variables as well.
_NOT_FOR_HELPERS = (b"SECRETENV_", b"PYTHON", b"AWS_")
_FOR_HELPERS = {b"AWS_CA_BUNDLE", b"AWS_USE_FIPS_ENDPOINT", b"AWS_USE_DUALSTACK_ENDPOINT"}
_NEVER_FOR_HELPERS = {b"SSLKEYLOGFILE", b"REQUESTS_CA_BUNDLE", b"CURL_CA_BUNDLE", b"NETRC", b"BOTO_CONFIG"}


class Helper:
    """A running helper: its pid, and the memfds that are its standard input, output and error.

    Args:
        module: the module of secretenv whose `main` it runs.
        base: the caller's environment.
        blocked: the signals that it finds blocked.
        arguments: in its sys.argv, where everybody can see them.

    Raises:
        OSError: it could not be started.
    """

    def __init__(
        self, module: str, base: Mapping[bytes, bytes], blocked: Iterable[int] = (), arguments: Sequence[str] = ()
    ) -> None:
        self._words = [*_words(module), *arguments]
        self._memories: list[int] = []
        try:
            for name in ("task", "answer", "stderr"):
                self._memories.append(os.memfd_create(f"secretenv-{name}"))
            self.pid = self._start(for_helper(base), blocked)
        except OSError:
            self.close()
            raise

    def _start(self, environment: Mapping[bytes, bytes], blocked: Iterable[int]) -> int:
        """Start its process, and return the pid."""
        return spawn_helper(self._words, environment, self._memories, blocked)

    def write(self, task: bytes) -> None:
        """Put its task into its standard input.

        Raises:
            OSError: the system has no room for it; the helper is killed then.
        """
        written = 0
        try:
            while written < len(task):
                # The offset, which the helper shares, stays at the beginning.
                written += os.pwrite(self._memories[0], task[written:], written)
        except OSError:
            self.abandon()  # it would wait for ever
            raise

    def answer(self) -> bytes:
        """Return what it wrote to standard output."""
        return read_memory(self._memories[1])

    def stray(self) -> int:
        """Return how many bytes it wrote to standard error."""
        return os.fstat(self._memories[2]).st_size

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error; not to be shown, for it may hold a value."""
        return os.pread(self._memories[2], _LAST_WORDS, max(self.stray() - _LAST_WORDS, 0)).decode(errors="replace")

    def abandon(self) -> None:
        """End it, before it has answered; nothing of it is left."""
        end_helper(self.pid)
        self.close()

    def close(self) -> None:
        """Close the memfds, which frees the values in them."""
        while self._memories:
            os.close(self._memories.pop())


def for_helper(base: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the part of the caller's environment that a process that calls AWS may see."""
    return {
        name: value
        for name, value in base.items()
        if name in _FOR_HELPERS or not (name.startswith(_NOT_FOR_HELPERS) or name in _NEVER_FOR_HELPERS)
    }


def read_memory(descriptor: int) -> bytes:
    """Return what was written to a memfd, up to the limit of an answer."""
    parts, offset = [], 0
    while part := os.pread(descriptor, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
        if offset > LARGEST:
            break
    return b"".join(parts)


def _words(module: str) -> list[str]:
    """Return the command line of a helper: isolated, with the folder that holds this package in the path.

    It comes after the standard library, before all else: it may be `site-packages`, where an old backport (enum34)
    may have the name of a module of the standard library. Without -S the path would not show where that library ends.
    """
    folder = os.path.abspath(__file__).rpartition("/secretenv/supervisor/")[0]  # noqa: PTH100
    program = f"import sys; sys.path.append({folder!r}); import site; site.main(); from {module} import main; main()"
    return [sys.executable, "-I", "-S", "-c", program]


def spawn_helper(
    words: Sequence[str], environment: Mapping[bytes, bytes], descriptors: Sequence[int], blocked: Iterable[int] = ()
) -> int:
    """Start a program detached from the terminal and from the caller's signals and descriptors, and return its pid.

    Args:
        words: its argv; the first is its file.
        environment: all of its environment.
        descriptors: what becomes its standard input, output and error.
        blocked: the signals that it finds blocked.

    Raises:
        OSError: no process could be created.
    """
    return detached(lambda: os.execve(words[0], list(words), environment), descriptors, blocked)  # noqa: S606


def detached(become: Callable[[], object], descriptors: Sequence[int], blocked: Iterable[int]) -> int:
    """Fork a process as `spawn_helper` does, and run `become` in it instead of a program."""

    def run() -> NoReturn:
        os.setsid()
        first_victim()
        for number in signal.valid_signals():
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        for descriptor in _descriptors():
            if descriptor > 2:  # noqa: PLR2004
                try:  # noqa: SIM105 (contextlib would be one more module that stays)
                    os.close(descriptor)
                except OSError:
                    pass  # the one by which they were listed
        become()
        os._exit(FAILED)

    # A signal that is sent at once must find the process blocking it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        return fork(run)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_helper(pid: int) -> None:
    """SIGKILL a helper and take its zombie: the init process may never do that once this process has ended.

    SIGCHLD has to be blocked. A helper that is gone already, or hangs in the kernel, is left.
    """
    try:
        os.kill(pid, signal.SIGKILL)
        await_end(pid, _GONE)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
    except OSError:
        pass  # it was reaped before


def await_end(pid: int, seconds: float) -> None:
    """Wait until a child has ended, but no longer than this; it is not reaped. SIGCHLD has to be blocked."""
    limit = time.monotonic() + seconds
    ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, pid, ended) is None and (left := limit - time.monotonic()) > 0:
        signal.sigtimedwait({signal.SIGCHLD}, left)  # what it returns may be wrong, see `waiting`


def _descriptors() -> Iterable[int]:
    """Return the open descriptors of this process, or the first 256 numbers where /proc does not list them."""
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    except OSError:
        return range(256)
