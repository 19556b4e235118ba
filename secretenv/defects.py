"""What nobody foresaw: an exception in words that tell where it came from, and a lack of memory.

An exception's text may hold a secret's value, so none of it is shown. One boundary in each process calls this room; the
rooms inside let such exceptions pass.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.errors import SecretenvError

# How Python, OpenSSL, and the loaders of glibc and musl say that there is no memory left.
_NO_MEMORY = (
    "malloc failure",
    "failed to map segment",
    "cannot map zero-fill pages",
    "llocate memory",
    "Out of memory",
    "can't start new thread",
)
_ENOMEM = 12


def no_memory(error: BaseException) -> bool:
    """Tell whether an exception means that there is no memory left."""
    # SystemError: the interpreter found no memory for the exception either.
    if isinstance(error, MemoryError | SystemError) or getattr(error, "errno", None) == _ENOMEM:
        return True
    return any(words in str(error) for words in _NO_MEMORY)


def place_of(error: BaseException) -> str:
    """Return the line of secretenv's own code where an exception came from, ` at FILE:LINE`."""
    here, place, trace = __file__.rpartition("/")[0] + "/", "", error.__traceback__
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(here):
            place = f" at {file.removeprefix(here)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def unexpected(error: BaseException, kind: type[SecretenvError], who: str = "") -> SecretenvError:
    """Return the error for an exception that no room foresaw.

    Args:
        error: the exception.
        kind: the class of the error to return.
        who: the process that met it, to begin the sentence with; empty for this one.
    """
    if no_memory(error):
        words = f"{who} ran out of memory" if who else "there is no memory left"
        return kind(words, hint="free; ulimit -v", transient=True)
    met = f"{who} met an" if who else "an"
    return kind(
        f"{met} unexpected {type(error).__name__}{place_of(error)}",
        hint="this is a defect of secretenv, please report this line",
        transient=True,
    )
