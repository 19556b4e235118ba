"""When a run notifies the service manager, and of which state: a part of the state machine in `lifecycle`.

The words are those of sd_notify(3). `sd_notify` sends them, if anybody listens.
"""

from __future__ import annotations

from secretenv.errors import SecretenvError
from secretenv.supervisor.actions import GRACE, notice
from secretenv.wording import shown_versions, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.settings import Settings
    from secretenv.supervisor.actions import Action, State


class Notices:
    """The notices so far, which decide about the next.

    A limit of the service manager never cuts short a limit of secretenv's own: a step that has one says how long it
    may take.

    Args:
        settings: what was asked for.

    Attributes:
        reloading: whether the service manager waits for the end of a reload.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running = ""  # the status while all is well
        self.reloading = self._failing = self._stopping = False

    def starting(self) -> list[Action]:
        """Return the notice that the first fetch begins."""
        return [notice(status="reading the secrets", within=self._settings.start_timeout + GRACE)]

    def started(self, versions: Mapping[str, str], instead: str = "") -> list[Action]:
        """Return the notice that the command was started with these versions of the secrets.

        Args:
            versions: of the secrets.
            instead: what is refused, if they are not the newest.
        """
        self.reloading = self._failing = False
        self._running = f"running with {shown_versions(versions)}" + (instead and f"; {instead}")
        return [notice("READY", status=self._running)]

    def kept(self, versions: Mapping[str, str], instead: str) -> list[Action]:
        """Return the notice that the command keeps the variables of these versions.

        Args:
            versions: of the secrets.
            instead: what a new version led to; empty if these are the newest again.
        """
        self._running = f"running with {shown_versions(versions)}" + (instead and f"; {instead}")
        return [notice(status=self._running)]

    def becoming(self, versions: Mapping[str, str]) -> list[Action]:
        """Return the notice that this process becomes the command, which speaks for itself from then on."""
        return [notice(status=f"started with {shown_versions(versions)}")]

    def checking(self) -> list[Action]:
        """Return the notice that a check by the refresh signal has begun: `systemctl reload` waits for its end."""
        self.reloading = True
        return [notice("RELOADING", status="checking for new versions")]

    def checked(self, *, failed: bool) -> list[Action]:
        """Return the notice at the end of a check after which no restart begins: a restart gives its own.

        Args:
            failed: whether the check failed, which has been reported as the status.
        """
        over, self._failing = self._failing and not failed, failed
        if not self.reloading and not over:
            return []
        state: State = "READY" if self.reloading else ""
        self.reloading = False
        return [notice(state, status="" if failed else self._running)]

    def restarting(self) -> list[Action]:
        """Return the notice that the command is stopped for a new version: for a restart, or for the end."""
        within = self._settings.kill_timeout + GRACE
        if self._settings.on_change == "exit":
            self._stopping = True
            return [notice("STOPPING", status="stopping the command: a secret has a new version", within=within)]
        self.reloading = True
        return [notice("RELOADING", status="restarting the command: a secret has a new version", within=within)]

    def going_back(self, words: str, within: float) -> list[Action]:
        """Return the notice that the command did not survive a new version and is started again.

        Args:
            words: what happened.
            within: seconds that it may take to clear away what the command left.
        """
        self.reloading = True
        return [notice("RELOADING", status=words, within=within + GRACE)]

    def stopping(self, signum: int) -> list[Action]:
        """Return the notice that a signal began the shutdown; its sender decides how long it may take."""
        self._stopping = True
        return [notice("STOPPING", status=f"stopping the command: {signal_name(signum)}")]

    def ended(self, outcome: int | SecretenvError) -> list[Action]:
        """Return the notice that nothing runs any more, with the error that ended it."""
        status = outcome.message if isinstance(outcome, SecretenvError) else "ended"
        return [notice("" if self._stopping else "STOPPING", status=status)]
