"""The options of `secretenv provision` and of its `destroy`, and the question before anything is removed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from secretenv.identity.hardening import forbid_dumps
from secretenv.provision import making, messages, templates
from secretenv.provision.deploying import Where
from secretenv.provision.making import open_account, say
from secretenv.provision.templates import FORMS
from secretenv.provision.wanted import wanted

if TYPE_CHECKING:
    from secretenv.provision.account import Account

RECOVERY_WINDOW = 30  # days, AWS's own default


class _Group(TyperGroup):
    """A group whose first word is a NAME unless it is `destroy`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        asked = not args and ctx.resilient_parsing  # for completions of the first word
        return super().parse_args(ctx, args if args[:1] == ["destroy"] or asked else ["make", *args])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the completions for the word after `provision`: its options, and `destroy`."""
        found = [item for item in super().shell_complete(ctx, incomplete) if item.value != "make"]
        known = {item.value for item in found}
        options = self.commands["make"].shell_complete(ctx, incomplete) if incomplete.startswith("-") else []
        return [*found, *(item for item in options if item.value not in known)]


class _Named(TyperCommand):
    """A command that takes a NAME; typer would write its usage as `{NAME}`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        return ["[OPTIONS]", "NAME"]


class _Make(_Named):
    """The command for a NAME; nobody types `make`, so its usage does not show it."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return super().make_context(parent.info_name if parent else info_name, args, parent and parent.parent, **extra)


app = typer.Typer(
    cls=_Group,
    help="Create the AWS side, and the device's folder; `provision destroy NAME` removes what was created.",
    add_completion=False,
)

_NAMES, _SECRETS, _DEVICE, _HOW = "Names", "Secrets and credentials", "Device", "AWS and output"


def _option(panel: str, words: str, meaning: str, *flags: str) -> Any:
    """Return an option; without `words` it is a flag, for which typer would write `<bool>`."""
    return typer.Option(*flags, metavar=words, help=meaning, rich_help_panel=panel, show_default=False)


# Hidden: typer would write `<str>` beside it. The docstrings explain it.
Name = Annotated[str, typer.Argument(metavar="NAME", hidden=True)]
FromFile = Annotated[str, _option(_SECRETS, "FILE|-", "the secret's value, a JSON object")]
Secrets = Annotated[
    list[str] | None, _option(_SECRETS, "NAME|ARN", "secret to read, repeatable (default: NAME)", "--secret")
]
Role = Annotated[str, _option(_NAMES, "NAME", "IAM role (default: secretenv-NAME)")]
Alias = Annotated[str, _option(_NAMES, "NAME", "role alias (default: secretenv-NAME)", "--role-alias")]
Policy = Annotated[str, _option(_NAMES, "NAME", "IoT policy (default: secretenv-NAME)")]
Duration = Annotated[str, _option(_SECRETS, "DURATION", "lifetime of the credentials, 15m to 12h (default: 1h)")]
KmsKeys = Annotated[
    list[str] | None, _option(_SECRETS, "ARN", "KMS key of the secrets, repeatable (default: AWS's own)", "--kms-key")
]
Certificate = Annotated[str, _option(_DEVICE, "ARN|ID|FILE", "a registered certificate")]
NewCertificate = Annotated[
    str, _option(_DEVICE, "DIR", "create a key, a certificate and a thing; DIR is for the device")
]
ThingGroup = Annotated[str, _option(_DEVICE, "NAME", "all devices in this thing group")]
Thing = Annotated[
    str, _option(_DEVICE, "NAME", "thing to attach to the certificate (with --new-certificate, default: NAME)")
]
PerThing = Annotated[bool, _option(_DEVICE, "", "each thing reads SECRET/THING only", "--per-thing")]
Region = Annotated[str, _option(_HOW, "NAME", "region (default: the profile's)")]
Profile = Annotated[str, _option(_HOW, "NAME", "profile in ~/.aws/config")]
DryRun = Annotated[bool, _option(_HOW, "", "change nothing, show each API call and its policy document", "--dry-run")]
Output = Annotated[str, _option(_HOW, "|".join(FORMS), "write a template instead, without calling AWS")]
Yes = Annotated[bool, typer.Option("--yes", "-y", metavar="", help="do not ask", show_default=False)]
RecoveryWindow = Annotated[int, typer.Option(min=7, max=30, metavar="DAYS", help="how long the secret can be restored")]
ForceDelete = Annotated[
    bool,
    typer.Option(
        "--force-delete-without-recovery",
        metavar="",
        help="remove the secret at once, for good",
        show_default=False,
    ),
]


@app.command(
    "make",
    cls=_Make,
    epilog="secretenv provision destroy NAME removes exactly what was created. "
    "Exit status: 0, 1 failure, 2 wrong usage or settings.",
)
def make(  # noqa: PLR0913 - each is an option
    name: Name,
    *,
    from_file: FromFile = "",
    secret: Secrets = None,
    role: Role = "",
    role_alias: Alias = "",
    policy: Policy = "",
    duration: Duration = "",
    kms_key: KmsKeys = None,
    certificate: Certificate = "",
    new_certificate: NewCertificate = "",
    thing_group: ThingGroup = "",
    thing: Thing = "",
    per_thing: PerThing = False,
    region: Region = "",
    profile: Profile = "",
    dry_run: DryRun = False,
    output: Output = "",
) -> None:
    """Create the AWS side: secret, role, role alias, IoT policy, certificate; and the folder that the device needs.

    NAME is the base for all default names; every resource is tagged `secretenv=NAME`.

    Without --new-certificate the settings file is printed.

    A second run changes nothing. No resource created otherwise is ever changed, unless you tag it.

    Example: secretenv provision myapp --from-file app.json --new-certificate certs
    """
    forbid_dumps()
    names = {"role": role, "alias": role_alias, "policy": policy, "duration": duration}
    device = {"certificate": certificate, "folder": new_certificate, "group": thing_group, "thing": thing}
    asked = wanted(name, secrets=secret or (), kms_keys=kms_key or (), per_thing=per_thing, **names, **device)
    value = making.read_value(asked, from_file, templates.remark if output else say)
    if output:
        where = Where(source=from_file, region=region, profile=profile)
        templates.write(asked, output, value, where)
        return
    run = making.show if dry_run else making.make
    run(asked, value, open_account(region, profile, value))


@app.command(
    cls=_Named,
    # The one option too long for a narrow terminal is written out here.
    epilog="--force-delete-without-recovery leaves no time to restore the secret. "
    "Use the same name options as when you provisioned it. Exit status: 0, 1 failure, 2 wrong usage or settings.",
)
def destroy(  # noqa: PLR0913 - each is an option
    name: Name,
    *,
    yes: Yes = False,
    recovery_window_in_days: RecoveryWindow = RECOVERY_WINDOW,
    force_delete_without_recovery: ForceDelete = False,
    role: Role = "",
    role_alias: Alias = "",
    policy: Policy = "",
    region: Region = "",
    profile: Profile = "",
    dry_run: DryRun = False,
) -> None:
    """Remove exactly what provision NAME created, by its tag: secrets, role, alias, policy, things, certificates."""
    from secretenv.provision.destroy import find

    forbid_dumps()
    asked = wanted(name, role=role, alias=role_alias, policy=policy)
    days = 0 if force_delete_without_recovery else recovery_window_in_days
    with open_account(region, profile) as account:
        doomed = find(account, asked, days=days, say=say)
        if not doomed:
            say(f"nothing is tagged secretenv={name} in account {account.id}, region {account.region}")
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
                say(f"{each.what}: removed")
    if dry_run:
        say("dry run: nothing was changed")


def _confirm(all_: list[str], account: Account) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise messages.UNCONFIRMED()
    for what in all_:
        say(f"to be removed: {what}")
    if not typer.confirm(f"secretenv: remove these from account {account.id}, region {account.region}?", err=True):
        raise messages.DECLINED()
