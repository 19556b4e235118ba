"""One run of `secretenv provision NAME`: first without any change, then for real; or only shown.

Standard output is for what the operator keeps, if no folder holds it: the settings file, or the calls of a dry run.
Everything else goes to standard error. boto3 is imported when a run needs it, not before.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from secretenv.provision import device_folder, device_settings, messages
from secretenv.provision.device_folder import DeviceFolder
from secretenv.provision.device_settings import CA, CERT, CONFIG, KEY
from secretenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretenv.provision.account import Account
    from secretenv.provision.secret_value import Value
    from secretenv.provision.wanted import Wanted


def make(asked: Wanted, value: Value | None, account: Account) -> None:
    """Make everything, and write the device's settings file into its folder, or print it without one."""
    roots = device_folder.roots(os.environ.get("SECRETENV_CA", ""))
    with _tidied_up(), account:
        # First without changing anything: whatever is in the way is found before something is half made.
        account.show = _ignore
        _apply(account, asked, value, roots, _ignore)
        account.show, account.changes = None, 0
        text = _apply(account, asked, value, roots, say)
    say("done; AWS may need a few seconds before a device can use it" if account.changes else "nothing changed in AWS")
    files = [CERT, KEY, *([CA] if roots else [])]
    if asked.folder:
        held = f"{', '.join([CONFIG, *files[:-1]])} and {files[-1]}"
        say(f"the device needs the folder {asked.folder} as its /etc/secretenv, copied or mounted: {held}")
        return
    say(f"save this as {CONFIG} in the folder of the device's {', '.join(files)}")
    sys.stdout.write(text)


@contextmanager
def _tidied_up() -> Iterator[None]:
    """Let TERM and HUP end the process as an exception does: half a folder is removed first."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    usual = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in usual:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


def show(asked: Wanted, value: Value | None, account: Account) -> None:
    """Print every call that would change something, with its document."""
    calls: list[str] = []

    def show_calls(line: str) -> None:
        """Print the outcome for a thing, and below it the calls for that."""
        sys.stdout.write(f"# {line}\n{''.join(calls)}")
        calls.clear()

    with account:
        account.show = calls.append
        sys.stdout.write(f"# what `secretenv provision {asked.name}` would do\n")
        _apply(account, asked, value, device_folder.roots(os.environ.get("SECRETENV_CA", "")), show_calls)
    say("dry run: nothing was changed")


def read_value(asked: Wanted, source: str, tell: Callable[[str], None]) -> Value | None:
    """Return the secret's value, None without a source, and tell what a device would warn of.

    Raises:
        SettingsError: it cannot be read, or it is not clear whose value it is.
        ContentError: a device could not make variables from it.
    """
    if not source:
        return None
    from secretenv.provision.secret_value import read

    if len(asked.read) > 1:
        raise messages.VALUE_OF_SEVERAL()
    if asked.per_thing and not asked.thing:
        raise messages.VALUE_OF_NO_THING()
    value, warnings = read(source, asked.read[0])
    for warning in warnings:
        tell(f"warning: {warning}")
    return value


def open_account(region: str, profile: str, value: Value | None = None) -> Account:
    """Return the operator's account."""
    from secretenv.provision.account import Account

    return Account(region=region, profile=profile, secret_words=value.words if value else "")


def say(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"secretenv: {printable(text)}\n")


def _ignore(_: str) -> None:
    pass


def _apply(account: Account, asked: Wanted, value: Value | None, roots: bytes, tell: Callable[[str], None]) -> str:
    """Make, or show, everything at AWS, then the settings file; return its text."""
    from secretenv.provision.apply import apply

    made = apply(account, asked, value, tell)
    text = device_settings.text(asked, endpoint=made.endpoint, region=made.region, roots=bool(roots))
    if asked.folder:
        folder = DeviceFolder(asked)
        there = folder.settings_are_there(text, roots)
        if not there and not account.dry:
            folder.write_settings(text, roots)
        tell(f"{folder.path / CONFIG}: {'unchanged' if there else 'written'}")
    return text
