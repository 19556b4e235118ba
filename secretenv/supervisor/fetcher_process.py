"""Start a fetcher and read what it leaves.

How it travels: the fetcher gets its request on standard input and writes its answer into a memfd, a file that is
nowhere but in memory and never full; it is read when the fetcher has ended. The supervisor imports this room.
"""

from __future__ import annotations

import json
import os
import sys

from secretenv.errors import FetcherError
from secretenv.protocol import GO, LARGEST, Task, read_answer
from secretenv.supervisor.caller import inherited
from secretenv.supervisor.forking import PR_SET_DUMPABLE, prctl
from secretenv.supervisor.helper_process import end_helper, spawn_helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.protocol import Answer
    from secretenv.settings import Settings

# What of the caller's environment reaches a fetcher: all but what would make it read other credentials, other roots or
# the terminal's secrets. The Python variables are ignored by -I as well.
_NOT_FOR_HELPERS = (b"SECRETENV_", b"PYTHON", b"AWS_")
_FOR_HELPERS = {b"AWS_CA_BUNDLE", b"AWS_USE_FIPS_ENDPOINT", b"AWS_USE_DUALSTACK_ENDPOINT"}
_NEVER_FOR_HELPERS = {b"SSLKEYLOGFILE", b"REQUESTS_CA_BUNDLE", b"CURL_CA_BUNDLE", b"NETRC", b"BOTO_CONFIG"}


def read_memory(descriptor: int) -> bytes:
    """Return what was written to a memfd, up to the limit of an answer."""
    parts, offset = [], 0
    while part := os.pread(descriptor, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
        if offset > LARGEST:
            break
    return b"".join(parts)


class Fetch:
    """A running fetcher: its pid and the memfds it writes to. Before `begin` it does nothing but get ready.

    Args:
        base: the caller's environment.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, base: Mapping[bytes, bytes]) -> None:
        self.killed = False
        self._memories: list[int] = []
        try:
            for name in ("request", "answer", "stderr"):
                self._memories.append(os.memfd_create(f"secretenv-{name}"))
            self.pid = spawn_helper(_fetcher_words(), for_helper(base), self._memories, blocked={GO})
        except OSError:
            self.close()
            raise

    def begin(self, task: Task) -> None:
        """Have it do a task.

        Raises:
            OSError: the system has no room for what it is to be told; it is killed then.
        """
        text, written = json.dumps(task.to_json()).encode(), 0
        try:
            while written < len(text):
                # The offset, which is the fetcher's too, stays where it is to begin.
                written += os.pwrite(self._memories[0], text[written:], written)
        except OSError:
            self.abandon()  # it would wait for ever
            raise
        os.kill(self.pid, GO)

    def finish(self, status: int) -> tuple[Answer, int]:
        """Return the answer of a fetcher that has ended, and how many bytes it wrote to standard error.

        Args:
            status: its exit status, or -N for signal N.
        """
        if self.killed:
            ended = "it took too long and was killed"
        else:
            ended = f"it was killed by signal {-status}" if status < 0 else f"it exited with status {status}"
        answer = read_answer(read_memory(self._memories[1]), ended)
        stray = os.fstat(self._memories[2]).st_size
        self.close()
        return answer, stray

    def abandon(self) -> None:
        """End it, before it has answered; nothing of it is left."""
        end_helper(self.pid)
        self.close()

    def close(self) -> None:
        """Let go of the memfds, and with them of the values in them."""
        while self._memories:
            os.close(self._memories.pop())


def fetch_once(settings: Settings) -> Answer:
    """Fetch, and wait for the answer: for commands that show something and end.

    Raises:
        SecretenvError: the fetch failed.
    """
    try:
        fetch = Fetch(inherited())
        # From here on this process holds values: no core dump, no reading by others through /proc. Not earlier: /proc
        # of such a process belongs to root.
        prctl(PR_SET_DUMPABLE, 0)
        fetch.begin(Task(device=settings.device, secrets=settings.secrets, credentials=None))
    except OSError as error:
        raise FetcherError(f"no fetcher could be started: {error.strerror}", hint="ulimit -a; free") from None
    answer, _ = fetch.finish(os.waitstatus_to_exitcode(os.waitpid(fetch.pid, 0)[1]))
    if answer.error is not None:
        raise answer.error
    return answer


def _fetcher_words() -> list[str]:
    """Return the command line of a fetcher: isolated, with the folder that holds this package first in the path."""
    folder = os.path.abspath(__file__).rpartition("/secretenv/supervisor/")[0]  # noqa: PTH100
    program = f"import sys; sys.path.insert(0, {folder!r}); from secretenv.fetcher.main import main; main()"
    return [sys.executable, "-I", "-c", program]


def for_helper(base: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return what of the caller's environment a process that asks AWS may see."""
    return {
        name: value
        for name, value in base.items()
        if name in _FOR_HELPERS or not (name.startswith(_NOT_FOR_HELPERS) or name in _NEVER_FOR_HELPERS)
    }
