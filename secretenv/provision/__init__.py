"""The operator's side: what AWS needs so that a device reads its secrets with a certificate.

`documents` are the policies, `steps` the single calls, which the sandbox uses too. `wanted` is what the operator asks
for, `apply` and `principal` make what is missing, `destroy` removes it, `cloudformation` and `terraform` write it as a
template. `device_settings` and `device_folder` are for the device. `account` is the only module that has clients, and
`command` the only one that knows typer; `making` runs what it reads.
"""

from __future__ import annotations

from secretenv.provision.documents import SERVICE, assume_policy, secret_policy, trust_policy
from secretenv.provision.steps import (
    DURATION,
    Provisioned,
    allow_reading,
    attach_policy,
    create_policy,
    create_role,
    create_role_alias,
    create_secret,
    credentials_endpoint,
    provision,
)

__all__ = [
    "DURATION",
    "SERVICE",
    "Provisioned",
    "allow_reading",
    "assume_policy",
    "attach_policy",
    "create_policy",
    "create_role",
    "create_role_alias",
    "create_secret",
    "credentials_endpoint",
    "provision",
    "secret_policy",
    "trust_policy",
]
