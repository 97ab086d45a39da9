"""The proof that every sum is what its rows add up to: all of the ledger is added up again."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.kit.db import Database
from hearth.metering.reports import store
from hearth.metering.reports.types import Difference, LedgerCheck
from hearth.metering.store import COUNTED, retryable


async def verify(db: Database) -> LedgerCheck:
    """Compare the sums by hour and by day with the rows; requests may run meanwhile.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with retryable(db.read()) as conn:
        hours = await store.hour_differences(conn)
        days = await store.day_differences(conn)
        num_rows = await store.outcomes(conn)
    counted = ("num_events", *COUNTED)
    found = [_difference("usage_hours", row, counted) for row in hours]
    found += [_difference("spend_days", row, ("cost_nano",)) for row in days]
    return LedgerCheck(num_rows=num_rows, differences=found)


def _difference(table: str, row: store.Row, counted: Sequence[str]) -> Difference:
    key, sums = row[: -len(counted)], row[-len(counted) :]
    return Difference(
        table=table,
        key=tuple(map(str, key)),
        missing={name: int(value) for name, value in zip(counted, sums, strict=True) if value},
    )
