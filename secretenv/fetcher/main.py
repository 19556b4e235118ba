"""The fetcher's process: read the task, do it within the budget, write the answer.

The task comes on standard input and the answer goes to standard output, in the forms that `protocol` describes. When to
fetch, and what to do with the answer, is the supervisor's business.

A thread does the work and the first one waits: what hangs in a lookup or a handshake cannot hold up the answer.
"""

from __future__ import annotations

import json  # now: see `Output.starve`
import os
import signal
import sys
import threading

from secretenv import files
from secretenv.defects import as_error, no_memory
from secretenv.errors import FetcherError
from secretenv.fetcher import messages
from secretenv.fetcher.fetch import Fetch
from secretenv.identity.background import Background
from secretenv.identity.hardening import forbid_dumps, silence_interpreter, take_standard_output
from secretenv.protocol import BUDGET, GO, Answer, Task
from secretenv.settings import FILE_SCHEME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from secretenv.errors import Link, SecretenvError

# The links of the steps that read a file: a disk or a share may not answer.
OF_FILES = ("certificate file", "key file", "key password", "roots file", "file")

PATIENCE = 1.0  # seconds, far more than a line takes to be written


class Output:
    """Writes lines of JSON; nothing follows the answer.

    Args:
        descriptor: where to write.
        end: ends the process.
    """

    def __init__(self, descriptor: int, end: Callable[[int], object] = os._exit) -> None:
        self._descriptor = descriptor
        self._end = end
        self.lock = threading.Lock()
        self._answered = False
        self.step: tuple[Link, str] = ("fetcher", "")

    def at(self, link: Link, where: str) -> None:
        """Write which step comes next."""
        self.step = (link, where)
        self._write({"link": link, "at": where}, last=False)

    def answer(self, answer: Answer) -> None:
        """Write the answer."""
        self._write(answer.to_json(), last=True)

    def replace(self, error: SecretenvError) -> None:
        """Write an error in place of all that was written: the system refused the rest."""
        answer = Answer()
        answer.error = error
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._answered = False
        self.answer(answer)

    def starve(self, error: BaseException) -> None:
        """End the process with an answer if this exception of a thread means that there is no memory left.

        A thread that has no memory while it imports may leave the import's lock behind: whoever imports the same module
        would wait for ever.
        """
        if no_memory(error):
            answer = Answer()
            answer.error = as_error(error, FetcherError, "the fetcher")
            self.answer(answer)
            self._end(0)

    def _write(self, fields: Mapping[str, Any], *, last: bool) -> None:
        line = json.dumps(fields).encode() + b"\n"
        # With a limit: starved fetchers have hung here or nearby, and the answer must not wait for a thread that died.
        held = self.lock.acquire(timeout=PATIENCE)
        try:
            if self._answered:
                return
            self._answered = last
            while line:
                line = line[os.write(self._descriptor, line) :]
        finally:
            if held:
                self.lock.release()


def main(budget: float = BUDGET, make: Callable[..., Fetch] = Fetch) -> None:
    """Run the process: it ends here, with status 0 once the answer is written.

    Args:
        budget: seconds in which to answer.
        make: makes the fetch of task, answer and what is called before each step.
    """
    output = Output(take_standard_output())
    forbid_dumps()
    os.environ.pop("SSLKEYLOGFILE", None)
    silence_interpreter()
    if GO in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        if GO not in signal.sigpending() and not _has_time(sys.argv[1:]):
            _get_ready(output)
        signal.sigwait({GO})
        while not os.fstat(0).st_size:  # GO went to all processes of a service: there is no task yet
            signal.sigwait({GO})
    answer = work(sys.stdin.buffer.read, output, budget, make)
    try:
        output.answer(answer)
    except OSError as error:
        output.replace(messages.ANSWER_NOT_WRITTEN(reason=error.strerror))
    # Not the interpreter's own end: threads may hang, and there is nothing to clean up.
    os._exit(0)


def work(read_task: Callable[[], bytes], output: Output, budget: float, make: Callable[..., Fetch]) -> Answer:
    """Do the task within the budget and return the answer: the boundary at which any exception becomes an error."""
    answer = Answer()

    def fetch() -> None:
        made = make(Task.from_json(json.loads(read_task())), answer, output.at)
        made.starve = output.starve
        made.run()

    def late(span: str) -> SecretenvError:
        link, where = output.step
        if link in OF_FILES and (of_files := _late()) is not None:
            return of_files(link, where.removeprefix(FILE_SCHEME), span)
        error = messages.FETCH_TOO_LONG(time=span, step=f"{link} ({where})" if where else link)
        error.link = link
        return error

    try:
        Background(fetch).result(budget, late)
    except BaseException as error:  # noqa: BLE001 - whatever it is, its text may hold a value
        answer.error = as_error(error, FetcherError, "the fetcher")
    return answer


def _late() -> Callable[[Link, str, str], SecretenvError] | None:
    """Return what makes the error of a file that is not read in time; None if a thread hangs in its import."""
    module = "secretenv.identity.certificate"
    if module not in sys.modules:
        from secretenv.identity import certificate  # noqa: F401
    return getattr(sys.modules[module], "late", None)


def _has_time(settings_files: Sequence[str]) -> bool:
    """Tell whether the first of these files that exists may ask for a start from the cache before any fetch.

    Then only what the start needs should run beside it. The file is only searched for a word: reading it in
    full is another process's business.
    """
    for path in settings_files:
        try:
            content, _ = files.read(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False
        return b"cache_after" in content
    return False


def _get_ready(output: Output) -> None:
    """Import in a thread what a fetch needs: one that reads files alone need not wait for it."""

    def load() -> None:
        try:
            from secretenv.fetcher import secretsmanager  # noqa: F401
            from secretenv.identity import provider  # noqa: F401
        except BaseException as error:
            output.starve(error)
            raise

    # Any other import that fails here fails again where it is needed, and is reported there.
    Background(load)


if __name__ == "__main__":
    main()
