"""`secretenv check --offline`: say what a boot without a network would do, without using one.

A start asks AWS first, unless --cache-after is 0; so a file that is broken for good ends it, although the cache could
be opened. Which errors do so is decided by `supervisor.sealing`, as in a run.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from secretenv.cli import messages
from secretenv.cli.check import cache, needs
from secretenv.cli.check.local_steps import LocalSteps
from secretenv.cli.check.report import Step, closing_offline, document, showing
from secretenv.cli.isolation import isolate
from secretenv.defects import as_error
from secretenv.errors import SecretenvError
from secretenv.guessing import shown_key
from secretenv.protocol import BUDGET
from secretenv.supervisor.caller import inherited
from secretenv.supervisor.sealing import unreachable
from secretenv.wording import many, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TextIO

    from secretenv.cache_protocol import Known
    from secretenv.settings import Settings


_WITHOUT = "without a network, the command"


class Verdict(NamedTuple):
    """What a boot without a network would do.

    Attributes:
        starts: whether the command would start.
        text: the same in one sentence.
        age: of its values, in seconds; None: not known, or there are none.
        after: seconds until it starts.
        reason: the step that prevents the start.
    """

    starts: bool
    text: str
    age: float | None = None
    after: float | None = None
    reason: Step | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON document shows of it."""
        return {"starts": self.starts, "text": self.text, "age": self.age, "after": self.after}


def check(  # noqa: PLR0913 - what the command line gives
    settings: Settings,
    show: Callable[[Step], None],
    base: Mapping[bytes, bytes],
    *,
    said: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
    budget: float,
) -> Verdict:
    """Walk along the links that need no network, show each step, and return the verdict.

    Args:
        settings: of the run.
        show: called with each step.
        base: the environment that the command would inherit.
        said: the settings in words, each with its source.
        clock: this machine's, in seconds since the epoch.
        budget: seconds to wait for the files.
    """
    walk = _Offline(settings, show, clock, budget)
    try:
        return walk.run(said, base)
    except Exception as error:  # noqa: BLE001 - its text may contain a value
        return walk.defect(error)


def main(
    settings: Settings, said: Sequence[str], *, as_json: bool = False, verbose: bool = False, budget: float = BUDGET
) -> int:
    """Check, print the result in the form that suits standard output, and return 0 if the command would start."""
    base = inherited()
    isolate()
    return present(settings, sys.stdout, base, said, as_json=as_json, verbose=verbose, budget=budget)


def present(  # noqa: PLR0913 - what main passes on
    settings: Settings,
    out: TextIO,
    base: Mapping[bytes, bytes],
    said: Sequence[str] = (),
    *,
    as_json: bool = False,
    verbose: bool = False,
    budget: float = BUDGET,
) -> int:
    """Check and write the result: JSON, a table for a terminal, or lines."""
    steps: list[Step] = []
    show = showing(out, as_json=as_json, verbose=verbose)

    def keep(step: Step) -> None:
        steps.append(step)
        show(step)

    verdict = check(settings, keep, base, said=said, budget=budget)
    out.write(document(steps, None, verdict) if as_json else closing_offline(steps, verdict))
    return int(not verdict.starts)


class _Offline(LocalSteps):
    """One walk, with the errors so far."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._ends = "start"  # what the errors of a step end: any start, a fetch, or nothing
        self._failures: list[tuple[SecretenvError, str]] = []

    def fail(self, error: Exception) -> None:
        """Show the step at which this happened, and remember whether a start ends with it."""
        found = as_error(error, SecretenvError)
        self._failures.append((found, self._ends))
        super().fail(found)

    def _demand(self, work: Callable[[], None]) -> None:
        """Show the error that `work` raises; it affects only what is put into the cache next."""
        before, self._ends = self._ends, "nothing"
        super()._demand(work)
        self._ends = before

    def run(self, said: Sequence[str], base: Mapping[bytes, bytes]) -> Verdict:
        """Take all steps, and return the verdict."""
        self._begin(said)
        if not self._local:
            self._ends = "fetch"
            self._files()
        for secret in self._wanted.values():
            if secret.local:
                self._read_file(secret)
        self._ends = "start"
        known = None
        if self._local:
            made = self._variables()
        else:
            known = self._kept()
            made = known.answer.variables if known else {}
        if known or self._local:
            self._attempt(lambda: needs.step(self._settings, base, made))
        return self.verdict(known)

    def _no_cache(self) -> Step:
        """Refuse to do without one."""
        raise messages.CACHE_NOT_THERE(file=self._settings.cache)

    def _kept(self) -> Known | None:
        """Show the cache and what it would give to the command."""
        if not self._settings.cache:
            self.fail(messages.NO_CACHE_GIVEN())
            return None
        known = self._cache()
        if known is None:
            return None
        names, files = sorted(known.answer.variables), known.answer.files
        also = f" and {many(len(files), 'file')}" if files else ""
        text = f"{many(len(names), 'variable')}{also} from {many(len(known.answer.versions), 'secret')} in the cache"
        self._show(Step("variables", ok=True, text=text, details=tuple(map(shown_key, names))))
        return known

    def defect(self, error: Exception) -> Verdict:
        """Return the verdict where the check itself has failed: nobody knows what a start would do."""
        self._ends = "start"
        self.fail(error)
        return self.verdict(None)

    def verdict(self, known: Known | None) -> Verdict:
        """Return what follows from the errors, for a cache that holds this."""
        # The cache decides when it is used; where there is none, AWS is asked in any case.
        after = cache.wait(self._settings, known) if known else None
        for error, ends in self._failures:
            if ends == "start" or (ends == "fetch" and after != 0 and not unreachable(error)):
                text = f"{_WITHOUT} would not start: {error.link}: {error.message}"
                reason = Step(error.link, ok=False, text=error.message, hint=error.hint)
                return Verdict(starts=False, text=text, reason=reason)
        if known is None:
            return Verdict(starts=True, text=f"{_WITHOUT} would start: all secrets are files", after=0.0)
        age = "of unknown age" if known.age is None else f"from {span(known.age)} ago"
        text = f"{_WITHOUT} would start with values {age}, {cache.when(self._settings, known)}"
        return Verdict(starts=True, text=text, age=known.age, after=after)
