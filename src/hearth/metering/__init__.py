"""Metering: what every request used, written to disk before its answer ends, then to the ledger."""

from hearth.metering.applier import Applier
from hearth.metering.clock import LedgerClock
from hearth.metering.journal import Journal
from hearth.metering.leases import Leases, OnDead
from hearth.metering.ledger import close_period, post
from hearth.metering.pace import Pace
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
    "Difference",
    "Dimension",
    "Event",
    "Journal",
    "Lag",
    "Leases",
    "LedgerCheck",
    "LedgerClock",
    "OnDead",
    "Outcome",
    "Pace",
    "Replayed",
    "Settle",
    "UsageQuery",
    "UsageRow",
    "UsageSum",
    "close_period",
    "day_starts",
    "post",
    "replay",
    "subjects",
    "usage_rows",
    "usage_sums",
    "verify",
]
