"""Work in threads: its result, its exception, and a limit; and the same where there can be no thread."""

from __future__ import annotations

import subprocess
import threading

import pytest

from secretenv.identity.background import Background, side_by_side
from tests.integration.fetcher.fetching import FOLDER
from tests.kernels import WITH_LIMITS, WITHOUT_THREADS
from tests.running import PYTHON

_BEGIN = f"import sys; sys.path.insert(0, {FOLDER!r}); import threading, time\n"
_BEGIN += "from secretenv.identity.background import Background, side_by_side\n"


def printed_by(system: list[str], program: str) -> str:
    """Return what a program prints on such a system."""
    words = [*system, PYTHON, "-I", "-c", _BEGIN + program]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_work_returns() -> None:
    """The result is there for as often as it is asked for, with a limit and without."""
    work = Background(lambda: 7)
    assert work.result() == 7
    assert work.result(5.0) == 7


def test_what_work_raises() -> None:
    """An exception, of whatever kind, is raised where the result is asked for."""

    def fail() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        Background(fail).result(5.0)


def test_work_that_hangs() -> None:
    """Work that takes longer than the limit is left to itself: what `late` makes of the time is raised."""
    end = threading.Event()
    work = Background(end.wait)
    with pytest.raises(ValueError, match=r"^not within 0\.1 s$"):
        work.result(0.1, lambda span: ValueError(f"not within {span}"))
    end.set()
    assert work.result(5.0)


def test_the_size_of_stacks() -> None:
    """A thread is started where stacks of the size of `ulimit -s` have no room; other rooms' threads have theirs."""
    program = "before = threading.stack_size(1 << 20)\n"
    program += "print(Background(threading.get_ident).result() != threading.get_ident(), threading.stack_size() >> 20)"
    limits = [PYTHON, "-c", WITH_LIMITS, "300000000", "300000000"]
    assert printed_by(limits, program) == "True 1"


def test_things_side_by_side() -> None:
    """Results come in the order of the things, whichever is done first; as many at once as there may be."""
    both = threading.Barrier(2)

    def work(number: int) -> int:
        both.wait(10)
        return -number

    assert side_by_side(work, [1, 2, 3, 4], 2) == [-1, -2, -3, -4]
    assert side_by_side(work, [], 2) == []


def test_the_first_that_fails() -> None:
    """The first that fails by the order of the things is raised, what hangs is left to itself, and no more is begun."""
    end = threading.Event()
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 2:
            raise ValueError(number)
        if number != 1:
            end.wait(10)

    with pytest.raises(ValueError, match=r"^2$"):
        side_by_side(work, [1, 2, 3, 4, 5, 6], 2)
    end.set()
    assert set(begun) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        pytest.param("print(Background(lambda: 7).result(), Background(lambda: 8).result(5.0))", "7 8", id="result"),
        pytest.param(
            "work = Background(lambda: print('once'))\nwork.result(); work.result(1.0)", "once", id="not twice"
        ),
        pytest.param("print(side_by_side(lambda x: -x, [1, 2, 3], 8))", "[-1, -2, -3]", id="side by side"),
        pytest.param(
            "try: Background(lambda: time.sleep(60)).result(0.1, lambda span: ValueError('not within ' + span))\n"
            "except ValueError as error: print(error)",
            "not within 0.1 s",
            id="a limit",
        ),
        pytest.param(
            "try: side_by_side(lambda x: print(x) if x < 2 else int('no'), [1, 2, 3], 8)\n"
            "except ValueError: print('failed')",
            "1\nfailed",
            id="the first that fails",
        ),
    ],
)
def test_without_threads(program: str, printed: str) -> None:
    """Where no thread can be started the work is done in its place, and a limit still ends what waits."""
    assert printed_by(WITHOUT_THREADS, program) == printed


def started_and_dead(_run: object) -> bool:
    """Be a thread that died before it began: of a lack of memory, for which `threading` waits for ever."""
    return True


def test_a_thread_that_dies_before_it_begins() -> None:
    """The work is done all the same, once, where its result is asked for; one thing and several."""
    assert Background(lambda: 7, started_and_dead).result() == 7
    assert Background(threading.get_ident, started_and_dead).result(30.0) == threading.get_ident()
    done: list[int] = []
    side_by_side(done.append, [1, 2, 3], 2, started_and_dead)
    assert done == [1, 2, 3]


def test_a_limit_that_a_library_takes_for_its_own_error() -> None:
    """Without a thread the limit holds, and is what is raised, though the work goes on after it and fails otherwise."""
    program = """
def work():
    for _ in range(2):
        try:
            time.sleep(60)
        except ValueError:
            pass
    raise KeyError
try: Background(work).result(0.1, lambda span: ValueError('not within ' + span))
except ValueError as error: print(error)
"""
    assert printed_by(WITHOUT_THREADS, program) == "not within 0.1 s"
