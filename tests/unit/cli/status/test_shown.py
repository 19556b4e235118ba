"""What `status` shows to people."""

from __future__ import annotations

from typing import Any

import pytest

from secretenv.cli.status.finding import Run
from secretenv.cli.status.shown import report
from secretenv.supervisor.trial import NEXT
from secretenv.wording import span

from .statuses import DAY, EPOCH, NEWER, NOW, VERSION, cache, failing, refused, secret, status


def shown(width: int | None = None, **changes: Any) -> list[str]:
    """Return the lines about a run."""
    return report([Run(4711, status(**changes), NOW)], EPOCH, width).splitlines()


def test_a_run_that_is_well() -> None:
    """One line for the run, one for each secret: versions, ages, the next look, the certificate's end."""
    rows = [secret(), secret(secret="file:///x", version="", source="file", since=NOW - 5)]
    assert shown(restarts=1, secrets=rows) == [
        (
            "4711 myapp: running for 22 min, 1 restart, last look 45 s ago, next look in 4 min, "
            "certificate expires in 200 days (2026-06-13T10:51:30Z)"
        ),
        f"  secret prod/app: version {VERSION}, for 22 min, from AWS",
        "  secret file:///x: for 5.0 s, from a file",
    ]


def test_all_that_can_be_wrong() -> None:
    """Below: why looks fail, with the link and the next step; the refused version, why, and the next step."""
    assert shown(failing=failing(), refused=[refused()], certificate_end=EPOCH - 1, secrets=[secret(newest=NEWER)]) == [
        (
            "4711 myapp: running for 22 min, 0 restarts, last look 45 s ago, next look in 4 min, "
            "certificate expired 2025-11-25T10:51:29Z"
        ),
        f"  secret prod/app: version {VERSION}, for 22 min, from AWS, newest version {NEWER}",
        "  failing for 10 min: DNS: the name x was not resolved",
        "  hint: getent hosts x",
        f"  refused 2 min ago: version {NEWER} of secret prod/app: exit status 3",
        f"  hint: {NEXT}",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase": "waiting", "looked_at": None, "next_look": None}, "no look succeeded yet, looking now"),
        ({"next_look": NOW - 1}, "last look 45 s ago, next look due"),
        ({"shutdown": "TERM", "phase": "stopping"}, "stopping for 22 min, shutdown by TERM, 0 restarts"),
        ({"trial_until": NOW + 5}, "0 restarts, new versions on trial for 5.0 s, last look"),
        ({"looked_at": NOW + 3}, "last look 0.0 s ago"),
    ],
)
def test_the_line_of_a_run(changes: dict[str, Any], words: str) -> None:
    """What is under way is said; nothing was in the future."""
    assert words in shown(**changes)[0]


def test_what_is_over_is_not_said() -> None:
    """A trial that has ended and a certificate that nobody knows are left out."""
    (line, _) = shown(trial_until=NOW - 1, certificate_end=None)
    assert "trial" not in line
    assert "certificate" not in line


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (secret(version="", since=None), "secret prod/app: no version yet, from AWS"),
        (secret(version=""), "secret prod/app: does not exist, for 22 min, from AWS"),
        (secret(secret="file:///x", version="", source="file", newest="h"), "from a file, there is a newer version"),
        (secret(source="cache"), "from the cache"),
        (secret(source="moon"), "from moon"),
    ],
)
def test_the_line_of_a_secret(row: dict[str, Any], words: str) -> None:
    """Before the first start there is no version; a file has none to show."""
    assert words in shown(secrets=[row])[1]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (cache(), "sealed 2 days ago (2025-11-23T10:51:30Z)"),
        (cache(sealed_at=None), "not sealed yet"),
        (cache(sealed_at=EPOCH + DAY), "sealed 2025-11-26T10:51:30Z"),
        (cache(in_use=True), "its values are not confirmed by AWS yet, sealed 2 days ago (2025-11-23T10:51:30Z)"),
        (
            cache(sealed_at=None, denied_since=NOW - 1200),
            "not sealed yet, marked: AWS has refused to return the secrets for 20 min",
        ),
    ],
)
def test_the_line_of_the_cache(row: dict[str, Any], words: str) -> None:
    """When it was written, whether its values are in use without a word of AWS, and since when AWS refuses."""
    assert shown(cache=row)[-1] == f"  cache /c/app: {words}"


def test_the_age_of_values_of_the_cache() -> None:
    """The last look may have been before this boot, or at a time that nobody knows."""
    in_use = cache(in_use=True)
    assert "last look 3 days ago" in shown(cache=in_use, looked_at=NOW - 3 * DAY)[0]
    assert "time of the last look not known" in shown(cache=in_use, looked_at=None)[0]
    assert "no look succeeded yet" in shown(cache=cache(), looked_at=None)[0]


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal(width: int) -> None:
    """Lines are wrapped at the width of a terminal, between words, and what follows is indented."""
    lines = shown(width, failing=failing())
    assert max(map(len, lines)) <= max(width, len(f"      {VERSION},"))
    assert all(line.startswith(("4711 ", "    ", "  secret ", "  failing ", "  hint")) for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(" ".join(shown(failing=failing())).split())


def test_a_hostile_name() -> None:
    """Nothing moves the cursor or begins a line, whoever wrote the status."""
    evil = "a\x1b[2J\nb"
    broken = failing() | {"message": evil, "hint": evil, "link": evil}
    lines = shown(
        program=evil,
        shutdown=evil,
        secrets=[secret(secret=evil, newest=evil)],
        failing=broken,
        refused=[refused(why=evil)],
        cache=cache(file=evil),
    )
    assert len(lines) == 7
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5.0 s"), (3600 * 47, "47.0 h"), (86400 * 2, "2 days"), (86400 * 400, "400 days")]
)
def test_lengths(seconds: float, words: str) -> None:
    """From two days on in days."""
    assert span(seconds) == words
