"""How `status --check` judges runs, row by row, and the line that a monitoring system reads."""

from __future__ import annotations

import re
from typing import Any

import pytest

from secretenv import errors
from secretenv.cli import messages
from secretenv.cli.status.finding import Run
from secretenv.cli.status.monitoring import REFUSALS, check
from tests.unit.docs.catalogue import CHAIN

from .statuses import DAY, EPOCH, NOW, cache, failing, refused, status

WELL = "myapp (4711): running, last look 45 s ago"
OK, WARNING, CRITICAL, UNKNOWN = range(4)


def said(*statuses: dict[str, Any], max_age: float | None = None, problems: Any = ()) -> tuple[int, str]:
    """Return the status and the words of these runs, without data."""
    level, line = check([Run(each["pid"], each, NOW) for each in statuses], problems, EPOCH, max_age)
    head, _, rest = line.rstrip("\n").partition(" - ")
    assert head == f"SECRETENV {['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][level]}"
    return level, rest.partition(" | ")[0]


ROWS: dict[str, tuple[dict[str, Any], int, str]] = {
    "well": ({}, OK, WELL),
    "stopping for a new version": ({"phase": "stopping"}, OK, "myapp (4711): stopping, last look 45 s ago"),
    "ignored version": ({"secrets": []}, OK, WELL),
    "certificate of 14 days": ({"certificate_end": EPOCH + 14 * DAY}, OK, WELL),
    "no certificate": ({"certificate_end": None}, OK, WELL),
    "as old as allowed": ({"looked_at": NOW - 3600}, OK, "myapp (4711): running, last look 60 min ago"),
    "a long interval": (
        {"interval": 7200.0, "looked_at": NOW - 14400},
        OK,
        "myapp (4711): running, last look 4.0 h ago",
    ),
    "first fetch": (
        {"phase": "waiting", "looked_at": None},
        WARNING,
        "myapp (4711): waiting for the first fetch for 22 min",
    ),
    "failing": (
        {"failing": failing()},
        WARNING,
        "myapp (4711): failing for 10 min: DNS: the name x was not resolved",
    ),
    "certificate ends": (
        {"certificate_end": EPOCH + 14 * DAY - 1},
        WARNING,
        "myapp (4711): certificate expires in 13 days (2025-12-09T10:51:29Z)",
    ),
    "confirmed cache": ({"cache": cache()}, OK, WELL),
    "a first fetch with a cache": (
        {"phase": "waiting", "looked_at": None, "cache": cache()},
        WARNING,
        "myapp (4711): waiting for the first fetch for 22 min",
    ),
    "from the cache": (
        {"cache": cache(in_use=True)},
        WARNING,
        "myapp (4711): values of the cache, not confirmed by AWS yet",
    ),
    "from the cache, of unknown age": (
        {"looked_at": None, "cache": cache(in_use=True)},
        WARNING,
        "myapp (4711): values of the cache, of unknown age, not confirmed by AWS yet",
    ),
    "from the cache, confirmed before this boot": (
        {"looked_at": NOW - 3 * DAY, "cache": cache(in_use=True)},
        CRITICAL,
        "myapp (4711): values are 3 days old, values of the cache, not confirmed by AWS yet",
    ),
    "too old": ({"looked_at": NOW - 3601}, CRITICAL, "myapp (4711): values are 60 min old"),
    "too old for a long interval": (
        {"interval": 7200.0, "looked_at": NOW - 14401},
        CRITICAL,
        "myapp (4711): values are 4.0 h old",
    ),
    "failing and too old": (
        {"looked_at": NOW - 4000, "failing": failing()},
        CRITICAL,
        "myapp (4711): values are 67 min old, failing for 10 min: DNS: the name x was not resolved",
    ),
    "refused by AWS": (
        {"failing": failing("policy")},
        CRITICAL,
        "myapp (4711): failing for 10 min: policy: the name x was not resolved",
    ),
    "refused by the command": (
        {"refused": [refused()]},
        CRITICAL,
        "myapp (4711): refused version 77aa77aa-0000-4e4f-8f3e-1a2b3c4d5e6f of secret prod/app: exit status 3",
    ),
    "refused file": (
        {"refused": [refused(secret="file:///x", version="")]},
        CRITICAL,
        "myapp (4711): refused a version of secret file:///x: exit status 3",
    ),
    "certificate ended": (
        {"certificate_end": EPOCH},
        CRITICAL,
        "myapp (4711): certificate expired 2025-11-25T10:51:30Z",
    ),
}


@pytest.mark.parametrize(("changes", "level", "words"), ROWS.values(), ids=ROWS)
def test_a_run(changes: dict[str, Any], level: int, words: str) -> None:
    """Each state of a run has its status and its words."""
    assert said(status(**changes)) == (level, words)


@pytest.mark.parametrize("link", CHAIN)
def test_what_aws_refuses_is_critical_at_once(link: str) -> None:
    """A link that no waiting heals is critical as soon as it breaks; the others are a warning first."""
    assert said(status(failing=failing(link)))[0] == (CRITICAL if link in REFUSALS else WARNING)


def test_the_refusals_are_links() -> None:
    """None of them is misspelt, and none is one that a retry heals."""
    assert set(CHAIN) > REFUSALS
    assert not {errors.THROTTLED, "DNS", "connection", "clock", "secret"} & REFUSALS


@pytest.mark.parametrize(("age", "level"), [(44.0, CRITICAL), (45.0, OK)])
def test_the_limit_can_be_chosen(age: float, level: int) -> None:
    """--max-age counts as it stands, whatever the interval is."""
    assert said(status(interval=7200.0), max_age=age)[0] == level


def test_the_worst_run_comes_first() -> None:
    """Of several the worst decides and comes first; one that was not found is worse than a warning."""
    well, late = status(pid=1, program="a"), status(pid=2, program="b", looked_at=NOW - 7200)
    warns, gone = status(pid=3, program="c", failing=failing()), messages.NO_PROCESS(pid=9)
    assert said(well, warns, late, problems=[gone]) == (
        CRITICAL,
        (
            "b (2): values are 2.0 h old; there is no process 9; c (3): failing for 10 min: DNS: the name x was not "
            "resolved; a (1): running, last look 45 s ago"
        ),
    )
    assert said(well, warns, problems=[gone])[0] == UNKNOWN
    assert said(well, warns)[0] == WARNING
    assert said(well) == (OK, "a (1): running, last look 45 s ago")


def test_nothing_found() -> None:
    """Without a run the line says why, and has no data."""
    assert check([], [messages.NO_RUN()], EPOCH, None) == (3, "SECRETENV UNKNOWN - no running secretenv found\n")


def data(*statuses: dict[str, Any], max_age: float | None = None) -> str:
    """Return the performance data."""
    line = check([Run(each["pid"], each, NOW) for each in statuses], [], EPOCH, max_age)[1]
    return line.rstrip("\n").partition(" | ")[2]


def test_performance_data() -> None:
    """Age with its limit, what fails, refused versions, restarts as a counter, and the certificate's time left."""
    assert (
        data(status(restarts=2))
        == "age=45s;;3600;0 failing=0 refused=0;;0;0 restarts=2c certificate=17280000s;1209600:;0:"
    )
    assert data(status(looked_at=None, certificate_end=None, failing=failing()), max_age=60.0) == (
        "age=U;;60;0 failing=1 refused=0;;0;0 restarts=0c"
    )


def test_labels_are_told_apart() -> None:
    """Several runs have labels with the program's name, and with the pid where it runs twice."""
    runs = [status(pid=1, program="/bin/a b"), status(pid=2, program="c"), status(pid=3, program="c")]
    labels = [word.partition("=")[0] for word in data(*runs).split()]
    assert labels[::5] == ["a_b_age", "c_2_age", "c_3_age"]
    assert len(set(labels)) == len(labels) == 15


FORM = re.compile(r"[^\n|]+( \| ([\w.-]+=(U|-?\d+(s|c)?)(;[\d:]*){0,4}( (?=\w)|$))+)?\n")


@pytest.mark.parametrize("text", ["a | b", "a\nb", "\x1b[2J", "é"])
def test_the_line_is_one_line(text: str) -> None:
    """Whatever a name or an error holds: one line, in which one bar begins the data."""
    broken = status(program=text, failing=failing() | {"message": text}, refused=[refused(why=text)])
    line = check([Run(1, broken, NOW)], [], EPOCH, None)[1]
    assert FORM.fullmatch(line), line
    assert line.isprintable() or line[:-1].isprintable()
