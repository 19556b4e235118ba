"""What the service manager is told of a run, and when: a part of the state machine that `lifecycle` is.

The words are those of sd_notify(3). Whether anybody listens, and how it is sent, is the business of `notify`.
"""

from __future__ import annotations

from secretenv.errors import SecretenvError
from secretenv.supervisor.actions import GRACE, Action, Notify, Prepare, notice
from secretenv.wording import shown_version, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.settings import Settings


class Notices:
    """What was said so far, which decides what is to be said next.

    A limit of the service manager never cuts short one that secretenv was given: a step that has a limit says how long
    it may take.

    Args:
        settings: what was asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running = ""  # the status while all is well
        self._failing = self._reloading = self._stopping = False

    def starting(self) -> list[Action]:
        """Tell that the first fetch begins."""
        return [notice(status="reading the secrets", within=self._settings.start_timeout + GRACE)]

    def started(self, versions: Mapping[str, str]) -> list[Action]:
        """Tell that the command was started with these versions of the secrets."""
        self._reloading = self._failing = False
        self._running = f"running with {_shown(versions)}"
        return [notice("READY", status=self._running)]

    def becoming(self, versions: Mapping[str, str]) -> list[Action]:
        """Tell that this process becomes the command, which speaks for itself from here on."""
        return [notice(status=f"started with {_shown(versions)}")]

    def checking(self) -> list[Action]:
        """Tell that the check that somebody asked for has begun: what `systemctl reload` waits for."""
        self._reloading = True
        return [notice("RELOADING", status="looking for new versions")]

    def checked(self, actions: list[Action]) -> list[Action]:
        """Return the actions of a check with what there is to tell at its end; a restart tells it itself."""
        if any(isinstance(action, Prepare) for action in actions):
            return actions
        failed = any(isinstance(action, Notify) for action in actions)  # it has said how
        over, self._failing = self._failing and not failed, failed
        if not self._reloading and not over:
            return actions
        state, self._reloading = "READY" if self._reloading else "", False
        return [*actions, notice(state, status="" if failed else self._running)]

    def restarting(self) -> list[Action]:
        """Tell that the command is stopped for a new version: by a reload, or to end and be started anew."""
        within = self._settings.kill_timeout + GRACE
        if self._settings.on_change == "exit":
            self._stopping = True
            return [notice("STOPPING", status="stopping the command: a secret has a new version", within=within)]
        self._reloading = True
        return [notice("RELOADING", status="restarting the command: a secret has a new version", within=within)]

    def stopping(self, signum: int) -> list[Action]:
        """Tell that a signal began the end; how long it may take is the business of who sent it."""
        self._stopping = True
        return [notice("STOPPING", status=f"stopping the command: {signal_name(signum)}")]

    def ended(self, outcome: int | SecretenvError) -> list[Action]:
        """Tell that nothing runs any more, and the error that it ended with."""
        status = outcome.message if isinstance(outcome, SecretenvError) else "ended"
        return [notice("" if self._stopping else "STOPPING", status=status)]


def _shown(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{secret} {shown_version(secret, version)}".rstrip() for secret, version in versions.items())
