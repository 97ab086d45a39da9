"""What was used, read from the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta

from hearth.kit.db import Database
from hearth.metering import store
from hearth.metering.types import UsageTotal

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def usage_totals(
    db: Database, *, since: datetime, until: datetime, account_id: str | None = None
) -> list[UsageTotal]:
    """Sum the requests that began from `since` on and before `until`, by account, model and day.

    Args:
        since: aware; days are those of UTC whatever its zone.
        until: aware.
        account_id: only this account's; None for all, which is for the operator alone.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with store.retryable(db.read()) as conn:
        return await store.totals(
            conn, since_ns=_to_ns(since), until_ns=_to_ns(until), account_id=account_id
        )


def _to_ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
