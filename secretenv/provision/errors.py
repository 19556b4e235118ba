"""The kinds of errors that only the operator's side has: AWS refused, and AWS has no such thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretenv.errors import SecretenvError

if TYPE_CHECKING:
    from secretenv.errors import Link


class AwsError(SecretenvError):
    """AWS could not be asked, refused, or has something that is in the way."""

    link: Link = "aws"


class MissingError(AwsError):
    """AWS says that there is no such thing."""
