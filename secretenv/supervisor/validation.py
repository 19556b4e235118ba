"""The life of the command where a program tries new values first: the rules of `lifecycle` with one more step. Pure.

Loaded only where there is such a program, which `validator` runs. The command is stopped, or sent the signal of
--on-change, when the program has accepted the values; if it refuses them, the command keeps what it has, its files too.
Only accepted values are started: a newer version that comes while the command is being stopped has to wait.
"""

from __future__ import annotations

from secretenv.errors import Message, SecretenvError
from secretenv.supervisor.actions import GRACE, Publish, Rare, line, notice
from secretenv.supervisor.lifecycle import Lifecycle
from secretenv.supervisor.phases import CLEANING, RUNNING
from secretenv.supervisor.trial import differing
from secretenv.wording import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretenv.protocol import Answer
    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Action
    from secretenv.supervisor.phases import Event
    from secretenv.supervisor.trial import Trial

# Seconds that the program may take: longer than most clients try to connect.
LIMIT = 30.0

REFUSED = Message(
    SecretenvError,
    "the new version of {secret} was refused by {program} ({reason}): the command keeps its values",
    "look at what {program} wrote; the next version is tried at once; --refresh-signal tries this one again",
    link="rotation",
)


class Validate(Rare):
    """Run the program with this answer; report `validated`."""

    answer: Answer


class KillValidator(Rare):
    """SIGKILL the program and its descendants; report `validated`, with its own outcome if it has one."""


class PutBack(Rare):
    """Write the files of this answer, which the command keeps, once more; a failure is only logged."""

    answer: Answer


class ValidatedLife(Lifecycle):
    """The state of one run in which a program tries new values. The arguments are those of `Lifecycle`.

    Attributes:
        words: the program and its arguments.
    """

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(settings, **given)
        self.words = settings.validate
        self._program = self.words[0]
        self._trying: Answer | None = None  # what the program tries
        self._late: float | None = None  # when it has taken too long
        self._was_late = False
        self._accepted: Answer | None = None  # the last answer that may be started
        self._held: Answer | None = None  # what the command has, while the files are those of another answer

    def due(self) -> float | None:
        """Return when `tick` has something to do, or None for never."""
        times = (super().due(), self._late)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        actions = super().tick(now)
        if self._late is not None and now >= self._late:
            self._late, self._was_late = None, True
            actions.append(KillValidator())
        return actions

    # A new version

    def prepared(self, answer: Answer, now: float) -> list[Action]:
        """Have the program try this answer, or go on with the restart for an accepted one."""
        if self.phase != RUNNING or self.shutdown or answer is not self.target:
            return []
        if answer is not self._accepted:
            return self._try(self.running, now)
        self._held = None
        return super().prepared(answer, now)

    def unprepared(self, error: SecretenvError, now: float) -> list[Action]:
        """Keep the command: it cannot be started with the new values, accepted or not."""
        return [*self._stop_trying(), *super().unprepared(error, now)]

    def published(self, now: float) -> list[Action]:
        """Have the program try the newest answer, whose files are there."""
        return self._try(self._before, now) if self.phase == RUNNING and not self.shutdown else []

    def _try(self, kept: Answer, now: float) -> list[Action]:
        self._trying, self._held, self._accepted = self.target, kept, None
        self._late, self._was_late = now + LIMIT, False
        words = f"trying the new values with {self._program}"
        # Only where a reload waits for it: otherwise systemd would add the time to RuntimeMaxSec=.
        told = notice(status=words, within=LIMIT + GRACE if self._notices.reloading else 0.0)
        return [told, line("info", words), Validate(answer=self.target)]

    def validated(self, answer: Answer, why: str, now: float) -> list[Action]:
        """Take the outcome of the program: why it refuses an answer, empty if it does not."""
        kept = self._held
        if kept is None or answer is not self._trying:
            return []
        self._trying = self._late = None
        if why:
            return self._refuse(kept, f"not done within {span(LIMIT)}" if self._was_late else why, now)
        # Not `answer`: a newer version with the same values may have come.
        self._accepted = self.target
        if isinstance(self._settings.on_change, int):
            self._held = None
            return self._tell(now)
        # The command may be exiting on a signal that came meanwhile.
        wait = self._restart.plan(now, splay=False)
        if wait > 0:
            return [line("info", f"restarting in {span(wait)}")]
        self._restart.cancel()
        return self.prepared(self.target, now)

    def _refuse(self, kept: Answer, why: str, now: float) -> list[Action]:
        """Refuse the newest answer: the command, which was not touched, keeps what it has."""
        self._trial = self._trial or self._first_trial()
        self._trial.refuse(kept, self.target, f"{self._program}: {why}", now)
        error = REFUSED(secret=", ".join(differing(kept, self.target)), program=self._program, reason=why)
        said = line("error", error.message, error.link, error.hint, event="refused")
        self.target = kept
        status = self._notices.kept(self.running.versions, f"refused: {self._trial.status()}")
        return [said, *self._stop_trying(), *status, *self._over(failed=False), *self._proven(now)]

    def _stop_trying(self) -> list[Action]:
        """End what is under way; the command keeps what it has."""
        actions: list[Action] = [KillValidator()] if self._trying else []
        if self._held:
            actions.append(PutBack(answer=self._held))
        self._trying = self._held = self._late = None
        return actions

    # Events meanwhile

    def _follow(self, answer: Answer, before: Answer, now: float) -> list[Action]:
        """Do what --on-change says about a new version, whether or not another one is being tried."""
        before = self._held or before
        stopped = self._stop_trying()
        if not isinstance(self._settings.on_change, int):
            return stopped + super()._follow(answer, before, now)
        if answer.versions == before.versions:
            words = "nothing done: the command has this version"
            return stopped + self._kept(words, "notified of a new version")
        self._before = before
        return [*stopped, Publish(answer=answer)]

    def _checked(self, answer: Answer, now: float) -> list[Action]:
        """Follow the answer of a check. The files of a refused version may still be there if the disk was full."""
        actions = super()._checked(answer, now)
        refused = self._trial is not None and self._trial.refused and self.phase == RUNNING
        return [*actions, PutBack(answer=self.target)] if refused else actions

    def _over(self, *, failed: bool) -> list[Action]:
        """Return the notice at the end of a check, unless the program or a restart decides how it ends."""
        return [] if self._held else super()._over(failed=failed)

    def _go_back(self, trial: Trial, old: Answer, status: int, now: float) -> list[Action]:
        """Give the command, which has failed on trial, the old values back; the program tries newer ones after that."""
        actions = self._stop_trying()
        if self.target.versions not in (self.running.versions, old.versions):
            actions += self._check_again(old, now)
        self._accepted = old
        return actions + super()._go_back(trial, old, status, now)

    def gone(self, now: float) -> list[Action]:
        """Start the command with the accepted values, and look for newer ones that came since."""
        starts = self.phase == CLEANING and not self.shutdown and not self._exits()
        actions: list[Action] = []
        if starts and self._accepted and self.target is not self._accepted:
            actions = self._check_again(self._accepted, now)
        return actions + super().gone(now)

    def _check_again(self, answer: Answer, now: float) -> list[Action]:
        """Run this answer, not the newest; the next check, which begins now, finds the newest again."""
        self.target = answer
        self._versions.take_back(answer.versions)
        return self._refresh.ask(now)

    def _begin_shutdown(self, signum: int) -> list[Action]:
        """Try nothing any more."""
        return [*super()._begin_shutdown(signum), *self._stop_trying()]

    def _end(self, event: Event) -> list[Action]:
        return [*super()._end(event), *self._stop_trying()]
