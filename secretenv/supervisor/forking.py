"""Fork a process that dies with this one, and set the attributes and the standard descriptors of a process.

The supervisor has one thread: so fork is safe, and PR_SET_PDEATHSIG, which watches the thread that forked, watches the
process.
"""

from __future__ import annotations

import errno
import os
import signal

from secretenv.errors import FAILED, SecretenvError
from secretenv.supervisor import messages
from secretenv.supervisor.libc import Word, function
from secretenv.supervisor.log import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

# Written where there is no memory left to write anything else.
_STARVED = (
    b"secretenv: error: secretenv: a process could not be started: there is no memory left\n"
    b"secretenv: hint: free; ulimit -a\n"
)

_prctl = function("prctl")


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; one that the kernel does not know is ignored."""
    _prctl(option, Word(value), Word(0), Word(0), Word(0))


def fork(run: Callable[[], NoReturn], make_log: Callable[[], Log] = Log) -> int:
    """Fork a child that dies with this process, and run `run` in it with signals as they are (blocked).

    Args:
        run: does not return. An exception in it ends the child with 125 and a line that names the exception's kind:
            its text may hold a value.
        make_log: makes the log for that line.

    Returns:
        The child's pid.

    Raises:
        OSError: no process could be created.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)  # the parent ended before the line above could notice
        run()
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process must not go on as its parent
        try:
            make_log().failure(_why(error))
        except BaseException:  # noqa: BLE001 - such a line takes memory too
            os.write(2, _STARVED)
    finally:
        os._exit(FAILED)


def _why(error: BaseException) -> SecretenvError:
    """Return the error to show for the end of a child."""
    if isinstance(error, ImportError):
        from secretenv.defects import unexpected  # only for the error

        return unexpected(error, SecretenvError)
    if not isinstance(error, OSError):
        return messages.HELPER_FAILED(reason=type(error).__name__)
    message = messages.HELPER_FILE_LIMIT if error.errno == errno.EFBIG else messages.HELPER_FAILED
    return message(reason=error.strerror)


def first_victim() -> None:
    """Have the kernel kill this process before all others when memory runs out: a helper can be started again.

    Raising the score needs no privilege. It is never lowered, so only helpers do this: they start nothing that stays.
    """
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, b"1000")  # proc(5): the highest
        os.close(descriptor)
    except OSError:
        pass  # without /proc the kernel takes the largest


def occupy_standard_descriptors() -> None:
    """Open /dev/null where 0, 1 or 2 is closed, so that no file of secretenv gets these numbers.

    They are not inherited: the command finds them closed, as the caller left them. Where there is no /dev/null nothing
    can be done, and usually nothing needs to be.
    """
    while True:
        try:
            descriptor = os.open(os.devnull, os.O_RDWR)
        except OSError:
            return
        if descriptor > 2:  # noqa: PLR2004
            os.close(descriptor)
            return
