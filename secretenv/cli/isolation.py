"""Make a process that asks AWS by itself, without a fetcher, as isolated as a fetcher is, and as impatient."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

from secretenv.errors import CredentialsError
from secretenv.identity import connection_errors
from secretenv.identity.hardening import forbid_dumps, silence_libraries
from secretenv.protocol import BUDGET
from secretenv.supervisor.fetcher_process import for_helper

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from secretenv.credentials import Credentials
    from secretenv.errors import SecretenvError
    from secretenv.identity.certificate import Context
    from secretenv.settings import Device

Found = TypeVar("Found")


def isolate() -> None:
    """Keep what this process will hold in it: no AWS profile, no other roots, no key log, no chatting libraries."""
    forbid_dumps()
    for name in os.environb.keys() - for_helper(os.environb).keys():
        del os.environb[name]
    silence_libraries()


def in_time(work: Callable[[], Found], late: Callable[[str], SecretenvError]) -> Found:
    """Return what `work` returns, or raise what it raises or, when a fetcher's time is up, what `late` makes.

    The limits of a socket are for each piece: an answer that drips never meets them. What hangs is left to itself, in
    a thread that does not keep the process.

    Args:
        work: what may hang.
        late: returns the error for having waited so long, `25 s`.
    """
    outcome: list[Found] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(BUDGET)
    if raised:
        raise raised[0]
    if not outcome:
        raise late(f"{BUDGET:g} s")
    return outcome[0]


def exchange(device: Device, context: Context, *how: Any) -> Credentials:
    """Return new credentials for the certificate of `context`, in a fetcher's time.

    Args:
        device: who asks.
        context: shows the certificate.
        how: what else `provider.exchange` takes.

    Raises:
        CredentialsError: no answer in time, a refusal, or an answer that cannot be used.
    """
    from secretenv.identity import provider

    return in_time(
        lambda: provider.exchange(device, context, *how),
        lambda span: CredentialsError(
            **connection_errors.endless(device.endpoint, span, handshaken=context.handshaken)
        ),
    )
