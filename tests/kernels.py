"""Run a program as on a kernel, or under a container engine, that lacks a system call or has tight limits."""

from __future__ import annotations

import os

from tests.running import PYTHON

# Runs a program under a seccomp filter, as an old container engine does: what it does not know is forbidden (EPERM).
# The filter (linux/filter.h): load the number of the call; is it that of our first word? Then refuse, else allow.
_WITHOUT = """
import ctypes, os, struct, sys
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
whole = Filter(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(whole), 0, 0):
    sys.exit("no seccomp here")
os.execvp(sys.argv[2], sys.argv[2:])
"""

WITHOUT_PIDFD = [PYTHON, "-c", _WITHOUT, "434"]
# signalfd4; other machines have other numbers.
WITHOUT_SIGNALFD = [PYTHON, "-c", _WITHOUT, {"x86_64": "289"}.get(os.uname().machine, "74")]
WITHOUT_TIMERFD = [PYTHON, "-c", _WITHOUT, {"x86_64": "283"}.get(os.uname().machine, "85")]
# clone3: glibc starts threads with it, and takes another way only where the kernel does not know it (moby#42680).
WITHOUT_THREADS = [PYTHON, "-c", _WITHOUT, "435"]

# Runs a program with limits of a process, in bytes: of its stack, and of its address space; -1 is none.
WITH_LIMITS = """
import os, resource, sys
for name, value in (("STACK", int(sys.argv[1])), ("AS", int(sys.argv[2]))):
    resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
os.execvp(sys.argv[3], sys.argv[3:])
"""
