"""The commands that follow a template, as lines of a shell script: run as they are, they end with the device's folder.

Pure. Explanations follow a `#`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from secretenv.provision import reading
from secretenv.provision.device_settings import CERT, KEY

if TYPE_CHECKING:
    from secretenv.provision.wanted import Wanted

CSR = "device.csr"


class Where(NamedTuple):
    """Where the lines are run.

    Attributes:
        file: the template; empty: it was not written to a file.
        source: `--from-file`, empty without a value.
        region: empty: the operator's own.
        profile: empty: the same.
    """

    file: str = ""
    source: str = ""
    region: str = ""
    profile: str = ""


def cloudformation(wanted: Wanted, where: Where) -> list[str]:
    """Return the lines for CloudFormation."""
    file, stack = where.file or f"secretenv-{wanted.name}.json", shlex.quote(stack_name(wanted.name))
    values = {}
    if where.source:
        values["SecretValue"] = _content(where.source)
    if wanted.folder:
        values["CertificateSigningRequest"] = _content(_path(wanted, CSR))
    parameters = " ".join(f"{name}={text}" for name, text in values.items())
    aws = f"aws{_options(where)}"
    lines = [] if where.file else [f"# save the template as {file}"]
    lines += _key(wanted) + _about_stream(where)
    lines.append(
        f"{aws} cloudformation deploy --stack-name {stack} --template-file {shlex.quote(file)}"
        " --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset"
        f"{' --parameter-overrides ' if values else ''}{parameters}"
    )
    if wanted.folder:
        query = "Stacks[0].Outputs[?OutputKey==`CertificateId`].OutputValue"
        find = f"{aws} cloudformation describe-stacks --stack-name {stack} --query '{query}' --output text"
        lines.append(
            f'{aws} iot describe-certificate --certificate-id "$({find})"'
            f" --query certificateDescription.certificatePem --output text > {_quoted(wanted, CERT)}"
        )
    return lines + _last(wanted, where)


def terraform(wanted: Wanted, where: Where) -> list[str]:
    """Return the lines for Terraform."""
    folder, _, file = where.file.rpartition("/")
    lines = []
    if not file.endswith(".tf.json"):  # which Terraform does not read
        folder = f"secretenv-{wanted.name}"
        place = f"{folder}/secretenv.tf.json"
        lines.append(f"mkdir -p {folder}" if where.file else f"# save the template as {place}")
        if where.file:
            lines.append(f"cp {shlex.quote(where.file)} {place}")
    terraform = f"terraform -chdir={shlex.quote(folder)}" if folder else "terraform"
    lines += _key(wanted) + _about_stream(where)
    if where.source:
        lines.append(f"export TF_VAR_secret_value={_content(where.source)}  # Terraform's state will hold it")
    if wanted.folder:
        lines.append(f"export TF_VAR_certificate_signing_request={_content(_path(wanted, CSR))}")
    lines += [f"{terraform} init", f"{terraform} apply -auto-approve  # without -auto-approve it asks first"]
    if wanted.folder:
        lines.append(f"{terraform} output -raw certificate_pem > {_quoted(wanted, CERT)}")
    return lines + _last(wanted, where)


def stack_name(name: str) -> str:
    """Return a name that CloudFormation allows: letters, digits and `-`."""
    return f"secretenv-{name.replace('_', '-')}"


def _key(wanted: Wanted) -> list[str]:
    """Return the lines that make the device's key and its certificate signing request; what is there is kept."""
    if not wanted.folder:
        return []
    key, csr = _quoted(wanted, KEY), _quoted(wanted, CSR)
    return [
        f"mkdir -p -m 700 {shlex.quote(wanted.folder)}",
        f"test -e {key} || (umask 077 && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {key})",
        f"test -e {csr} || openssl req -new -key {key} -subj {shlex.quote(f'/CN={wanted.thing}')} -out {csr}",
    ]


def _last(wanted: Wanted, where: Where) -> list[str]:
    """Return the line that checks all of it and writes, or prints, the settings file."""
    options = _options(where)
    again = f"secretenv provision {shlex.join(wanted.words)}{options}"
    lines = [again]
    if wanted.per_thing:
        other = replace(wanted, thing="THING", certificate="", group="", folder="DIR")
        lines.append(f"# another thing: secretenv provision {shlex.join(other.words)}{options}")
    return lines


def _options(where: Where) -> str:
    given = {"--region": where.region, "--profile": where.profile}
    return "".join(f" {option} {shlex.quote(text)}" for option, text in given.items() if text)


def _content(path: str) -> str:
    """Return the shell's word for the content of a file, or, as a stream has ended by then, of standard input."""
    return '"$(cat)"' if reading.is_stream(path) else f'"$(cat {shlex.quote(path)})"'


def _about_stream(where: Where) -> list[str]:
    return ["# the next line reads the secret's value from standard input"] if reading.is_stream(where.source) else []


def _path(wanted: Wanted, name: str) -> str:
    return re.sub("/*$", "", wanted.folder) + f"/{name}"


def _quoted(wanted: Wanted, name: str) -> str:
    return shlex.quote(_path(wanted, name))
