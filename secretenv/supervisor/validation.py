"""The validation of new values by a program: what is being tried, what was accepted, what the command keeps. Pure.

Loaded only where there is a program. When it runs and what follows is the business of `lifecycle`; `validator` runs it.
"""

from __future__ import annotations

from secretenv.errors import Message, SecretenvError
from secretenv.supervisor.actions import KillValidator, PutBack, Validate, line
from secretenv.wording import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.protocol import Answer
    from secretenv.supervisor.actions import Action, Line

REFUSED = Message(
    SecretenvError,
    "the new version of {secret} was refused by {program} ({reason}): the command keeps its values",
    "look at what {program} wrote; the next version is tried at once; --refresh-signal tries this one again",
    link="rotation",
)


class Validation:
    """The validation that is under way, if there is one, and its last outcome.

    Args:
        program: its name.
        limit: seconds that it may take.

    Attributes:
        due: when the program has taken too long, or None.
        trying: the answer that it tries, or None.
        accepted: the last answer that may be started, or None.
        kept: what the command has while the files are already those of another answer, or None.
    """

    def __init__(self, program: str, limit: float) -> None:
        self.due: float | None = None
        self.trying: Answer | None = None
        self.accepted: Answer | None = None
        self.kept: Answer | None = None
        self._program = program
        self._limit = limit
        self._late = False

    def begin(self, answer: Answer, kept: Answer, now: float) -> list[Action]:
        """Have the program try an answer.

        Args:
            answer: with the new values.
            kept: what the command has until then.
            now: in seconds.
        """
        self.trying, self.kept, self.accepted = answer, kept, None
        self.due, self._late = now + self._limit, False
        return [line("info", f"trying the new values with {self._program}"), Validate(answer=answer)]

    def tick(self, now: float) -> list[Action]:
        """End the program if it has taken too long; its outcome is still reported."""
        if self.due is None or now < self.due:
            return []
        self.due, self._late = None, True
        return [KillValidator()]

    def ended(self, why: str, newest: Answer) -> str:
        """Take the outcome of the program, and return why it refuses; empty if it does not.

        Args:
            why: as it was reported.
            newest: the answer with these values that is to be run now.
        """
        self.trying = self.due = None
        self.accepted = None if why else newest
        return why and (f"not done within {span(self._limit)}" if self._late else why)

    def done(self) -> None:
        """Note that the command gets the new values."""
        self.kept = None

    def give_up(self) -> list[Action]:
        """End what is under way; the command keeps what it has, its files too."""
        actions: list[Action] = [KillValidator()] if self.trying else []
        if self.kept:
            actions.append(PutBack(answer=self.kept))
        self.trying = self.kept = self.due = None
        return actions

    def refusal(self, names: str, why: str) -> Line:
        """Return the line that the program refused new versions.

        Args:
            names: of the secrets that have them.
            why: in words.
        """
        error = REFUSED(secret=names, program=self._program, reason=why)
        return line("error", error.message, error.link, error.hint, event="refused")
