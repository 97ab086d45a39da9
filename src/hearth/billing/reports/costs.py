"""What was spent, by day and in all."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct

from hearth.billing.money import Money, to_money
from hearth.billing.times import Span
from hearth.kit.clock import from_ns
from hearth.kit.db import Database
from hearth.metering import UsageQuery, day_costs, day_starts, usage_sums


class CostDataItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """The cost of a day; credit is applied by month, so the total is the subtotal."""

    subtotal: Money
    total: Money
    start_time: datetime
    end_time: datetime


async def costs_by_day(
    db: Database, account_id: str, span: Span, zone: ZoneInfo, *, cumulative: bool
) -> list[CostDataItem]:
    """The cost of each day of a zone, cut to the span; with `cumulative` all since its start."""
    splits = day_starts(span.start_ns, span.end_ns, zone)
    query = UsageQuery(
        account_id=account_id, start_ns=span.start_ns, end_ns=span.end_ns, splits_ns=splits
    )
    costs = {row.start_ns: row.cost_nano for row in await usage_sums(db, query)}
    items: list[CostDataItem] = []
    before = 0
    for start, end in pairwise((span.start_ns, *splits, span.end_ns)):
        cost = costs.get(start, 0)
        before += cost
        amount = to_money(before if cumulative else cost)
        items.append(
            CostDataItem(
                subtotal=amount, total=amount, start_time=from_ns(start), end_time=from_ns(end)
            )
        )
    return items


async def total_spend(db: Database, account_id: str) -> int:
    """All that an account has ever spent, in nano-USD."""
    async with db.read() as conn:
        return sum(cost for _, cost in await day_costs(conn, account_id))
