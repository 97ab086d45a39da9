"""Reads over the tables of the ledger, each of one account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import BigInteger, Column, ColumnElement, func, select

from hearth.kit.db import Connection
from hearth.metering.bills.types import BillLine, LikeEvents, MinuteTokens, TableTotals
from hearth.metering.store import closed_periods, spend_days, usage_events, usage_hours
from hearth.metering.types import Outcome

MINUTE_NS = 60 * 10**9
BATCH_ROWS = 2000  # a trip to the database each; priced within a few milliseconds

_events = usage_events.c
_ALIKE = (
    _events.unit,
    _events.model,
    _events.deployment,
    _events.price_version,
    _events.price,
    _events.discount_bp,
)
_QUANTITIES = (
    _events.prompt_tokens,
    _events.cached_tokens,
    _events.completion_tokens,
    _events.units,
)
_REPRICED = (
    _events.unit,
    _events.model,
    _events.served_by,
    _events.deployment,
    _events.price,
    _events.discount_bp,
    *_QUANTITIES,
)


async def bill_lines(
    conn: Connection, account_id: str, *, start_ns: int, end_ns: int
) -> list[BillLine]:
    """What an account used in a time, by price, in a fixed order."""
    query = (
        select(
            *_ALIKE,
            func.count().label("num_events"),
            *(_sum(column).label(column.name) for column in (*_QUANTITIES, _events.cost_nano)),
        )
        .where(*_counted(account_id, start_ns, end_ns))
        .group_by(*_ALIKE)
        .order_by(*_ALIKE)
    )
    return [BillLine(**row._mapping) for row in await conn.execute(query)]


async def like_events(
    conn: Connection, account_id: str, *, start_ns: int, end_ns: int
) -> AsyncIterator[Sequence[LikeEvents]]:
    """The events of a time in batches, those with equal quantities together.

    (A cost is rounded per event, so unequal ones cannot be added up before they are priced.)
    """
    query = (
        select(*_REPRICED, func.count().label("num_events"), _sum(_events.cost_nano))
        .where(*_counted(account_id, start_ns, end_ns))
        .group_by(*_REPRICED)
    )
    async with conn.stream(query) as rows:
        async for batch in rows.partitions(BATCH_ROWS):
            yield [
                LikeEvents(
                    unit=row[0],
                    model=row[1],
                    served_by=row[2],
                    deployment=row[3],
                    price=row[4],
                    discount_bp=row[5],
                    prompt_tokens=row[6],
                    cached_tokens=row[7],
                    completion_tokens=row[8],
                    units=row[9],
                    num_events=row[10],
                    cost_nano=row[11],
                )
                for row in batch
            ]


async def minute_tokens(
    conn: Connection, account_id: str, *, start_ns: int, end_ns: int
) -> list[MinuteTokens]:
    """The serverless tokens of a time by minute and model, in that order."""
    minute = (_events.bill_time_ns // MINUTE_NS).label("minute")
    query = (
        select(
            minute, _events.model, *(_sum(column).label(column.name) for column in _QUANTITIES[:3])
        )
        .where(*_counted(account_id, start_ns, end_ns), _events.deployment == "")
        .group_by(minute, _events.model)
        .order_by(minute, _events.model)
    )
    return [MinuteTokens(**row._mapping) for row in await conn.execute(query)]


async def day_costs(conn: Connection, account_id: str) -> list[tuple[int, int]]:
    """What an account spent on each day of UTC since the epoch, in nano-USD, in order."""
    query = (
        select(spend_days.c.day, spend_days.c.cost_nano)
        .where(spend_days.c.subject == f"accounts/{account_id}")
        .order_by(spend_days.c.day)
    )
    return [(row.day, row.cost_nano) for row in await conn.execute(query)]


async def closed_until(conn: Connection, account_id: str) -> int:
    """The moment before which nothing is added to an account's time any more; 0: none is."""
    query = select(closed_periods.c.until_ns).where(closed_periods.c.account_id == account_id)
    return (await conn.execute(query)).scalar_one_or_none() or 0


async def table_totals(conn: Connection, account_id: str) -> TableTotals:
    """What an account has ever spent, once by each table that says so."""
    wheres = (
        (usage_events.c.cost_nano, usage_events.c.account_id == account_id),
        (usage_hours.c.cost_nano, usage_hours.c.account_id == account_id),
        (spend_days.c.cost_nano, spend_days.c.subject == f"accounts/{account_id}"),
    )
    events, hours, days = [
        (await conn.execute(select(_sum(cost)).where(where))).scalar_one() for cost, where in wheres
    ]
    return TableTotals(events=events, hours=hours, days=days)


def _counted(account_id: str, start_ns: int, end_ns: int) -> tuple[ColumnElement[bool], ...]:
    return (
        _events.account_id == account_id,
        _events.bill_time_ns >= start_ns,
        _events.bill_time_ns < end_ns,
        _events.outcome != Outcome.INTERRUPTED.value,
    )


def _sum(column: Column[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0).cast(BigInteger)
