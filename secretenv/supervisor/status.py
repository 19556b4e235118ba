"""Keep the status of the run where `secretenv status` finds it: in a memfd, and in a file if one was asked for.

The memfd is found through /proc by the same user and by root. It needs no folder and no server, costs no wake-up, and
is gone with this process. It is written in place when something has changed, so a reader reads until two reads agree.
docs/status.md lists the fields.
"""

from __future__ import annotations

import json
import os
import time

from secretenv.wording import shown_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretenv.settings import Settings
    from secretenv.supervisor.status_file import StatusFile

    Snapshot = Mapping[str, Any]

FORMAT = 1
NAME = "secretenv-status"
PROC = "/proc"


class Status:
    """The status of one run.

    Args:
        settings: of the run.
        now: in seconds by CLOCK_BOOTTIME, like all times in it.

    Attributes:
        certificate_end: of the certificate, in seconds since the epoch; 0: not known.
        file: keeps the same for other readers, if one is wanted.
    """

    def __init__(self, settings: Settings, now: float) -> None:
        self.certificate_end = 0.0
        self._sources = {secret.key: "file" if secret.local else "aws" for secret in settings.secrets}
        self._fixed = {
            "format": FORMAT,
            "pid": os.getpid(),
            "pid_namespace": pid_namespace(),
            "boot": boot_id(),
            "program": settings.command[0],
            "started": round(now, 3),
            "interval": settings.interval,
        }
        self._since: dict[str, tuple[Any, float]] = {}  # of the phase and of each version: which, and since when
        self._last: Snapshot = {}
        self.file: StatusFile | None = None
        try:
            self._descriptor = os.memfd_create(NAME)
        except OSError:
            self._descriptor = -1  # the command matters more

    def end(self) -> None:
        """Remove the file, if there is one; the memfd is gone with this process."""
        if self.file:
            self.file.remove()

    def update(self, snapshot: Snapshot, now: float) -> None:
        """Write the status if it has changed.

        Args:
            snapshot: what `Lifecycle.snapshot` returned.
            now: in seconds by CLOCK_BOOTTIME.
        """
        fields = {**snapshot, "certificate_end": self.certificate_end or None}
        if fields == self._last:
            return
        self._last = fields
        whole = {**self._fixed, "written": now, "time": time.time(), **self._shown(fields, now)}
        text = json.dumps(whole)
        if self._descriptor >= 0:
            try:
                raw = text.encode()
                os.pwrite(self._descriptor, raw, 0)
                os.ftruncate(self._descriptor, len(raw))
            except OSError:
                pass  # no memory
        if self.file:
            self.file.keep(text, whole)

    def _shown(self, fields: Snapshot, now: float) -> dict[str, Any]:
        """Return the fields as `secretenv status` reads them."""
        shown = dict(fields)
        running, newest, started = shown.pop("versions"), shown.pop("newest"), shown.pop("starts")
        cache = fields.get("cache")
        unconfirmed = bool(cache and cache["in_use"])
        secrets = []
        for secret, source in self._sources.items():
            version, found = running.get(secret), newest.get(secret)
            secrets.append(
                {
                    "secret": secret,
                    "version": shown_version(secret, version) if version else "",
                    "since": None if version is None else self._when(secret, version, now),
                    "source": "cache" if unconfirmed else source,
                    "newest": shown_version(secret, found) if found and found != version else "",
                }
            )
        shown["secrets"] = secrets
        shown["since"] = self._when("", (fields["phase"], started), now)
        return shown

    def _when(self, what: str, is_now: Any, now: float) -> float:
        """Return since when something is as it is."""
        before, since = self._since.get(what, (None, 0.0))
        if before != is_now:
            since = now
            self._since[what] = is_now, now
        return since


def pid_namespace(proc: str = PROC) -> int:
    """Return the number of the namespace that this process's pid belongs to; 0 where the system does not say."""
    try:
        return os.stat(f"{proc}/self/ns/pid").st_ino  # noqa: PTH116
    except OSError:
        return 0


def boot_id(proc: str = PROC) -> str:
    """Return the id of this boot, to which the times belong; empty where the system does not say."""
    try:
        with open(f"{proc}/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""
