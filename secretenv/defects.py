"""Turn any unexpected exception into an error to show: a bug with its source location, or out of memory.

An exception's text may hold a secret's value, so none of it is shown. One boundary in each process calls this room, so
that the rooms inside need not know how a lack of memory looks.
"""

from __future__ import annotations

from secretenv.errors import SecretenvError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps or was raised from, outermost first, however its library keeps them."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
        kwargs = getattr(one, "kwargs", None)  # of botocore
        waiting += kwargs.values() if isinstance(kwargs, dict) else []


def no_memory(error: BaseException) -> bool:
    """Tell whether an exception, or what it was raised from, means that there is no memory left."""
    for one in chain(error):
        # SystemError: the interpreter found no memory for the exception either.
        if isinstance(one, MemoryError | SystemError) or getattr(one, "errno", None) == _ENOMEM:
            return True
        if any(words in str(one) for words in _NO_MEMORY):
            return True
    return False


def place_of(error: BaseException) -> str:
    """Return the line of secretenv's own code where an exception came from, ` at FILE:LINE`."""
    here, place, trace = __file__.rpartition("/")[0] + "/", "", error.__traceback__
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(here):
            place = f" at {file.removeprefix(here)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def as_error(error: BaseException, kind: type[SecretenvError], who: str = "") -> SecretenvError:
    """Return the error to show for an exception: itself if it is one, unless it came of a lack of memory.

    Args:
        error: the exception.
        kind: the class of the error to return for any other exception.
        who: the process that met it, to begin the sentence with; empty for this one.
    """
    if isinstance(error, SecretenvError) and not no_memory(error):
        return error
    return unexpected(error, kind, who)


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
    incomplete = isinstance(error, ImportError)
    return kind(
        f"{met} unexpected {type(error).__name__}{place_of(error)}",
        hint="is the installation complete? pip check"
        if incomplete
        else "this is a defect of secretenv, please report this line",
        transient=True,
    )
