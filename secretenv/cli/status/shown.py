"""Show runs to people: one line a run, below it its secrets, why the last look failed, and the refused versions."""

from __future__ import annotations

import textwrap
from itertools import repeat
from typing import TYPE_CHECKING

from secretenv.wording import many, moment, printable, shown_version, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretenv.cli.status.fields import Status
    from secretenv.cli.status.finding import Run

DAY = 86400.0
NARROWEST = 40  # columns; below that a terminal wraps by itself
_SOURCES = {"aws": "AWS", "file": "a file", "cache": "the cache"}


def report(runs: Sequence[Run], epoch: float, width: int | None = None) -> str:
    """Return the lines about these runs.

    Args:
        runs: at least one.
        epoch: the time, in seconds since the epoch.
        width: of the terminal; None for a pipe, where each fact keeps one line.
    """
    lines = []
    for run in runs:
        lines.append(_wrapped(headline(run, epoch), "", width))
        lines += [_wrapped(line, "  ", width) for line in _details(run, epoch)]
    return "".join(f"{line}\n" for line in lines)


def headline(run: Run, epoch: float) -> str:
    """Return the line about a run: its phase, its restarts, its looks, and the end of its certificate."""
    status = run.status
    parts = [f"{status['phase']} for {span(run.age(status['since']))}"]
    if status["shutdown"]:
        parts.append(f"shutdown by {status['shutdown']}")
    parts.append(many(status["restarts"], "restart"))
    if status["trial_until"] is not None and status["trial_until"] > run.now:
        parts.append(f"new versions on trial for {span(status['trial_until'] - run.now)}")
    parts.append(_looks(run))
    if (end := status["certificate_end"]) is not None:
        parts.append(certificate(end, epoch))
    return f"{run.pid} {status['program']}: {', '.join(parts)}"


def certificate(end: float, epoch: float) -> str:
    """Return how long a certificate lasts."""
    if end <= epoch:
        return f"certificate expired {moment(end)}"
    return f"certificate expires in {span(end - epoch)} ({moment(end)})"


def _looks(run: Run) -> str:
    """Return when the secrets were looked at, and when they will be."""
    at, due = run.status["looked_at"], run.status["next_look"]
    never = "time of the last look not known" if unconfirmed(run) else "no look succeeded yet"
    last = never if at is None else f"last look {span(run.age(at))} ago"
    if due is None:
        return f"{last}, looking now"
    return f"{last}, next look {f'in {span(due - run.now)}' if due > run.now else 'due'}"


def unconfirmed(run: Run) -> bool:
    """Tell whether the command runs with values of the cache that AWS has not confirmed yet."""
    return bool(run.status["cache"] and run.status["cache"]["in_use"])


def _details(run: Run, epoch: float) -> Iterator[str]:
    """Yield the lines below that of a run."""
    yield from map(_secret, run.status["secrets"], repeat(run))
    if cache := run.status["cache"]:
        yield f"cache {cache['file']}: {', '.join(_cache(cache, run, epoch))}"
    if failing := run.status["failing"]:
        yield f"failing for {span(run.age(failing['since']))}: {failing['link']}: {failing['message']}"
        if failing["hint"]:
            yield f"hint: {failing['hint']}"
    for each in run.status["refused"]:
        yield f"refused {span(run.age(each['since']))} ago: {refusal(each['secret'], each['version'], each['why'])}"
    if run.status["refused"]:
        from secretenv.supervisor.trial import NEXT

        yield f"hint: {NEXT}"


def _secret(each: Status, run: Run) -> str:
    """Return the line of a secret."""
    words = []
    if version := _version(each["secret"], each["version"]):
        words.append(f"version {version}")
    elif each["source"] != "file":
        words.append("no version yet" if each["since"] is None else "does not exist")
    if each["since"] is not None:
        words.append(f"for {span(run.age(each['since']))}")
    words.append(f"from {_SOURCES.get(each['source'], each['source'])}")
    if each["newest"]:
        newest = _version(each["secret"], each["newest"])
        words.append(f"newest version {newest}" if newest else "there is a newer version")
    return f"secret {each['secret']}: {', '.join(words)}"


def _cache(cache: Status, run: Run, epoch: float) -> Iterator[str]:
    """Yield what there is to say about the cache."""
    if cache["in_use"]:
        yield "its values are not confirmed by AWS yet"
    if (at := cache["sealed_at"]) is None:
        yield "not sealed yet"
    else:
        yield f"sealed {span(epoch - at)} ago ({moment(at)})" if at <= epoch else f"sealed {moment(at)}"
    if (since := cache["denied_since"]) is not None:
        yield f"marked: AWS has refused to return the secrets for {span(run.age(since))}"


def refusal(secret: str, version: str, why: str) -> str:
    """Return in words which version was refused, and why."""
    shown = _version(secret, version)
    return f"{f'version {shown}' if shown else 'a version'} of secret {secret}: {why}"


def _version(secret: str, version: str) -> str:
    """Return a version as it may be shown; empty where there is none, or only the hash of a file."""
    return version and shown_version(secret, version)


def _wrapped(line: str, indent: str, width: int | None) -> str:
    """Return a line with this indent, which cannot move the cursor; its further lines are indented by four more."""
    text = indent + printable(line)
    if width is None:
        return text
    return textwrap.fill(
        text, max(width, NARROWEST), subsequent_indent=f"{indent}    ", break_on_hyphens=False, break_long_words=False
    )
