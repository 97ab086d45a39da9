"""The ledger's rows, as a test compares them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import RowMapping, select, text

from hearth.kit.db import Database
from hearth.metering.store import usage_events


async def rows(db: Database) -> dict[str, RowMapping]:
    """Every row by request id."""
    async with db.read() as conn:
        found = (await conn.execute(select(usage_events))).mappings().all()
    return {row["request_id"]: row for row in found}


async def outcomes(db: Database) -> dict[str, tuple[str, int]]:
    """Outcome and completion tokens by request id."""
    return {
        request_id: (row["outcome"], row["completion_tokens"])
        for request_id, row in (await rows(db)).items()
    }


def settled(*numbers: int, name: str = "r") -> dict[str, tuple[str, int]]:
    """What `outcomes` says of requests that were settled as in `records`."""
    return {f"{name}-{n}": ("stop", 2 * n + 1) for n in numbers}


@asynccontextmanager
async def ledger_away(db: Database) -> AsyncIterator[None]:
    """Make everything that touches the ledger fail inside the block."""
    async with db.write() as conn:
        await conn.execute(text("ALTER TABLE usage_events RENAME TO usage_events_away"))
    try:
        yield
    finally:
        async with db.write() as conn:
            await conn.execute(text("ALTER TABLE usage_events_away RENAME TO usage_events"))
