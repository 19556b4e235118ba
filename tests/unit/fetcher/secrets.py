"""Secrets, the device that reads them, and entries of answers, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from secretenv.fetcher.variables import plain
from secretenv.settings import Device, Secret

ARN = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:app-AbCdEf"


def device(**fields: Any) -> Device:
    """Return a device; what is not given is not set."""
    return Device.from_json({**dict.fromkeys(Device.fields(), ""), "batch": False, "region": "eu-west-1", **fields})


def secret(secret_id: str = "app", stage: str = "AWSCURRENT") -> Secret:
    """Return the settings of a secret."""
    return plain(secret_id, version_stage=stage)


def arn_of(name: str, account: int = 111122223333, region: str = "eu-west-1") -> str:
    """Return the full ARN of a secret."""
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf"


def value_of(name: str, arn: str = "") -> dict[str, Any]:
    """Return the entry of a value, which is the ARN."""
    arn = arn or arn_of(name)
    return {"ARN": arn, "Name": name, "VersionId": "v" * 32, "SecretString": arn}


def names(count: int) -> list[str]:
    """Return names of secrets."""
    return [f"app-{number}" for number in range(count)]
