"""The command of the tests: prints `ready`, the variables asked for, and each signal it gets.

    child.py [--show NAME]... [--ignore SIGNAL]... [--exit-on SIGNAL]... [--grandchild] [--status N]

Prints `ready PID NAME=value ...`, then `got SIGNAL` for each signal. TERM ends it unless it is ignored. With --status
it exits at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", action="append", default=[])
    parser.add_argument("--ignore", action="append", default=[])
    parser.add_argument("--exit-on", action="append", default=[])
    parser.add_argument("--grandchild", action="store_true")
    parser.add_argument("--status", type=int)
    given = parser.parse_args()
    every = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGTSTP}
    signal.pthread_sigmask(signal.SIG_BLOCK, every)
    if given.grandchild and not os.fork():
        signal.sigwait({signal.SIGUSR1})  # everything else, TERM among it, stays blocked
    ignored = {getattr(signal, f"SIG{name}") for name in given.ignore}
    ending = {getattr(signal, f"SIG{name}") for name in [*given.exit_on, "TERM"]} - ignored
    words = [f"{name}={os.environ.get(name, '(not set)')}" for name in given.show]
    _say(" ".join([f"ready {os.getpid()}", *words]))
    if given.status is not None:
        sys.exit(given.status)
    while True:
        number = signal.sigwaitinfo(every).si_signo
        _say(f"got {_name(number)}")
        if number in ending:
            _say("bye")
            return


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
