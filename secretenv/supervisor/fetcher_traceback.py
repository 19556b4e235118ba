"""Tell from a fetcher's last words why it ended without an answer. Loaded only when one has."""

from __future__ import annotations

from secretenv.defects import NOEXEC_HINT, NOEXEC_WORDS, noexec_library, short
from secretenv.errors import FetcherError
from secretenv.supervisor import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.errors import SecretenvError


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
