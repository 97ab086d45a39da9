"""What an account used between any two moments: whole hours from sums, their edges from rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise

from msgspec import convert

from hearth.kit.db import Database
from hearth.metering.reports import store
from hearth.metering.reports.types import Dimension, UsageQuery, UsageRow, UsageSum
from hearth.metering.store import COUNTED, retryable
from hearth.metering.summing import HOUR_NS

PAGE_ROWS = 10_000

_COLUMNS: dict[Dimension, tuple[str, ...]] = {
    "model": ("model",),
    "key": ("key_id",),
    "user": ("user_id",),
    "deployment": ("deployment",),
    "unit": ("unit",),
    "price": ("price_version", "price"),
}


async def usage_sums(db: Database, query: UsageQuery) -> list[UsageSum]:
    """Sum what counts in each interval, in the order of time and names; empty sums are left out.

    Raises:
        Unavailable: the database cannot be reached.
    """
    columns = [name for one in dict.fromkeys(query.group_by) for name in _COLUMNS[one]]
    moments = query.moments_ns
    hours, edges = _split(moments)
    async with retryable(db.read()) as conn:
        rows = await store.sums(conn, query.account_id, columns, hours, edges)
    names = ["start_ns", *columns, "num_events", *COUNTED]
    rows = [(moments[int(row[0])], *row[1:]) for row in rows]
    rows.sort(key=lambda row: row[: len(columns) + 1])
    return [convert(dict(zip(names, row, strict=True)), UsageSum, strict=False) for row in rows]


async def usage_rows(
    db: Database, account_id: str, start_ns: int, end_ns: int, *, page_rows: int = PAGE_ROWS
) -> AsyncGenerator[list[UsageRow]]:
    """Every row that counts in the half-open interval, by billing time, in pages.

    Rows of a closed period never change; of an open one, some that come while this reads may be
    missing.

    Raises:
        Unavailable: the database cannot be reached.
    """
    after = (start_ns, "")
    while True:
        async with retryable(db.read()) as conn:
            rows = await store.page(conn, account_id, after, end_ns, page_rows)
        if rows:
            yield rows
        if len(rows) < page_rows:
            return
        after = (rows[-1].bill_time_ns, rows[-1].request_id)


def _split(moments: tuple[int, ...]) -> tuple[list[store.Span], list[store.Span]]:
    """Each interval as whole hours and the nanoseconds before and after them."""
    hours: list[store.Span] = []
    edges: list[store.Span] = []
    for number, (start, end) in enumerate(pairwise(moments)):
        low, high = -(-start // HOUR_NS), end // HOUR_NS
        if low >= high:
            edges.append((number, start, end))
            continue
        hours.append((number, low, high))
        edges += [(number, start, low * HOUR_NS), (number, high * HOUR_NS, end)]
    return hours, [edge for edge in edges if edge[1] < edge[2]]
