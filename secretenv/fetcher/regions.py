"""Replicas of a secret in other regions: what they are called there, and when one of them is asked. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.errors import SecretenvError

# These lie with this device, or with all regions alike.
_OUR_OWN = {"credentials", "clock", "proxy", "roots file"}


def in_region(identifier: str, region: str) -> str:
    """Return the id of a secret's replica: its ARN differs in the region only (Secrets Manager's guide), its name not.

    Args:
        identifier: of the secret.
        region: of the replica.
    """
    parts = identifier.split(":")
    if parts[0] != "arn":
        return identifier
    return ":".join([*parts[:3], region, *parts[4:]])


def may_answer_elsewhere(error: SecretenvError) -> bool:
    """Whether another region may answer: this one could not be reached, failed, or throttled; it did not refuse."""
    return error.transient and error.link not in _OUR_OWN
