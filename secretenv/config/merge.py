"""Make a `Settings` from flags, variables, the settings file and the defaults, and check them together.

Which source counts is the business of `sources`; the options themselves are in `options`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secretenv.config import messages, secret_ids, secret_word
from secretenv.config.file import SYSTEM, absolute
from secretenv.config.options import BY_KEY, OPTIONS, PREFIX
from secretenv.config.parsers import boolean, did_you_mean, path
from secretenv.config.quoting import name as shown_name
from secretenv.config.quoting import shown
from secretenv.config.sources import Sources, naming
from secretenv.errors import SettingsError
from secretenv.settings import DEFAULT_STAGE, FILE_SCHEME, PATH_MARK, Device, Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_ARN = r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d{12}:secret:.+"
# From the AWS documentation: "<prefix>.credentials.iot.<region>.amazonaws.com", FIPS and the other partitions alike.
_ENDPOINT_REGION = (
    r"[^.]+\.credentials\.iot(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)"
)
_URL = r"(?P<scheme>(?i:https?))://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_LOOPBACK = rf"(?i:localhost)|127(?:\.{_BYTE}){{3}}|\[::1\]"


def read(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    command: Sequence[str],
    *,
    reads: bool = True,
    system: Path = SYSTEM,
) -> Settings:
    """Return the settings that these flags, these variables and the settings file ask for.

    Args:
        flags: the options given on the command line by `Option.key`: text, a list of text, or a bool; None is absent.
        environ: the caller's environment.
        command: the words of the command, empty for a subcommand that starts none.
        reads: whether secrets will be read; if not, the settings of the device are enough.
        system: the settings file of the system.

    Raises:
        SettingsError: a value cannot be used, or something is missing; one error names everything missing.
    """
    _refuse_text(environ)
    sources = Sources(flags, environ, system)
    values = {option.key: sources.value(option) for option in OPTIONS}
    secrets = _secrets(values, sources)
    device = _device(values, secrets, environ)
    _demand_all(values, secrets, device, sources, reads=reads)
    if device.batch and (other := next((each for each in secrets if each.version_stage != DEFAULT_STAGE), None)):
        raise messages.BATCH_OF_ANOTHER_STAGE(secret=other.id, label=other.version_stage)
    doubts = [doubt for secret in secrets if (doubt := secret_ids.doubt(secret.id))]
    fields = {name: values[name] for name in Settings.fields() if name in values}
    fields["validate"] = _validator(values["validate"], sources)
    fields |= {"device": device, "secrets": secrets, "command": tuple(command)}
    if values["cache"]:
        fields["cache"], more = _cache(values, secrets, runs=bool(command))
        doubts += more
    return Settings(**fields, warnings=(*sources.file.warnings, *_strangers(environ), *doubts))


def _cache(values: Mapping[str, Any], secrets: Sequence[Secret], *, runs: bool) -> tuple[str, list[str]]:
    """Return the file of --cache, empty where there is nothing to keep, and warnings."""
    if values["once"] and not values["cache_after"]:
        raise messages.CACHE_AT_ONCE_WITHOUT_A_CHECK()
    if all(secret.local for secret in secrets):
        return "", ["--cache has no effect: all secrets are files"]
    if runs:
        demand_cryptography()
    return str(values["cache"]), []


def demand_cryptography() -> None:
    """Refuse an installation without the package that seals the cache.

    Raises:
        SettingsError: it is not there.
    """
    try:
        import cryptography  # noqa: F401 - the package alone, which is light
    except ImportError:
        raise messages.CACHE_WITHOUT_CRYPTOGRAPHY() from None


def _validator(words: tuple[str, ...], sources: Sources) -> tuple[str, ...]:
    """Return the words of --validate; a relative path in the settings file starts at the file's folder."""
    option = BY_KEY["validate"]
    if not words or "/" not in words[0] or sources.given(option) != sources.file.get(option):
        return words
    return (sources.file.resolve(words[0]), *words[1:])


def _secrets(values: Mapping[str, Any], sources: Sources) -> tuple[Secret, ...]:
    """Return the secrets in the order given: those of flags or of the variable, else those of the file."""
    named: list[tuple[dict[str, Any], Mapping[str, Any] | None]]
    if values["secret"] or values["secret_file"]:
        named = [
            (naming(source, read, word), None)
            for option, read in (("secret", secret_word.read), ("secret_file", secret_word.read_file))
            for source, words in [sources.given(BY_KEY[option])]
            for word in words
        ]
    else:
        named = [(secret_word.of_table(table), table) for table in sources.file.secrets]
    secrets = []
    for parts, table in named:
        own = {option.key: sources.value(option, table) for option in OPTIONS if option.section == "secret"}
        own["except_"] = own.pop("except")
        resolve = _expanded if table is None else sources.file.resolve
        identifier = _local(parts["id"], absolute if table is None else resolve)
        files = tuple((key, resolve(target) if PATH_MARK in target else target) for key, target in parts["files"])
        secrets.append(Secret(**{**own, **parts, "id": identifier, "files": files}))
    _check_targets(secrets)
    return tuple(secrets)


def _expanded(path: str) -> str:
    return absolute(os.path.expanduser(path))  # noqa: PTH111


def _check_targets(secrets: Sequence[Secret]) -> None:
    """Refuse a file that two secrets would write, and a variable that would be a path and a value."""
    targets = [target for secret in secrets for _, target in secret.files]
    variables = {name for secret in secrets for name in (secret.name, *(variable for _, variable in secret.keys))}
    for target in targets:
        if targets.count(target) > 1:
            raise messages.FILE_TWICE(target=shown_name(target))
        if target in variables:
            raise messages.FILE_NAMED_AS_VARIABLE(target=shown_name(target))


def _local(identifier: str, resolve: Callable[[str], str]) -> str:
    """Return the id of a secret with the path of a file made absolute."""
    if not identifier.startswith(FILE_SCHEME):
        return identifier
    return FILE_SCHEME + resolve(identifier.removeprefix(FILE_SCHEME))


def _device(values: Mapping[str, Any], secrets: Sequence[Secret], environ: Mapping[str, str]) -> Device:
    region = values["region"]
    if not region:
        arns = [found[1] for secret in secrets if (found := re.fullmatch(_ARN, secret.id))]
        host = urlsplit(f"https://{values['endpoint']}").hostname or ""
        endpoint = re.fullmatch(_ENDPOINT_REGION, host)
        region = arns[0] if arns else endpoint[1] if endpoint else ""
    fields = {name: values[name] for name in Device.fields() if name in values}
    return Device(**{**fields, "region": region, "secretsmanager_endpoint": _secretsmanager_endpoint(environ)})


def _secretsmanager_endpoint(environ: Mapping[str, str]) -> str:
    """Return the endpoint that the environment sets for every AWS tool; refuse one without encryption.

    The form is so narrow that any two URL parsers find the same host in it.
    """
    url = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER", "")
    if not url or _switched_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", environ):
        return ""
    found = re.fullmatch(_URL, url)
    if not found or not 0 < int(found["port"] or 1) < 1 << 16:
        raise messages.ENDPOINT_NOT_A_URL(value=shown(url) if "@" not in url else "(not shown: it may hold a password)")
    if found["scheme"].lower() == "http" and not re.fullmatch(_LOOPBACK, found["host"], re.ASCII):
        raise messages.ENDPOINT_NOT_HTTPS(host=found["host"])
    return found["scheme"].lower() + url[found.end("scheme") :]


def _refuse_text(environ: Mapping[str, str]) -> None:
    """Refuse a certificate's text in place of the path in a variable of AWS's tools."""
    try:
        path(environ.get("AWS_CA_BUNDLE", ""))
    except SettingsError as error:
        raise messages.told_of("AWS_CA_BUNDLE", error) from None


def _switched_on(variable: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a variable of AWS's tools is set to yes."""
    try:
        return boolean(environ.get(variable) or "no")
    except SettingsError as error:
        raise messages.told_of(variable, error) from None


def _demand_all(
    values: Mapping[str, Any], secrets: Sequence[Secret], device: Device, sources: Sources, *, reads: bool
) -> None:
    """Raise one error for everything missing."""
    from_aws = any(not secret.local for secret in secrets)
    # If no secret is given, the same error names all that a secret from AWS needs.
    exchanges = from_aws or not secrets or not reads
    needed = {
        "cert": exchanges,
        "key": exchanges,
        "endpoint": exchanges,
        "role_alias": exchanges,
        "secret": reads,
        "region": reads and from_aws,
    }
    found = {**values, "secret": secrets, "region": device.region}
    if lacking := [BY_KEY[key] for key, wanted in needed.items() if wanted and not found[key]]:
        from secretenv.config import missing  # only for the error

        raise missing.error(lacking, sources, secrets, reads=reads)


def _strangers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning for each `SECRETENV_*` variable that belongs to no option.

    It is probably a typing error, but not certainly: Kubernetes sets such names for a service called secretenv.
    """
    known = {option.variable for option in OPTIONS}
    warnings = []
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            question = did_you_mean(name, known)
            warnings.append(f"{name}: there is no such setting" + (f"; {question}" if question else ""))
    return tuple(warnings)
