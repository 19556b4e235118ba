"""Call functions of the C library that the standard library lacks.

By `_ctypes`, the part of ctypes that is written in C: ctypes itself costs 180 KiB more, which stay. Where `_ctypes` is
not CPython's, or refuses, ctypes itself does it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

try:
    import _ctypes

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
    WORD_SIZE: int = _ctypes.sizeof(Word)

    def _find(name: str) -> Callable[..., int]:
        return _Function(_ctypes.dlsym(_handle, name))

    _find("prctl")
except Exception:  # noqa: BLE001 - whatever it lacks: a name, or the right to make such a function
    import ctypes

    Word = ctypes.c_ulong  # type: ignore[assignment,misc]
    WORD_SIZE = ctypes.sizeof(ctypes.c_ulong)
    _library: Any = ctypes.CDLL(None)

    def _find(name: str) -> Callable[..., int]:
        try:
            found: Callable[..., int] = _library[name]
        except AttributeError as error:
            raise OSError(str(error)) from None
        return found


def function(name: str) -> Callable[..., int]:
    """Return a function that takes integers, `Word`s and bytes, and returns an int.

    Raises:
        OSError: the C library does not have it.
    """
    return _find(name)
