"""One run of `secretenv provision NAME`: first without any change, then for real; or shown, or written as a template.

Standard output is for what the operator keeps: the settings file, the template, or the calls of a dry run. Everything
else goes to standard error. boto3 is imported when a run needs it, not before.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from secretenv.provision import messages
from secretenv.wording import printable

if TYPE_CHECKING:
    from secretenv.provision.account import Account
    from secretenv.provision.secret_value import Value
    from secretenv.provision.wanted import Wanted

FORMS = ("cloudformation", "terraform")


def make(asked: Wanted, value: Value | None, account: Account) -> None:
    """Make everything and print the device's settings file."""
    with account:
        # First without changing anything: whatever is in the way is found before something is half made.
        account.show = _ignore
        _apply(account, asked, value, _ignore)
        account.show, account.changes = None, 0
        text = _apply(account, asked, value, say)
    say("done; it may take AWS some seconds until a device can use it" if account.changes else "nothing changed")
    sys.stdout.write(text)


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
        _apply(account, asked, value, show_calls)
    say("dry run: nothing was changed")


def write_template(asked: Wanted, form: str, *, with_value: bool) -> None:
    """Print the template, and how to use it.

    Raises:
        SettingsError: the form is unknown, or cannot do this.
    """
    if form not in FORMS:
        raise messages.FORM(forms=" and ".join(FORMS), form=repr(form))
    if form == "terraform":
        from secretenv.provision.terraform import template, words
    else:
        from secretenv.provision.cloudformation import template, words
    from secretenv.provision.device_files import id_of

    document = template(asked, with_value=with_value, certificate_id=id_of(asked.certificate))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    for line in words(asked, with_value=with_value):
        say(line)


def read_value(asked: Wanted, source: str) -> Value | None:
    """Return the secret's value, None without a source, and show what a device would warn of.

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
        say(f"warning: {warning}")
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


def _apply(account: Account, asked: Wanted, value: Value | None, tell: Any) -> str:
    """Make, or show, everything, and return the settings file."""
    from secretenv.provision.apply import apply
    from secretenv.provision.device_settings import text

    made = apply(account, asked, value, tell)
    ca = os.environ.get("SECRETENV_CA", "")  # as the device's own variable, for roots other than AWS's
    return text(asked, endpoint=made.endpoint, region=made.region, cert=made.device.cert, key=made.device.key, ca=ca)
