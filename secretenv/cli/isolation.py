"""Make a process that asks AWS itself, without a fetcher, as isolated as a fetcher, with the same time limits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretenv.identity import connection_errors
from secretenv.identity.background import Background
from secretenv.identity.hardening import forbid_dumps, silence_libraries
from secretenv.protocol import BUDGET
from secretenv.supervisor.helper_process import for_helper

if TYPE_CHECKING:
    from typing import Any

    from secretenv.credentials import Credentials
    from secretenv.identity.certificate import Context
    from secretenv.settings import Device


def isolate() -> None:
    """Keep what this process will hold inside it: no AWS profile, no other roots, no key log, no library that logs."""
    forbid_dumps()
    for name in os.environb.keys() - for_helper(os.environb).keys():
        del os.environb[name]
    silence_libraries()


def exchange(device: Device, context: Context, budget: float = BUDGET, *how: Any) -> Credentials:
    """Return new credentials for the certificate of `context`.

    Args:
        device: whose role alias is asked for.
        context: shows the certificate.
        budget: seconds to wait, however slowly the answer comes.
        how: what else `provider.exchange` takes.

    Raises:
        CredentialsError: no answer in time, a refusal, or an answer that cannot be used.
    """
    from secretenv.identity import provider

    return Background(lambda: provider.exchange(device, context, *how)).result(
        budget, lambda span: connection_errors.endless(device.endpoint, span, handshaken=context.handshaken)
    )
