"""Start a fetcher, give it its task, and read its answer."""

from __future__ import annotations

import json
import os

from secretenv.protocol import GO, Task, read_answer
from secretenv.supervisor import messages
from secretenv.supervisor.helper_process import Helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretenv.errors import SecretenvError
    from secretenv.protocol import Answer


class Fetch:
    """A running fetcher. Before `begin` it does nothing but get ready.

    Args:
        base: the caller's environment.
        files: settings files that may say that it need not hurry to get ready.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, base: Mapping[bytes, bytes], files: Sequence[str] = ()) -> None:
        self.killed = False
        self._helper = Helper("secretenv.fetcher.main", base, {GO}, files)
        self.pid = self._helper.pid

    def begin(self, task: Task) -> None:
        """Have it do a task.

        Raises:
            OSError: the system has no room for the task; the fetcher is killed then.
        """
        self._helper.write(json.dumps(task.to_json()).encode())
        os.kill(self.pid, GO)

    def finish(self, status: int) -> tuple[Answer, int]:
        """Return the answer of a fetcher that has ended, and how many bytes it wrote to standard error.

        Args:
            status: its exit status, or -N for signal N.
        """
        ended: str | SecretenvError = "it took too long and was killed"
        if not self.killed:
            ended = f"it was killed by signal {-status}" if status < 0 else self._died(status)
        answer, stray = read_answer(self._helper.answer(), ended), self._helper.stray()
        self._helper.close()
        return answer, stray

    def abandon(self) -> None:
        """End it, before it has answered; nothing of it is left."""
        self._helper.abandon()

    def _died(self, status: int) -> SecretenvError:
        try:
            from secretenv.supervisor.fetcher_traceback import died  # a fetcher rarely ends so
        except ImportError as error:  # the files were removed: the fetcher will have met the same
            return messages.FETCHER_RAISED(status=status, exception=type(error).__name__, place="its start")
        return died(status, self._helper.last_words())
