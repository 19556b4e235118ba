"""Work in threads of its own, with a limit on the wait for the result.

The limits of a socket count for each piece, so an answer that drips never reaches them, and a lookup can hang in libc.
What hangs is left to itself: these threads do not keep the process alive.

Where no thread can be started, which an old container engine or a limit may forbid, the work is done where its result
is asked for: later and one after the other, but done.
"""

from __future__ import annotations

# Not `threading`: its `start` waits for ever for a thread that dies for lack of memory before it has begun. Its locks
# allocate nothing when they are released.
import _thread
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Generic, TypeVar

    Found = TypeVar("Found")
    Thing = TypeVar("Thing")
    # Starts a thread with something to do, and tells whether it could.
    Start = Callable[[Callable[[], object]], bool]
else:
    # `typing` would cost a fetcher 3 ms at its start.
    Generic, Found = {0: object}, 0

# Bytes. glibc gives each thread the whole stack that RLIMIT_STACK allows the process, which may be more than there is
# room for, and musl 128 KiB: this is Linux's default for a process.
STACK = 8 << 20
BEGINNING = 1.0  # seconds after which a thread that has not begun is taken for dead


def _start(run: Callable[[], object]) -> bool:
    """Start a thread that does this, and tell whether one could be started."""
    before = _thread.stack_size(STACK)
    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:
        return False
    finally:
        _thread.stack_size(before)
    return True


class _Outcome(Generic[Found]):
    """What work returns or raises, done once by whoever comes first."""

    def __init__(self) -> None:
        self._found: Found
        self._raised: BaseException | None = None
        self._begun = _thread.allocate_lock()
        self._doing = _thread.allocate_lock()
        self._doing.acquire()

    def of(self, work: Callable[[], Found]) -> bool:
        """Do the work, unless it has been begun, and tell whether it succeeded."""
        if not self._begun.acquire(blocking=False):  # somebody else does it
            return True
        try:
            self._found = work()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._raised = error
        self._doing.release()
        return self._raised is None

    def begun(self) -> bool:
        """Tell whether the work has been begun."""
        return self._begun.locked()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end, and tell whether that came in time."""
        done = self._doing.acquire(timeout=-1 if seconds is None else max(seconds, 0))
        if done:
            self._doing.release()
        return done

    def get(self) -> Found:
        """Return what the work returned, or raise what it raised, once it is done."""
        self.wait()
        if self._raised is not None:
            raise self._raised
        return self._found


class Background(Generic[Found]):
    """One piece of work, begun at once; what it raises is raised where its result is asked for.

    Args:
        work: what to do.
        start: starts a thread with this to do, and tells whether it could.
    """

    def __init__(self, work: Callable[[], Found], start: Start = _start) -> None:
        self._work = work
        self._outcome: _Outcome[Found] = _Outcome()
        self._threaded = start(lambda: self._outcome.of(work))

    def result(self, seconds: float | None = None, late: Callable[[str], BaseException] = TimeoutError) -> Found:
        """Return what the work returned, or raise what it raised.

        Args:
            seconds: how long to wait; None: for ever.
            late: makes the exception to raise if that was not long enough, from the time waited, as in `25 s`.
        """
        beginning = BEGINNING if seconds is None else min(BEGINNING, seconds)
        if not (self._threaded and self._outcome.wait(beginning)):
            if not self._outcome.begun():
                self._do_here(seconds, late)
            if not self._outcome.wait(None if seconds is None else seconds - beginning):
                raise late(f"{seconds:g} s")
        return self._outcome.get()

    def _do_here(self, seconds: float | None, late: Callable[[str], BaseException]) -> None:
        """Do the work in this thread; a timer ends it where a system call can be ended."""
        if seconds is None or _thread.get_ident() != threading.main_thread().ident:
            self._outcome.of(self._work)
            return
        ended: list[BaseException] = []

        def end(*_: object) -> None:
            ended.append(late(f"{seconds:g} s"))
            raise ended[0]

        before = signal.signal(signal.SIGALRM, end)
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        # Again and again: a library may take the exception for one of its own and go on.
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 1.0)
        try:
            self._outcome.of(self._work)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            signal.signal(signal.SIGALRM, before)
        if ended:
            raise ended[0]


def side_by_side(
    work: Callable[[Thing], Found], things: Sequence[Thing], at_once: int, start: Start = _start
) -> list[Found]:
    """Return what the work returns for each thing, in their order; the first that fails by that order fails all.

    What is still being done then is left to itself, and nothing more is begun.

    Args:
        work: called with each thing, in several threads.
        things: what to work on.
        at_once: how many threads there may be; there are fewer, or none, where no more can be started.
        start: as of `Background`.
    """
    waiting = list(range(len(things)))[::-1]
    outcomes: list[_Outcome[Found]] = [_Outcome() for _ in things]

    def run() -> None:
        while waiting:
            try:
                number = waiting.pop()
            except IndexError:  # another thread took the last one
                return
            if not outcomes[number].of(lambda: work(things[number])):  # noqa: B023 - called at once
                waiting.clear()

    threads = 0
    while threads < min(at_once, len(things)) and start(run):
        threads += 1
    found = []
    try:
        for thing, outcome in zip(things, outcomes, strict=True):
            if not (threads and outcome.wait(BEGINNING)):
                # Threads begin things in order: if none has begun this one, none is alive.
                outcome.of(lambda: work(thing))  # noqa: B023 - called at once
            found.append(outcome.get())
    finally:
        waiting.clear()
    return found
