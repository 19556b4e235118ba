#!/usr/bin/env python3
"""Stands in for your program: prints which variables it got, never their values, and exits cleanly on TERM."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Wait for TERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    sys.stdout.write(f"myapp: pid {os.getpid()}, uid {os.getuid()}, with {' '.join(sorted(os.environ))}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    sys.stdout.write("myapp: bye\n")


if __name__ == "__main__":
    main()
