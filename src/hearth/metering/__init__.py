"""Metering: what every request used, written to disk before its answer ends, then to the ledger."""

from hearth.metering.applier import Applier
from hearth.metering.bills import (
    BillLine,
    LikeEvents,
    MinuteTokens,
    TableTotals,
    bill_lines,
    closed_until,
    day_costs,
    like_events,
    minute_tokens,
    table_totals,
)
from hearth.metering.clock import LedgerClock
from hearth.metering.journal import Journal
from hearth.metering.leases import Leases, OnDead
from hearth.metering.ledger import close_period, post
from hearth.metering.pace import Pace
from hearth.metering.recovery import Recovery
from hearth.metering.replay import Replayed, replay
from hearth.metering.reports import (
    Difference,
    Dimension,
    LedgerCheck,
    UsageQuery,
    UsageRow,
    UsageSum,
    day_starts,
    usage_rows,
    usage_sums,
    verify,
)
from hearth.metering.types import Begin, Event, Lag, Outcome, Settle, subjects

__all__ = [
    "Applier",
    "Begin",
    "BillLine",
    "Difference",
    "Dimension",
    "Event",
    "Journal",
    "Lag",
    "Leases",
    "LedgerCheck",
    "LedgerClock",
    "LikeEvents",
    "MinuteTokens",
    "OnDead",
    "Outcome",
    "Pace",
    "Recovery",
    "Replayed",
    "Settle",
    "TableTotals",
    "UsageQuery",
    "UsageRow",
    "UsageSum",
    "bill_lines",
    "close_period",
    "closed_until",
    "day_costs",
    "day_starts",
    "like_events",
    "minute_tokens",
    "post",
    "replay",
    "subjects",
    "table_totals",
    "usage_rows",
    "usage_sums",
    "verify",
]
