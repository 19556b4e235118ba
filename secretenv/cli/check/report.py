"""Show the steps of a check: lines for a pipe, a table for a terminal, JSON for machines."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from secretenv.cli.check.cost import words as cost_in_words
from secretenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from secretenv.cli.check.offline import Verdict

WIDTH = len("certificate file")  # of the links' column; only `key of another certificate` is longer


class Step(NamedTuple):
    """The result at one link of the chain.

    A broken step has the link of its error, so `check` and the log of `run` use the same words.
    """

    link: str
    ok: bool | None  # None: not tried
    text: str
    hint: str = ""
    warnings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()  # shown on demand
    notes: tuple[str, ...] = ()  # shown always


def first_broken(steps: Sequence[Step]) -> Step | None:
    """Return the first step that failed."""
    return next((step for step in steps if step.ok is False), None)


def showing(out: TextIO, *, as_json: bool, verbose: bool) -> Callable[[Step], None]:
    """Return a function that shows a step in the form that suits the output; JSON is one document at the end."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")  # the locale may lack a character
    if as_json:
        return lambda _: None
    return (table if out.isatty() else lines)(out, verbose=verbose)


def lines(out: TextIO, *, verbose: bool = False) -> Callable[[Step], None]:
    """Return a function that writes a step as lines for a pipe: its own, and one for each warning."""

    def show(step: Step) -> None:
        rows = _rows(step, verbose=verbose)
        out.writelines(f"{word:4}  {printable(link):{WIDTH}}  {printable(text)}\n" for word, link, text in rows)
        out.flush()

    return show


def closing(steps: Sequence[Step], cost: Mapping[str, Any]) -> str:
    """Return the last lines: the cost of polling, and the broken link with the next step."""
    broken = first_broken(steps)
    last = ["", f"polling: {cost_in_words(cost)}"]
    if broken is None:
        return "\n".join([*last, "all is well"]) + "\n"
    more = sum(step.ok is False for step in steps) - 1
    also = f" ({more} more broken below)" if more else ""
    last.append(f"broken: {broken.link}: {broken.text}{also}")
    if broken.hint:
        last.append(f"hint: {broken.hint}")
    return "\n".join(printable(line) for line in last) + "\n"


def closing_offline(steps: Sequence[Step], verdict: Verdict) -> str:
    """Return the last lines of a check without a network: a broken link that prevents no start, and the verdict."""
    broken = first_broken(steps) if verdict.starts else verdict.reason
    hint = [f"hint: {broken.hint}"] if broken and broken.hint else []
    if verdict.starts:
        last = [f"broken: {broken.link}: {broken.text}", *hint, verdict.text] if broken else [verdict.text]
    else:
        last = [verdict.text, *hint]
    return "\n".join(map(printable, ["", *last])) + "\n"


def document(steps: Sequence[Step], cost: Mapping[str, Any] | None, verdict: Verdict | None = None) -> str:
    """Return everything as one JSON document; a verdict on a boot without a network decides `ok`."""
    broken = verdict.reason if verdict else first_broken(steps)
    content = {
        "ok": broken is None,
        "broken": broken and {"link": broken.link, "text": broken.text, "hint": broken.hint},
        "steps": [step._asdict() for step in steps],
        "cost": cost,
        **({"offline": verdict.to_json()} if verdict else {}),
    }
    return json.dumps(content, indent=2) + "\n"


def table(out: TextIO, *, verbose: bool = False) -> Callable[[Step], None]:
    """Return a function that adds a step to a table on a terminal.

    It is printed row by row and never redrawn, so it may be longer than the screen.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    marks = MARKS if console.encoding.startswith("utf") else {}

    def show(step: Step) -> None:
        for word, link, text in _rows(step, verbose=verbose):
            row = Table.grid(padding=(0, 2, 0, 0))
            row.add_column(width=max(len(marks.get(mark, mark)) for mark in MARKS))
            row.add_column(width=WIDTH)
            row.add_column(overflow="fold")
            # Not plain strings: rich would look for markup in them.
            row.add_row(
                Text(marks.get(word, word), COLOURS[word]), Text(printable(link), "bold"), Text(printable(text))
            )
            console.print(row)

    return show


MARKS = {"ok": "✓", "FAIL": "✗", "skip": "-", "warn": "!", "set": " "}
COLOURS = {"ok": "green", "FAIL": "red", "skip": "dim", "warn": "yellow", "set": "dim", "": "dim"}


def _rows(step: Step, *, verbose: bool) -> Iterator[tuple[str, str, str]]:
    """Yield word, link and text of the step, of its notes and warnings and, if verbose, of its details."""
    yield {True: "ok", False: "FAIL", None: "skip"}[step.ok], step.link, step.text
    for note in step.notes:
        yield "set", step.link, note
    for warning in step.warnings:
        yield "warn", step.link, warning
    if verbose:
        for detail in (*step.details, *([f"hint: {step.hint}"] if step.hint else [])):
            yield "", "", detail
