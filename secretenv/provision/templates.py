"""Print a template instead of calling AWS, and on standard error the commands that follow."""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretenv.config.quoting import shown
from secretenv.provision import deploying, messages
from secretenv.provision.device_folder import id_of
from secretenv.provision.documents import check_size, secret_policy
from secretenv.provision.wanted import example_arns
from secretenv.wording import printable

if TYPE_CHECKING:
    from secretenv.provision.secret_value import Value
    from secretenv.provision.wanted import Wanted

FORMS = ("cloudformation", "terraform")
LARGEST_PARAMETER = 4096  # bytes, of CloudFormation


def write(asked: Wanted, form: str, value: Value | None, where: deploying.Where) -> None:
    """Print the template and the commands.

    Raises:
        SettingsError: the form is unknown, or cannot do this.
        CertificateError: the certificate cannot be read.
        AwsError: the role's policy would be too long.
    """
    if form not in FORMS:
        raise messages.FORM(forms=" and ".join(FORMS), form=shown(form))
    certificate, where = id_of(asked.certificate), where._replace(file=_standard_output())
    region = where.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    check_size(secret_policy(example_arns(asked, region), asked.kms_keys), len(asked.secrets))
    made: dict[str, Any]
    if form == "terraform":
        from secretenv.provision import terraform

        account = {"region": where.region, "profile": where.profile}
        made = terraform.template(asked, with_value=value is not None, certificate_id=certificate, **account)
        lines = deploying.terraform(asked, where)
    else:
        from secretenv.provision import cloudformation

        size = len(value.text.encode()) if value else 0
        if size > LARGEST_PARAMETER:
            raise messages.VALUE_TOO_LARGE_FOR_CLOUDFORMATION(size=size, limit=LARGEST_PARAMETER, secret=asked.read[0])
        made = cloudformation.template(asked, with_value=value is not None, certificate_id=certificate)
        lines = deploying.cloudformation(asked, where)
    sys.stdout.write(json.dumps(made, indent=2) + "\n")
    sys.stdout.flush()
    for line in lines:
        say(line)


def say(line: str) -> None:
    """Write a line of a script to standard error."""
    sys.stderr.write(f"{printable(line)}\n")


def remark(text: str) -> None:
    """Write a line to standard error that a shell passes over."""
    say(f"# {text}")


def _standard_output() -> str:
    """Return the file that standard output goes to, relative to the working directory; empty: it is not a file."""
    with suppress(OSError, ValueError):
        if stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode):
            path = Path("/proc/self/fd", str(sys.stdout.fileno())).readlink()
            if path.exists():
                return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    return ""
