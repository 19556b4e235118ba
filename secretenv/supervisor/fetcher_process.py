"""Start a fetcher, give it its task, and read its answer."""

from __future__ import annotations

import json
import os

from secretenv.defects import NOEXEC_HINT, NOEXEC_WORDS, noexec_library, short
from secretenv.errors import FetcherError
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
            ended = f"it was killed by signal {-status}" if status < 0 else died(status, self._helper.last_words())
        answer, stray = read_answer(self._helper.answer(), ended), self._helper.stray()
        self._helper.close()
        return answer, stray

    def abandon(self) -> None:
        """End it, before it has answered; nothing of it is left."""
        self._helper.abandon()


def died(status: int, said: str) -> SecretenvError:
    """Return the error of a fetcher that ended with an exception: its kind and place, never its text.

    Args:
        status: its exit status; 0 if it wrote something that is not an answer.
        said: what it wrote to standard error: the traceback of Python, if it got that far.
    """
    # Only up to the first exception: text of several lines after it may look like one.
    _, _, trace = said.partition("Traceback (most recent call last):\n")
    place = "its start"
    for line in trace.splitlines():
        file, _, rest = line.removeprefix('  File "').partition('", line ')
        if line.startswith('  File "') and not file.startswith("<"):
            place = f"{short(file)}:{rest.partition(',')[0]}"
        if not line.startswith(" "):
            exception, _, words = line.partition(":")
            if library := noexec_library(words.strip()):
                return FetcherError(NOEXEC_WORDS.format(file=library), hint=NOEXEC_HINT.format(file=library))
            return messages.FETCHER_RAISED(status=status, exception=exception, place=place)
    return messages.FETCHER_EXITED(status=status)
