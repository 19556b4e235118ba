"""Keep the data of a process inside it: no core dump, no report of an exception's text, no library that logs.

For each process that holds credentials or values of secrets. Which variables it may see is the supervisor's business.
The imports are in the functions: a fetch from files alone needs no `logging`.
"""

from __future__ import annotations

import os

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_dumps() -> None:
    """Allow neither a core dump nor reading by other processes of the user through /proc (prctl(2))."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def silence_interpreter() -> None:
    """Drop the interpreter's own reports of exceptions: they show texts, which may hold a value."""
    import sys
    import threading

    for reporter, hook in ((threading, "excepthook"), (sys, "unraisablehook"), (sys, "excepthook")):
        setattr(reporter, hook, lambda *_: None)


def silence_libraries() -> None:
    """Keep the logging and the warnings of libraries from standard error."""
    import logging
    import warnings

    logging.disable()
    warnings.simplefilter("ignore")


def take_standard_output() -> int:
    """Return a new descriptor for standard output; a stray print of a library no longer goes there."""
    own = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return own
