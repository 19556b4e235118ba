"""The fetches of one run, one at a time: what each hands on to the next, and the lines about them."""

from __future__ import annotations

import os
import signal

from secretenv.errors import FetcherError
from secretenv.protocol import Task
from secretenv.supervisor import messages
from secretenv.supervisor.fetcher_process import Fetch
from secretenv.wording import many, moment, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.credentials import Credentials
    from secretenv.errors import SecretenvError
    from secretenv.protocol import Answer
    from secretenv.settings import Settings
    from secretenv.supervisor.log import Log


class Fetches:
    """The running fetcher, if there is one, and what the last one left.

    Args:
        settings: of the run.
        base: the caller's environment.
        log: where lines go.
        first: a fetcher that is ready, if there is one.
    """

    def __init__(self, settings: Settings, base: Mapping[bytes, bytes], log: Log, first: Fetch | None) -> None:
        self._settings = settings
        self._base = base
        self._log = log
        self._first = first
        self._running: Fetch | None = None
        self._since = 0.0
        self._credentials: Credentials | None = None
        self._warned: set[str] = set()

    def pids(self) -> list[int]:
        """Return the process ids of the fetchers that are there."""
        return [fetch.pid for fetch in (self._first, self._running) if fetch is not None]

    def start(self, now: float) -> SecretenvError | None:
        """Start a fetcher; return why it could not be started, if it could not."""
        try:
            fetch, self._first = self._first or Fetch(self._base), None
            fetch.begin(Task.of(self._settings, self._credentials))
        except OSError as error:
            return messages.NO_FETCHER(reason=error.strerror)
        self._running, self._since = fetch, now
        again = " with the credentials of an earlier one" if self._credentials else ""
        self._log("debug", f"fetch started{again}, as process {fetch.pid}")
        return None

    def kill(self) -> None:
        """SIGKILL the running fetcher; its end is still taken."""
        if self._running is not None:
            self._running.killed = True
            os.kill(self._running.pid, signal.SIGKILL)

    def abandon(self) -> None:
        """End all fetchers; nothing of them is left."""
        for fetch in (self._first, self._running):
            if fetch is not None:
                fetch.abandon()
        self._first = self._running = None

    def takes(self, pid: int, status: int, now: float) -> Answer | None:
        """Return the answer of a process that has ended and was reaped; None if it was not the running fetcher.

        Args:
            pid: of the process.
            status: its exit status, or -N for signal N.
            now: in seconds.
        """
        if self._running is None or pid != self._running.pid:
            return None
        fetch, self._running = self._running, None
        answer, stray = fetch.finish(status)
        outcome = "failed" if answer.error else many(len(answer.variables), "variable")
        self._log("debug", f"fetch ended after {span(now - self._since)}: {outcome}")
        if stray:
            # Only the size: a library's traceback may hold anything.
            self._log("debug", f"the fetcher wrote {stray} bytes to standard error")
        for warning in answer.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self._log("warning", warning)
        if answer.credentials is not None or not isinstance(answer.error, FetcherError):
            self._credentials = answer.credentials
        if answer.credentials is not None:
            self._log("debug", f"temporary credentials expire at {moment(answer.credentials.expiration)}")
        return answer
