"""BatchGetSecretValue: which secrets share a call, and which part of an answer belongs to which. Pure.

`secretsmanager` makes the calls. An answer names its secrets by name and full ARN, whichever id was asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

LARGEST = 20  # ids in one call; AWS takes no more
PAGES = 2 * LARGEST  # of one call: a secret on each, and as many empty ones, which AWS reserves the right to send
_SUFFIX = len("-AbCdEf")  # AWS appends it to the name in a secret's ARN, and a partial ARN leaves it out


def calls(regions: Mapping[str, str], home: str) -> list[tuple[str, list[str]]]:
    """Return the calls to make: the region of each, and its ids.

    Another account's secret may have the name of one in this account. So an ARN does not share a call with a name that
    may be that of its secret.

    Args:
        regions: of the secrets, by their ids.
        home: the region of secrets that are asked for by name.
    """
    names = {each for each in regions if not each.startswith("arn:")}
    groups: dict[tuple[str, bool], list[str]] = {}
    for each, region in regions.items():
        end = each.rpartition(":")[2]
        alike = each not in names and region == home and not names.isdisjoint({end, end[:-_SUFFIX]})
        groups.setdefault((region, alike), []).append(each)
    return [
        (region, ids[first : first + LARGEST])
        for (region, _), ids in groups.items()
        for first in range(0, len(ids), LARGEST)
    ]


def by_id(values: Sequence[Any], errors: Sequence[Any]) -> dict[str, Any]:
    """Return the entries of an answer by the ids under which they may have been asked for.

    A whole id counts before a part of one: the name `app-backup` makes an ARN that is also a partial one of `app`. The
    SecretId of an error is "the ARN or name of the secret" (AWS's API reference), not always the id that was sent.

    Args:
        values: the answer's SecretValues.
        errors: the answer's Errors.
    """
    found: dict[str, Any] = {}
    for error in errors:
        found |= dict.fromkeys(_short(error.get("SecretId")), error)
    for value in values:
        found |= dict.fromkeys(_short(value.get("ARN")), value)
    for value in values:
        found |= dict.fromkeys((str(value.get("Name")), str(value.get("ARN"))), value)
    return found | {str(error.get("SecretId")): error for error in errors}


def _short(arn: object) -> tuple[str, ...]:
    """Return the partial ARN and the name in a full ARN."""
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        return ()
    return arn[:-_SUFFIX], arn[:-_SUFFIX].rpartition(":")[2]
