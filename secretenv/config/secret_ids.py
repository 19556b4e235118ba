"""Which ids cannot be secrets, and what was probably meant.

AWS answers such an id with a denial for the role, since a policy lists the secrets that may be read. So a user would
look for the cause there.
"""

from __future__ import annotations

import os
import re

from secretenv.config import messages, parsers
from secretenv.config.quoting import name, no_path, shown
from secretenv.settings import FILE_SCHEME

# Secrets Manager's own words for a name, and `!`, which is in the names of secrets that an AWS service manages.
_NAME = r"[A-Za-z0-9/_+=.@!-]{1,512}"
_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:([^:]+)((?::[^:]*){0,3})"
# AWS appends a dash and six random letters or digits to the name in an ARN; these words are the name's own end.
_WORD_AT_THE_END = (
    r"arn:.*:secret:(?:.*/)?"
    r"([^/]*-(?:secret|server|client|config|tokens|values|master|worker|device|backup|deploy|system))"
)
_FILES = (".json", ".toml", ".yaml", ".yml", ".env", ".txt", ".pem")

# The first that matches decides. Texts, as above: compiling them all would cost each start of `run` 2 ms.
_MISTAKES = (
    (r"(?i)file:(?://)?(.*)", messages.PATH_FOR_A_SECRET),
    (r"((?:\.{1,2}|~[^/]*)/.*)", messages.PATH_FOR_A_SECRET),
    (r"(['\"]).*\1", messages.QUOTED_ID),
    (r".*,.*", messages.ID_WITH_A_COMMA),
    (r".*\s.*", messages.ID_WITH_A_BLANK),
    (r"[a-z0-9+]+://.*", messages.URL_FOR_A_SECRET),
    (r"([^:#]+)[:#]+([^:#]+)[:#]*", messages.ID_WITH_A_KEY),
    (r".*[*?\[].*", messages.ID_WITH_A_PATTERN),
)


def check(identifier: str) -> None:
    """Refuse an id that cannot be a secret.

    Raises:
        SettingsError: it says what the id is instead, and what was probably meant.
    """
    if what := no_path(identifier):
        raise messages.TEXT_FOR_A_SECRET(what=what)
    if identifier.startswith(FILE_SCHEME):
        parsers.path(identifier.removeprefix(FILE_SCHEME))
    elif identifier.startswith("arn:"):
        _check_arn(identifier)
    elif not re.fullmatch(_NAME, identifier):
        for expression, error in _MISTAKES:
            if found := re.fullmatch(expression, identifier):
                first, second = (*found.groups(), "", "")[:2]
                raise error(value=shown(identifier), path=name(first), name=name(first), key=name(second))
        raise messages.NOT_A_SECRET(value=shown(identifier))
    elif identifier.startswith(("./", "../", "file//")):
        raise messages.PATH_FOR_A_SECRET(value=shown(identifier), path=identifier.removeprefix("file//"))


def doubt(identifier: str) -> str:
    """Return a warning about an id that can be a secret, but is probably something else; usually an empty string."""
    if identifier.startswith("arn:") and (found := re.fullmatch(_WORD_AT_THE_END, identifier)):
        return (
            f"the ARN {identifier} ends in a dash and six letters, as a full one does: "
            f"if the secret's name is {found[1]}, give its name or its full ARN"
        )
    if identifier.endswith(_FILES) and is_file(identifier):
        return (
            f"secret {identifier} is read from AWS, but there is a file {identifier}: file://{identifier} would read it"
        )
    return ""


def is_file(identifier: str) -> bool:
    """Tell whether an id is also the path of a file."""
    return not identifier.startswith((FILE_SCHEME, "arn:")) and os.path.isfile(identifier)  # noqa: PTH113


def _check_arn(arn: str) -> None:
    found = re.fullmatch(_ARN, arn)
    service = (*arn.split(":"), "", "")[2]
    if found and found[2]:
        _, key, stage, _version = (*found[2].split(":"), "", "")[:4]
        whole = arn.removesuffix(found[2])
        only = f"#{name(key)}" if key else ""
        label = f" --version-stage {name(stage)}" if stage else ""
        raise messages.ARN_OF_ECS(value=shown(arn), options=f"{name(whole)}{only}{label}")
    if found and re.fullmatch(_NAME, found[1]):
        return
    if service == "ssm":
        reference = arn.partition(":parameter/aws/reference/secretsmanager/")[2]
        raise (messages.ARN_OF_A_REFERENCE if reference else messages.ARN_OF_A_PARAMETER)(
            value=shown(arn), secret=name(reference)
        )
    if service not in {"secretsmanager", ""}:
        raise messages.ARN_OF_ANOTHER_SERVICE(value=shown(arn), service=shown(service))
    raise messages.NOT_AN_ARN(value=shown(arn))
