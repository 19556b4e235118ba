"""Calls of the C library where `_ctypes` is not what CPython has."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.supervisor.commands import ready
from tests.running import CHILD, PYTHON, alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SecretFile
    from tests.running import Program

RUN = "import sys; sys.argv[0:1] = ['secretenv', 'run']; from secretenv.__main__ import main; main()"
# What makes _ctypes lack something. ctypes itself is loaded before, with what it needs.
LACKS = {
    "a name": "import ctypes, _ctypes; del _ctypes.dlsym, _ctypes.dlopen",
    "a class": "import ctypes, _ctypes; del _ctypes.CFuncPtr",
    "the right": "import ctypes, _ctypes\ndef refuse(*_): raise MemoryError\n_ctypes.dlsym = refuse",
}


@pytest.mark.parametrize("lack", LACKS.values(), ids=LACKS)
def test_ctypes_does_it(start: Callable[..., Program], secret: SecretFile, lack: str) -> None:
    """A run is the same: it checks in time, and its command dies with it, as prctl(2) says."""
    words = [secret.option, "--interval=50ms", "--", PYTHON, CHILD, "--show=VALUE"]
    program = start(PYTHON, "-c", f"{lack}\n{RUN}", *words)
    ready(program)
    secret.put({"VALUE": "two"})
    program.shows("VALUE=two")
    pid = int(program.lines[-1].split()[1])
    program.send(signal.SIGKILL)
    program.ends()
    until(lambda: not alive(pid))


def test_a_function_that_is_not_there(start: Callable[..., Program]) -> None:
    """An OSError says that the C library does not have a function, either way."""
    code = "from secretenv.supervisor.libc import function\ntry: function('no_such')\nexcept OSError: print('none')"
    for lack in ("", *LACKS.values()):
        program = start(PYTHON, "-c", f"{lack}\n{code}")
        assert program.ends() == 0, program.err
        assert program.lines == ["none"]
