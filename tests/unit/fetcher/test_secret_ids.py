"""What the id of a secret tells."""

from __future__ import annotations

import pytest

from secretenv.fetcher.secret_ids import region_of, several

from .secrets import ARN, device, secret


@pytest.mark.parametrize(
    ("secret_id", "region"),
    [("app", "eu-west-1"), ("arn:x", "eu-west-1"), ("a:b:c:d:e:f:g", "eu-west-1"), (ARN, "cn-north-1")],
)
def test_region(secret_id: str, region: str) -> None:
    """A secret's ARN decides the region, else the device's."""
    assert region_of(secret(secret_id), device()) == region


def test_names_of_several() -> None:
    """A message names one secret, or the first three of many."""
    assert [several(list("abcde")[:count]) for count in (1, 2, 3, 5)] == [
        "secret a",
        "secrets a, b",
        "secrets a, b, c",
        "secrets a, b, c and 2 more",
    ]
