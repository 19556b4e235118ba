"""`secretenv provision` and its `destroy`: options, what is printed where, and the question before the end.

Standard output is for what is to be kept: the settings file, the template, or the calls of a dry run. Everything else
goes to standard error. boto3 is imported when a command runs, not before.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from secretenv.errors import SecretenvError, SettingsError
from secretenv.provision.wanted import Wanted, wanted
from secretenv.wording import printable

if TYPE_CHECKING:
    from secretenv.provision.account import Account
    from secretenv.provision.secret_value import Value

_FORMS = ("cloudformation", "terraform")


class _Group(TyperGroup):
    """A group whose first word is a NAME unless it is `destroy`: making is what one comes for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args[:1] == ["destroy"] else ["make", *args])


class _Make(TyperCommand):
    """The command behind a NAME; nobody types `make`, so its usage does not show it."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return super().make_context(parent.info_name if parent else info_name, args, parent and parent.parent, **extra)


app = typer.Typer(
    cls=_Group,
    help="Make the AWS side, and print the device's settings file; `provision destroy NAME` removes it.",
    add_completion=False,
)

_NAMES, _WHO, _HOW = "Names", "Who gets in", "AWS and output"


def _option(panel: str, words: str, meaning: str, *flags: str) -> Any:
    """Return an option; without `words` it is a flag."""
    return typer.Option(*flags, metavar=words or None, help=meaning, rich_help_panel=panel, show_default=False)


Name = Annotated[str, typer.Argument(metavar="NAME", help="what all names come from; the value of the tag secretenv")]
Role = Annotated[str, _option(_NAMES, "NAME", "IAM role (default: secretenv-NAME)")]
Alias = Annotated[str, _option(_NAMES, "NAME", "role alias (default: secretenv-NAME)", "--role-alias")]
Policy = Annotated[str, _option(_NAMES, "NAME", "IoT policy (default: secretenv-NAME)")]
Region = Annotated[str, _option(_HOW, "NAME", "region (default: the profile's)")]
Profile = Annotated[str, _option(_HOW, "NAME", "profile of ~/.aws/config")]
DryRun = Annotated[bool, _option(_HOW, "", "change nothing, show every call with its document", "--dry-run")]


@app.command(
    "make",
    cls=_Make,
    epilog="secretenv provision destroy NAME removes exactly what was made. Exit status: 0, 1 failure, 2 usage.",
)
def make(  # noqa: PLR0913 - each is an option
    name: Name,
    *,
    from_file: Annotated[str, _option(_NAMES, "FILE|-", "the secret's value, a JSON object")] = "",
    secret: Annotated[
        list[str] | None, _option(_NAMES, "NAME|ARN", "secret to read, repeatable (default: NAME)", "--secret")
    ] = None,
    role: Role = "",
    role_alias: Alias = "",
    policy: Policy = "",
    duration: Annotated[
        str, _option(_NAMES, "DURATION", "life of the credentials, 15m to 12h (default: 1h)", "--duration")
    ] = "",
    certificate: Annotated[str, _option(_WHO, "ARN|ID|FILE", "a certificate that is registered")] = "",
    new_certificate: Annotated[str, _option(_WHO, "DIR", "make a key, certificate and thing; files to DIR")] = "",
    thing_group: Annotated[str, _option(_WHO, "NAME", "everybody in this thing group")] = "",
    thing: Annotated[str, _option(_WHO, "NAME", "the certificate's thing (default of a new one: NAME)")] = "",
    per_thing: Annotated[bool, _option(_WHO, "", "each thing reads SECRET/THING only", "--per-thing")] = False,
    region: Region = "",
    profile: Profile = "",
    dry_run: DryRun = False,
    output: Annotated[str, _option(_HOW, "|".join(_FORMS), "ask AWS nothing, write a template")] = "",
) -> None:
    """Make the AWS side: secret, role, role alias, IoT policy, certificate. Prints the device's settings file.

    A second run changes nothing. What is not ours is never changed.

    Example: secretenv provision myapp --from-file app.json --new-certificate certs > config.toml
    """
    asked = wanted(
        name,
        secrets=secret or (),
        role=role,
        alias=role_alias,
        policy=policy,
        duration=duration,
        certificate=certificate,
        folder=new_certificate,
        group=thing_group,
        thing=thing,
        per_thing=per_thing,
    )
    value = _value(asked, from_file)
    if output:
        _template(asked, output, with_value=value is not None)
        return
    with _account(region, profile, value) as account:
        if dry_run:
            calls: list[str] = []
            account.show = calls.append
            sys.stdout.write(f"# what `secretenv provision {name}` would do\n")
            _apply(account, asked, value, lambda line: _show(line, calls))
            _say("dry run: nothing was changed")
            return
        # First without changing anything: whatever is in the way is found before something is half made.
        account.show = _ignore
        _apply(account, asked, value, _ignore)
        account.show, account.changes = None, 0
        text = _apply(account, asked, value, _say)
    _say("done; AWS may take some seconds until a device gets in" if account.changes else "nothing changed")
    sys.stdout.write(text)


@app.command(
    # The one option too long for a narrow terminal stands here in full.
    epilog="--force-delete-without-recovery leaves no time to restore the secret. "
    "Give the names that were given to make it. Exit status: 0, 1 failure, 2 usage."
)
def destroy(  # noqa: PLR0913 - each is an option
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    recovery_window_in_days: Annotated[
        int, typer.Option(min=7, max=30, metavar="DAYS", help="how long the secret can be restored")
    ] = 30,
    force_delete_without_recovery: Annotated[
        bool, typer.Option("--force-delete-without-recovery", help="remove the secret at once, for good")
    ] = False,
    role: Role = "",
    role_alias: Alias = "",
    policy: Policy = "",
    region: Region = "",
    profile: Profile = "",
    dry_run: DryRun = False,
) -> None:
    """Remove exactly what provision NAME made, by its tag: secrets, role, role alias, policy, things, certificates."""
    from secretenv.provision.destroy import find

    asked = wanted(name, role=role, alias=role_alias, policy=policy)
    days = 0 if force_delete_without_recovery else recovery_window_in_days
    with _account(region, profile) as account:
        doomed = find(account, asked, days=days)
        if not doomed:
            _say(f"nothing is tagged secretenv={name} in account {account.id}, region {account.region}")
            return
        if dry_run:
            account.show = sys.stdout.write
        elif not yes:
            _confirm([each.what for each in doomed], account)
        for each in doomed:
            if dry_run:
                sys.stdout.write(f"# {each.what}\n")
            each.remove()
            if not dry_run:
                _say(f"{each.what}: removed")
    if dry_run:
        _say("dry run: nothing was changed")


def _confirm(all_: list[str], account: Account) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError("destroy was not confirmed", hint="--yes, after a look at what --dry-run shows")
    for what in all_:
        _say(f"to be removed: {what}")
    if not typer.confirm(f"secretenv: remove these from account {account.id}, region {account.region}?", err=True):
        raise SecretenvError("not confirmed, nothing was removed")


def _account(region: str, profile: str, value: Value | None = None) -> Account:
    from secretenv.provision.account import Account

    return Account(region=region, profile=profile, secret_words=value.words if value else "")


def _show(line: str, calls: list[str]) -> None:
    """Print what becomes of a thing, and below it the calls that were collected for that."""
    sys.stdout.write(f"# {line}\n{''.join(calls)}")
    calls.clear()


def _ignore(_: str) -> None:
    pass


def _apply(account: Account, asked: Wanted, value: Value | None, say: Any) -> str:
    """Make, or show, everything, and return the settings file."""
    from secretenv.provision.apply import apply
    from secretenv.provision.device_settings import text

    made = apply(account, asked, value, say)
    ca = os.environ.get("SECRETENV_CA", "")  # as the device's own variable: whoever has other roots than AWS's
    return text(asked, endpoint=made.endpoint, region=made.region, cert=made.device.cert, key=made.device.key, ca=ca)


def _value(asked: Wanted, source: str) -> Value | None:
    if not source:
        return None
    from secretenv.provision.secret_value import read

    if len(asked.read) > 1:
        raise SettingsError("--from-file is the value of one secret, several are named", hint="run it once for each")
    if asked.per_thing and not asked.thing:
        raise SettingsError("--from-file with --per-thing: whose secret is it?", hint="add --thing NAME")
    value, warnings = read(source, asked.read[0])
    for warning in warnings:
        _say(f"warning: {warning}")
    return value


def _template(asked: Wanted, form: str, *, with_value: bool) -> None:
    if form not in _FORMS:
        raise SettingsError(f"--output: not one of {' and '.join(_FORMS)}: {form!r}", hint="write one of the two")
    if form == "terraform":
        from secretenv.provision.terraform import template, words
    else:
        from secretenv.provision.cloudformation import template, words
    from secretenv.provision.device_files import id_of

    document = template(asked, with_value=with_value, certificate_id=id_of(asked.certificate))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    for line in words(asked, with_value=with_value):
        _say(line)


def _say(text: str) -> None:
    sys.stderr.write(f"secretenv: {printable(text)}\n")
