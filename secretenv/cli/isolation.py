"""Give a process that asks AWS itself, without a fetcher, the isolation and the time limits of a fetcher."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretenv.identity import certificate, connection_errors
from secretenv.identity.background import Background
from secretenv.identity.hardening import forbid_dumps, silence_libraries
from secretenv.protocol import BUDGET
from secretenv.supervisor.helper_process import for_helper

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from secretenv.credentials import Credentials
    from secretenv.errors import Link
    from secretenv.identity.certificate import At, Context
    from secretenv.settings import Device

    Found = TypeVar("Found")


def isolate() -> None:
    """Keep what this process will hold inside it: no AWS profile, no other roots, no key log, no library that logs."""
    forbid_dumps()
    for name in os.environb.keys() - for_helper(os.environb).keys():
        del os.environb[name]
    silence_libraries()


def in_time(work: Callable[[At], Found], budget: float = BUDGET) -> Found:
    """Return what work with files returns, or raise what it raises.

    Args:
        work: takes the `at` that it calls before each file, as `certificate.load` does.
        budget: seconds to wait: a disk or a share may not answer.

    Raises:
        CertificateError: a file was not read in time.
    """
    step: tuple[Link, str] = ("certificate file", "")

    def at(link: Link, path: str) -> None:
        nonlocal step
        step = (link, path)

    return Background(lambda: work(at)).result(budget, lambda span: certificate.late(*step, span))


def exchange(device: Device, context: Context, budget: float = BUDGET, *how: Any) -> Credentials:
    """Return new credentials for the certificate of `context`.

    Args:
        device: whose role alias is asked for.
        context: presents the certificate.
        budget: seconds to wait, however slowly the answer comes.
        how: what else `provider.exchange` takes.

    Raises:
        CredentialsError: no answer in time, a refusal, or an answer that cannot be used.
    """
    from secretenv.identity import provider

    return Background(lambda: provider.exchange(device, context, *how)).result(
        budget, lambda span: connection_errors.endless(device.endpoint, span, handshaken=context.handshaken)
    )
