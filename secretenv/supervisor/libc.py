"""Call functions of the C library that the standard library lacks.

By `_ctypes`, the part of ctypes that is written in C: ctypes itself costs 180 KiB more, which stay.
"""

from __future__ import annotations

import _ctypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class _Int(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: SLF001 - as ctypes does it
    _type_ = "i"


class Word(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: SLF001 - as ctypes does it
    """An unsigned long; a plain integer is passed as an int."""

    _type_ = "L"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL
    _restype_ = _Int


# None: what this process has loaded already.
_handle = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]


def function(name: str) -> Callable[..., int]:
    """Return a function that takes integers, `Word`s and bytes, and returns an int.

    Raises:
        OSError: the C library does not have it.
    """
    return _Function(_ctypes.dlsym(_handle, name))
