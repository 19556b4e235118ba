"""Replicas of a secret in other regions: what they are called there, and when one of them is read. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretenv.errors import SecretenvError

# These are faults of this device, or of all regions alike.
_OUR_OWN = {"credentials", "clock", "proxy", "roots file"}


def in_region(identifier: str, region: str) -> str:
    """Return the id of a secret's replica: only the region in an ARN differs (Secrets Manager's guide); a name stays.

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
