"""What is missing among the settings, in one error: near misses first, then the options, then the places looked in."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from secretenv.config import messages, secret_ids
from secretenv.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from secretenv.config.options import Option
    from secretenv.config.sources import Sources
    from secretenv.errors import SecretenvError
    from secretenv.settings import Secret

_NEAR = 0.85  # of difflib: one letter in seven is wrong


def error(missing: Sequence[Option], sources: Sources, secrets: Sequence[Secret], *, reads: bool) -> SecretenvError:
    """Return the error for options that are missing.

    Args:
        missing: the options.
        sources: where they could have come from.
        secrets: those that were named.
        reads: whether secrets were to be read.
    """
    for secret in secrets:
        if secret_ids.is_file(secret.id):
            return messages.FILE_FOR_A_SECRET(secret=secret.id)
    names = "; ".join(f"--{option.name} {option.metavar} or {option.variable}" for option in missing)
    near = "".join(f"{each}; " for each in _near_misses(sources.environ, missing))
    from_aws = any(not secret.local for secret in secrets)
    kind = messages.MISSING if from_aws or not reads else messages.MISSING_WITHOUT_SECRET
    return kind(near_misses=near, options=names, settings_file=sources.file.described)


def _near_misses(environ: Mapping[str, str], missing: Sequence[Option]) -> Iterator[str]:
    """Yield a sentence for each variable that is probably meant for a setting that is missing."""
    known = {variable for option in OPTIONS for variable in option.variables}
    wanted = [option.variable for option in missing]
    for name in sorted(environ):
        if name in wanted:
            yield f"{name} is empty"
        elif name not in known and (near := difflib.get_close_matches(name.upper(), wanted, 1, _NEAR)):
            yield f"{name} is not a setting; did you mean {near[0]}?"
