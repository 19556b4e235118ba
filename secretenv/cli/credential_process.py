"""`secretenv credentials`: temporary credentials in the form that `credential_process` of `~/.aws/config` asks for.

The form is the one of the AWS CLI's guide, "Sourcing credentials with an external process". Who asks keeps them in
memory until shortly before their end; here nothing is kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from secretenv.cli.isolation import exchange, isolate
from secretenv.identity import certificate
from secretenv.wording import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.credentials import Credentials
    from secretenv.settings import Device


def obtain(device: Device, warn: Callable[[str], None]) -> Credentials:
    """Return new credentials for the device's certificate; this process is isolated for it.

    Raises:
        CertificateError: certificate or key cannot be used.
        CredentialsError: the provider cannot be reached, or refuses.
    """
    isolate()

    context, warnings = certificate.load(device)
    for warning in warnings:
        warn(warning)
    return exchange(device, context)


def document(found: Credentials) -> str:
    """Return the JSON document that the AWS CLI and every SDK read from a credential process."""
    fields = {
        "Version": 1,
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "SessionToken": found.session_token,
        "Expiration": moment(found.expiration),
    }
    return json.dumps(fields) + "\n"
