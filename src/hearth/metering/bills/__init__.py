"""What bills are made of: the ledger read by price, by quantities, by minute and by day."""

from hearth.metering.bills.store import (
    bill_lines,
    closed_until,
    day_costs,
    like_events,
    minute_tokens,
    table_totals,
)
from hearth.metering.bills.types import BillLine, LikeEvents, MinuteTokens, TableTotals

__all__ = [
    "BillLine",
    "LikeEvents",
    "MinuteTokens",
    "TableTotals",
    "bill_lines",
    "closed_until",
    "day_costs",
    "like_events",
    "minute_tokens",
    "table_totals",
]
