"""Metering: what every request used, written to disk before its answer ends, then to the ledger."""

from hearth.metering.applier import Applier
from hearth.metering.journal import Journal
from hearth.metering.replay import Replayed, replay
from hearth.metering.types import Begin, Lag, Outcome, Settle, UsageTotal
from hearth.metering.usage import usage_totals

__all__ = [
    "Applier",
    "Begin",
    "Journal",
    "Lag",
    "Outcome",
    "Replayed",
    "Settle",
    "UsageTotal",
    "replay",
    "usage_totals",
]
