"""`secretenv credentials`: temporary credentials in the form that `credential_process` of `~/.aws/config` asks for.

The form is that of the AWS CLI's guide, "Sourcing credentials with an external process". The CLI and the SDKs keep the
credentials in memory until shortly before they expire; this process keeps nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from secretenv.cli.isolation import exchange, in_time, isolate
from secretenv.identity import certificate
from secretenv.protocol import BUDGET
from secretenv.wording import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretenv.credentials import Credentials
    from secretenv.settings import Device


def obtain(device: Device, warn: Callable[[str], None], budget: float = BUDGET) -> Credentials:
    """Return new credentials for the device's certificate; this process is isolated for it.

    Args:
        device: whose certificate is exchanged.
        warn: called with each warning.
        budget: seconds to wait for the files, and again for the exchange.

    Raises:
        CertificateError: certificate or key cannot be used.
        CredentialsError: the provider cannot be reached, or refuses.
    """
    isolate()

    context, warnings = in_time(lambda at: certificate.load(device, at=at), budget)
    for warning in warnings:
        warn(warning)
    return exchange(device, context, budget)


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
