"""Metering: what every request used, written to disk before its answer ends, then to the ledger."""

from hearth.metering.applier import Applier
from hearth.metering.journal import Journal
from hearth.metering.leases import Leases, OnDead
from hearth.metering.pace import Pace
from hearth.metering.replay import Replayed, replay
from hearth.metering.types import Begin, Lag, Outcome, Settle, UsageTotal, subjects
from hearth.metering.usage import usage_totals

__all__ = [
    "Applier",
    "Begin",
    "Journal",
    "Lag",
    "Leases",
    "OnDead",
    "Outcome",
    "Pace",
    "Replayed",
    "Settle",
    "UsageTotal",
    "replay",
    "subjects",
    "usage_totals",
]
