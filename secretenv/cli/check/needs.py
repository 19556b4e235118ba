"""What a start needs besides its values, as far as it can be known without the command: room, and folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretenv.cli.check.report import Step
from secretenv.settings import PATH_MARK
from secretenv.supervisor import messages
from secretenv.supervisor.environment import environment
from secretenv.supervisor.program import check_size
from secretenv.supervisor.secret_files import in_memory
from secretenv.wording import many

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretenv.settings import Settings


def step(settings: Settings, base: Mapping[bytes, bytes], variables: Mapping[str, str]) -> Step:
    """Show the environment that the command would get.

    Args:
        settings: of the run.
        base: what the command would inherit.
        variables: those of the secrets.

    Raises:
        SecretenvError: the command could not get it, or a secret file could not be written.
    """
    found = environment(base, variables, settings)
    check_size(settings.command, found)
    targets = [target for secret in settings.secrets for _, target in secret.files if PATH_MARK in target]
    warnings = list(_folders(targets, "secret files", on_disk=settings.files_on_disk))
    if settings.status_file and not settings.once:
        warnings += _folders([settings.status_file], "the status file", on_disk=True)
    text = f"{many(len(found), 'variable')} in all; the command and its service's own variables are not known here"
    return Step("environment", ok=True, text=text, warnings=tuple(dict.fromkeys(warnings)))


def _folders(files: list[str], what: str, *, on_disk: bool) -> Iterator[str]:
    """Yield a warning for each folder that is not there yet.

    Raises:
        SettingsError: a folder cannot be used.
    """
    for file in files:
        folder = os.path.realpath(file.rpartition("/")[0] or "/")
        # secretenv makes the folder itself, but none above it; a service manager may do that before each start.
        there = os.path.isdir(folder)  # noqa: PTH112
        if not there and not os.access(os.path.dirname(folder), os.W_OK | os.X_OK):  # noqa: PTH120
            yield f"the folder {folder} for {what} is not there, and cannot be made now"
        elif there and not os.access(folder, os.W_OK | os.X_OK):
            raise messages.NO_FOLDER(folder=folder, reason="no permission to write in it")
        elif there and not on_disk and not in_memory(folder):
            raise messages.FOLDER_ON_DISK(folder=folder)
