"""Who owns an AWS resource, judged by its tags: this NAME, a template, or someone else.

IoT things take no tags; one that provision makes has an attribute instead. What a template owns is neither changed nor
removed, even where somebody gave it the tag of a NAME: a stack may put tags on all that it makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.provision import messages
from secretenv.provision.wanted import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretenv.errors import SecretenvError

    Tags = Sequence[Mapping[str, str]] | None  # in the form of every AWS service

TEMPLATE_TAG = "secretenv-template"  # in the templates that provision writes
# CloudFormation's own tags. Not every service shows them, so the template has one too.
_STACK = "aws:cloudformation:stack-name"


def stack(tags: Tags) -> str:
    """Return the template or stack that owns what has these tags, in words; empty: none does."""
    found = {tag["Key"]: tag["Value"] for tag in tags or ()}
    if _STACK in found:
        return f"the CloudFormation stack {found[_STACK]}"
    return f"a template of `secretenv provision {found[TEMPLATE_TAG]}`" if TEMPLATE_TAG in found else ""


def is_made_by(tags: Tags, name: str) -> bool:
    """Tell whether `provision NAME` itself made what has these tags."""
    return {"Key": TAG, "Value": name} in [dict(tag) for tag in tags or ()] and not stack(tags)


def has_attribute(thing: Mapping[str, Any], name: str) -> bool:
    """Tell whether `provision NAME` made a thing."""
    return bool(thing.get("attributes", {}).get(TAG) == name)


def left_alone(tags: Tags, name: str) -> str:
    """Return the outcome, in words, for something that fits."""
    if is_made_by(tags, name):
        return "unchanged"
    owner = stack(tags)
    return f"used as it is, because it belongs to {owner}" if owner else "used as it is, not created by provision"


def in_the_way(  # noqa: PLR0913 - each is a part of the sentence
    what: str, tags: Tags, name: str, *, difference: str, instead: str, command: str
) -> SecretenvError:
    """Return the error for something that does not fit and must not be changed.

    Args:
        what: its kind and name.
        tags: of it.
        name: NAME.
        difference: what does not fit.
        instead: the next step that leaves it alone.
        command: the next step that hands it over to NAME; nothing that a template owns is handed over.
    """
    if owner := stack(tags):
        return messages.OWNED(thing=what, owner=owner, difference=difference, instead=instead)
    return messages.FOREIGN(thing=what, name=name, difference=difference, instead=instead, command=command)
