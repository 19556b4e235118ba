"""What the tests of both templates share."""

from __future__ import annotations

from secretenv.provision.wanted import Wanted, wanted

ID = "ab" * 32


PREFIX = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"


def every_way() -> list[Wanted]:
    """Return one of each kind of what can be wanted."""
    return [
        wanted("app", folder="certs"),
        wanted("app", certificate=ID, thing="t", secrets=["a", PREFIX + "b-AbCdEf"], duration="12h"),
        wanted("app", per_thing=True),
    ]


WAYS = ["new", "given", "per-thing"]
