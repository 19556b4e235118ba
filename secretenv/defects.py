"""Turn any unexpected exception into an error to show: a damaged installation, out of memory, or a bug with its place.

An exception's text may hold a secret's value, so none of it is shown. One boundary in each process calls this module,
so that the modules inside it need not know what running out of memory looks like.
"""

from __future__ import annotations

import os

from secretenv.errors import SecretenvError
from secretenv.wording import COMPLETE

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
_HERE = __file__.rpartition("/")[0] + "/"

NOEXEC_WORDS = "{file} is on a file system that is mounted noexec, so Python cannot load it"
NOEXEC_HINT = "findmnt -T {file}; mount it with exec, or install secretenv elsewhere"


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
    if on_noexec(error):
        return False  # the loader says the same then
    for one in chain(error):
        # SystemError: the interpreter found no memory for the exception either.
        if isinstance(one, MemoryError | SystemError) or getattr(one, "errno", None) == _ENOMEM:
            return True
        if any(words in str(one) for words in _NO_MEMORY):
            return True
    return False


def on_noexec(error: BaseException) -> str:
    """Return the library that could not be loaded because its file system is mounted noexec, empty for other errors."""
    for one in chain(error):
        if isinstance(one, ImportError | OSError):
            found = noexec_library(str(getattr(one, "path", None) or ""), str(one))
            if found:
                return found
    return ""


def noexec_library(*texts: str) -> str:
    """Return the library that one of these texts begins with, if its file system is mounted noexec, or nothing.

    The loader does not say so itself: `FILE: failed to map segment from shared object`.
    """
    for text in texts:
        file = text.partition(":")[0]
        if file.startswith("/") and ".so" in file:
            try:
                if os.statvfs(file).f_flag & os.ST_NOEXEC:
                    return file
            except OSError:
                continue
    return ""


def place_of(error: BaseException) -> str:
    """Return the line of secretenv's own code where an exception came from, ` at FILE:LINE`.

    The line of a library in which it was raised follows, ` at FILE:LINE (LIBRARY/FILE:LINE)`.
    """
    own, last, trace = "", "", error.__traceback__
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<"):
            last = f"{short(file)}:{trace.tb_lineno}"
            own = last if file.startswith(_HERE) else own
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        last = f"{short(error.filename)}:{error.lineno}"
    own = own or last
    return (f" at {own}" if own else "") + (f" ({last})" if last != own else "")


def short(file: str) -> str:
    """Return the name of a source file as a message shows it: from secretenv's folder, or from the library's."""
    if file.startswith(_HERE):
        return file.removeprefix(_HERE)
    for folder in ("/site-packages/", "/dist-packages/"):
        if folder in file:
            return file.rpartition(folder)[2]
    return "/".join(file.split("/")[-2:])


def as_error(error: BaseException, kind: type[SecretenvError], who: str = "") -> SecretenvError:
    """Return the error to show for an exception: a SecretenvError itself, unless no memory or a noexec mount caused it.

    Args:
        error: the exception.
        kind: the class of the error to return for any other exception.
        who: the process that met it, to begin the sentence with; empty for this one.
    """
    if isinstance(error, SecretenvError) and not on_noexec(error) and not no_memory(error):
        return error
    return unexpected(error, kind, who)


def unexpected(error: BaseException, kind: type[SecretenvError], who: str = "") -> SecretenvError:
    """Return the error for an exception that no module expects.

    Args:
        error: the exception.
        kind: the class of the error to return.
        who: the process that met it, to begin the sentence with; empty for this one.
    """
    library = on_noexec(error)
    if library:
        return kind(NOEXEC_WORDS.format(file=library), hint=NOEXEC_HINT.format(file=library))
    if no_memory(error):
        words = f"{who} ran out of memory" if who else "there is no memory left"
        return kind(words, hint="free; ulimit -v", transient=True)
    name, place = type(error).__name__, place_of(error)
    if isinstance(error, ImportError | SyntaxError):
        # While an upgrade replaces files, this goes away by itself.
        module = getattr(error, "name", None) or "a module"
        cannot = f"{who} cannot" if who else "cannot"
        return kind(f"{cannot} load {module}: {name}{place}", hint=COMPLETE, transient=True)
    report = "this is a bug in secretenv; please report this line"
    if place.endswith(")") or isinstance(getattr(error, "obj", None), type(os)):
        # Raised in a library, or because a module lacks something: a wrong version of it is as likely.
        report = "is the installation complete? pip check; else please report this line"
    met = f"{who} ran into an" if who else "an"
    return kind(f"{met} unexpected {name}{place}", hint=report, transient=True)
