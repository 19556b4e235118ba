"""Keep the status in a file for readers that cannot look into this process, such as a monitoring agent.

Loaded only where --status-file is given. A reader finds a whole file at any time: each text is written beside it and
renamed. The file is removed at the end; after SIGKILL it stays, and its readers find it stale.
"""

from __future__ import annotations

import os
import stat

from secretenv.supervisor import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from secretenv.errors import SecretenvError

METRICS = ".prom"  # the end of the names that node_exporter's textfile collector reads


class StatusFile:
    """The file with the status of one run: as JSON, or as metrics where its name ends in `.prom`.

    Args:
        path: of the file.
        complain: takes the error of a write, once until a write succeeds.

    Raises:
        SettingsError: there cannot be such a file.
    """

    def __init__(self, path: str, complain: Callable[[SecretenvError], None]) -> None:
        self._path = path
        self._complain = complain
        self._failed = False
        self._written: tuple[int, int] | None = None  # device and inode of the file, as this run wrote it last
        self._metrics: Callable[[Sequence[Mapping[str, Any]]], str] | None = None
        if path.endswith(METRICS):
            from secretenv.supervisor.exposition import exposition  # most status files are JSON

            self._metrics = exposition
        _check(path)
        try:
            os.unlink(self._beside(b""))  # noqa: PTH108
        except OSError as error:
            raise messages.STATUS_FILE(file=path, reason=error.strerror) from None

    def keep(self, text: str, status: Mapping[str, Any]) -> None:
        """Write a status; where that fails the file stays as it was."""
        if self._metrics:
            text = self._metrics([status])
        try:
            beside = self._beside(text.encode("utf-8", "replace"))
            os.rename(beside, self._path)  # noqa: PTH104
            found = os.lstat(self._path)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._complain(messages.STATUS_FILE(file=self._path, reason=error.strerror))
        else:
            self._failed = False
            self._written = found.st_dev, found.st_ino

    def remove(self) -> None:
        """Remove the file, unless it is another run's by now."""
        try:
            found = os.lstat(self._path)
            if (found.st_dev, found.st_ino) == self._written:
                os.unlink(self._path)  # noqa: PTH108
        except OSError:
            pass  # it is gone

    def _beside(self, content: bytes) -> str:
        """Write a new file in the same folder, which others can read but not write, and return its path."""
        folder, _, name = self._path.rpartition("/")
        path = f"{folder}/.{name}.{os.urandom(8).hex()}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o644)  # whatever the umask is
            while content:
                content = content[os.write(descriptor, content) :]
        except OSError:
            os.unlink(path)  # noqa: PTH108
            raise
        finally:
            os.close(descriptor)
        return path


def _check(path: str) -> None:
    """Refuse what is in the place of the file and is not a file of this user's."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise messages.STATUS_FILE(file=path, reason=error.strerror) from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise messages.STATUS_FILE_IN_THE_WAY(file=path, what=kind)
    if found.st_uid != os.geteuid():
        raise messages.STATUS_FILE_IN_THE_WAY(file=path, what=f"a file of user {found.st_uid}")
