"""Merge flags, variables, the settings file and the defaults, check them, and give a `Settings`.

A flag beats a variable beats the file beats the default. The options themselves are in `options`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secretenv.config import messages
from secretenv.config.file import SYSTEM, absolute, load
from secretenv.config.options import BY_KEY, OPTIONS, PREFIX, Option
from secretenv.config.parsers import boolean, did_you_mean
from secretenv.errors import SettingsError
from secretenv.settings import DEFAULT_STAGE, FILE_SCHEME, Device, Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from secretenv.config.file import ConfigFile

_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d{12}:secret:.+")
# From the AWS documentation: "<prefix>.credentials.iot.<region>.amazonaws.com", FIPS and the other partitions alike.
_ENDPOINT_REGION = re.compile(
    r"[^.]+\.credentials\.iot(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)"
)
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


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
    _, chosen = _given(BY_KEY["config"], flags.get("config"), environ, None, None)
    file = load(chosen, environ, system=system)
    values = {option.key: _value(option, flags.get(option.key), environ, file) for option in OPTIONS}
    secrets = _secrets(values, flags, environ, file)
    device = _device(values, secrets, environ)
    _demand_all(values, secrets, device, reads=reads)
    if device.batch and (other := next((each for each in secrets if each.version_stage != DEFAULT_STAGE), None)):
        raise messages.BATCH_OF_ANOTHER_STAGE(secret=other.id, label=other.version_stage)
    fields = {name: values[name] for name in Settings.fields() if name in values}
    fields |= {"device": device, "secrets": secrets, "command": tuple(command), "warnings": _strangers(environ)}
    return Settings(**fields)


def _value(
    option: Option,
    flag: Any,
    environ: Mapping[str, str],
    file: ConfigFile | None,
    secret: Mapping[str, Any] | None = None,
) -> Any:
    """Return the parsed value of the strongest source that has one. An error names the source."""
    source, given = _given(option, flag, environ, file, secret)
    try:
        if isinstance(given, bool):
            return given
        if option.repeatable:
            return tuple(option.parse(word) for word in given)
        if not given and not option.default:
            return False if option.flag else ""  # any other empty text is for the parser to refuse
        return absolute(os.path.expanduser(given)) if option.path else option.parse(given)  # noqa: PTH111
    except SettingsError as error:
        raise messages.told_of(source, error) from None


def _given(
    option: Option,
    flag: Any,
    environ: Mapping[str, str],
    file: ConfigFile | None,
    secret: Mapping[str, Any] | None,
) -> tuple[str, Any]:
    """Return the strongest source and its value: flag, variable, file, default.

    An empty variable counts as not set. In the file a key of one secret beats the key for all.
    """
    if flag is not None and flag != []:
        return f"--{option.name}", flag
    for variable in option.variables:
        if environ.get(variable):
            words = environ[variable]
            return variable, words.split() if option.repeatable else words
    if file is not None:
        source, given = file.get(option, secret)
        if source:
            return source, given
    return "default", () if option.repeatable else option.default


def _secrets(
    values: Mapping[str, Any], flags: Mapping[str, Any], environ: Mapping[str, str], file: ConfigFile
) -> tuple[Secret, ...]:
    """Return the secrets in the order given: those of flags or of the variable, else those of the file."""
    named: list[tuple[str, str, Mapping[str, Any] | None]]
    if values["secret"]:
        named = [(*_name_and_id(word), None) for word in values["secret"]]
    else:
        named = [(table.get("name", ""), _local(table["id"], file.resolve), table) for table in file.secrets]
    secrets = []
    for name, identifier, table in named:
        own = {
            option.key: _value(option, flags.get(option.key), environ, file, table)
            for option in OPTIONS
            if option.section == "secret"
        }
        own["except_"] = own.pop("except")
        secrets.append(Secret(id=identifier, name=name, **own))
    return tuple(secrets)


def _name_and_id(word: str) -> tuple[str, str]:
    """Return the parts of `[NAME=]ID`; a `=` after a `/` or a `:` is part of the id."""
    found = re.match(r"([^=:/]+)=(.*)", word, re.DOTALL)
    name, identifier = (found[1], found[2]) if found else ("", word)
    if not identifier or identifier == FILE_SCHEME:
        raise messages.NO_SECRET_NAMED(value=repr(word))
    if word.startswith("="):
        raise messages.NO_VARIABLE_NAMED(value=repr(word))
    return name, _local(identifier, absolute)


def _local(identifier: str, resolve: Callable[[str], str]) -> str:
    """Return the id of a secret with the path of a file made absolute."""
    if not identifier.startswith(FILE_SCHEME):
        return identifier
    return FILE_SCHEME + resolve(identifier.removeprefix(FILE_SCHEME))


def _device(values: Mapping[str, Any], secrets: Sequence[Secret], environ: Mapping[str, str]) -> Device:
    region = values["region"]
    if not region:
        arns = [found[1] for secret in secrets if (found := _ARN.fullmatch(secret.id))]
        host = urlsplit(f"https://{values['endpoint']}").hostname or ""
        endpoint = _ENDPOINT_REGION.fullmatch(host)
        region = arns[0] if arns else endpoint[1] if endpoint else ""
    fields = {name: values[name] for name in Device.fields() if name in values}
    return Device(**{**fields, "region": region, "secretsmanager_endpoint": _secretsmanager_endpoint(environ)})


def _secretsmanager_endpoint(environ: Mapping[str, str]) -> str:
    """Return the endpoint that the environment sets for every AWS tool; refuse one without encryption."""
    url = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER", "")
    if not url or _switched_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", environ):
        return ""
    try:
        parts = urlsplit(url)
        host, scheme, _ = parts.hostname or "", parts.scheme, parts.port
    except ValueError:
        host, scheme = "", ""
    if scheme not in {"http", "https"} or not host:
        raise messages.ENDPOINT_NOT_A_URL(value=repr(url))
    if scheme == "http" and not _LOOPBACK.fullmatch(host):
        raise messages.ENDPOINT_NOT_HTTPS(host=host)
    return url


def _switched_on(variable: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a variable of AWS's tools is set to yes."""
    try:
        return boolean(environ.get(variable) or "no")
    except SettingsError as error:
        raise messages.told_of(variable, error) from None


def _demand_all(values: Mapping[str, Any], secrets: Sequence[Secret], device: Device, *, reads: bool) -> None:
    """Raise one error that names everything missing, and where each can come from."""
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
    missing = [BY_KEY[key] for key, wanted in needed.items() if wanted and not found[key]]
    if missing:
        names = "; ".join(f"--{option.name} {option.metavar} or {option.variable}" for option in missing)
        error = messages.MISSING if from_aws or not reads else messages.MISSING_WITHOUT_SECRET
        raise error(options=names)


def _strangers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning for each `SECRETENV_*` variable that is no option's.

    It is probably a typing error, but not for certain: Kubernetes sets such names for a service called secretenv.
    """
    known = {option.variable for option in OPTIONS}
    warnings = []
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            question = did_you_mean(name, known)
            warnings.append(f"{name}: there is no such setting" + (f"; {question}" if question else ""))
    return tuple(warnings)
