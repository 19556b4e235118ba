"""Only what `provision NAME` itself made is its own."""

from __future__ import annotations

import pytest

from secretenv.provision.ownership import TEMPLATE_TAG, is_made_by, left_alone, stack

OURS = {"secretenv": "app"}
STACK = {"aws:cloudformation:stack-name": "net", "aws:cloudformation:stack-id": "arn:..."}


@pytest.mark.parametrize(
    ("tags", "ours", "owner"),
    [
        (OURS, True, ""),
        ({"secretenv": "app-2"}, False, ""),
        ({}, False, ""),
        (STACK, False, "the CloudFormation stack net"),
        ({**OURS, **STACK}, False, "the CloudFormation stack net"),
        ({**OURS, TEMPLATE_TAG: "app"}, False, "a template of `secretenv provision app`"),
    ],
    ids=["ours", "another-name", "nobody", "stack", "tagged-stack", "tagged-template"],
)
def test_owners(tags: dict[str, str], ours: bool, owner: str) -> None:  # noqa: FBT001 - a parameter of the test
    """A stack's tags, or the template's own, count more than the tag of a NAME."""
    form = [{"Key": key, "Value": value} for key, value in tags.items()]
    assert is_made_by(form, "app") == ours
    assert stack(form) == owner
    assert (left_alone(form, "app") == "unchanged") == ours
    assert owner in left_alone(form, "app")


def test_no_tags() -> None:
    """Services that return no tags at all mean none."""
    assert not is_made_by(None, "app")
