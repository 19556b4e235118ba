"""The cost of polling for new versions of the secrets, in calls and dollars. Pure.

Exchanges are not included: AWS IoT does not charge for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretenv.fetcher import batches
from secretenv.fetcher.secret_ids import region_of
from secretenv.wording import many, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretenv.settings import Settings

MONTH = 30.4 * 86400  # seconds
PRICE = 0.05  # dollars for 10,000 calls (aws.amazon.com/secrets-manager/pricing)


def cost(settings: Settings) -> dict[str, Any]:
    """Return the cost of polling in a month of 30.4 days."""
    wanted = {secret.key: secret for secret in settings.secrets if not secret.local}
    calls = len(wanted)
    if settings.device.batch and wanted:
        regions = {secret.id: region_of(secret, settings.device) for secret in wanted.values()}
        calls = len(batches.calls(regions, settings.device.region))
    a_month = calls * MONTH / settings.interval
    return {
        "interval": settings.interval,
        "calls": calls,
        "calls_per_month": round(a_month),
        "dollars_per_month": round(a_month * PRICE / 10_000, 4),
        "dollars_per_month_of_1000_devices": round(1000 * a_month * PRICE / 10_000, 2),
    }


def words(cost: Mapping[str, Any]) -> str:
    """Return a cost in words."""
    if not cost["calls"]:
        return "costs nothing: the secrets are files"
    calls = f"{many(cost['calls'], 'call')} every {span(cost['interval'])}"
    one, thousand = _dollars(cost["dollars_per_month"]), _dollars(cost["dollars_per_month_of_1000_devices"])
    return f"{calls}, {cost['calls_per_month']:,} a month: {one} for this device, {thousand} for 1,000"


def _dollars(amount: float) -> str:
    return "less than $0.01" if 0 < amount < 0.01 else f"${amount:,.2f}"  # noqa: PLR2004
