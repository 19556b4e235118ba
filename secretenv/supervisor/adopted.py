"""Which processes a dead command left to this process, which the kernel makes the parent of every orphan.

Loaded only where a command has failed and is started again: a restart that stops the command knows its descendants
beforehand.
"""

from __future__ import annotations

import os

from secretenv.supervisor.descendants import began

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def adopted(command: int, helpers: Callable[[], Collection[int]], marks: Collection[bytes]) -> Callable[[int], bool]:
    """Return a function that tells whether a child of this process was left behind by the dead command.

    That is so if it began after the command. An init process also gets children that do not descend from the command,
    such as those that `docker exec` leaves: there the child has to be in this session, or to have one of the command's
    own variables.

    Args:
        command: its process, which is not yet reaped.
        helpers: returns the processes of secretenv's own.
        marks: `NAME=VALUE` of the variables that only the command has.
    """
    since = began(command)
    init = os.getpid() == 1

    def left(pid: int) -> bool:
        its = began(pid)
        if pid == command or not since or not its or int(its) < int(since) or pid in helpers():
            return False
        return not init or os.getsid(pid) == os.getsid(0) or not _variables(pid).isdisjoint(marks)

    return left


def _variables(pid: int) -> set[bytes]:
    """Return the environment that a process began with; empty where this user may not see it."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:  # noqa: PTH123
            return set(file.read().split(b"\0"))
    except OSError:
        return set()
