"""Reports: what the ledger says, summed or row by row, and the proof that its sums are right."""

from hearth.metering.reports.days import day_starts
from hearth.metering.reports.sums import usage_rows, usage_sums
from hearth.metering.reports.types import (
    Difference,
    Dimension,
    LedgerCheck,
    UsageQuery,
    UsageRow,
    UsageSum,
)
from hearth.metering.reports.verify import verify

__all__ = [
    "Difference",
    "Dimension",
    "LedgerCheck",
    "UsageQuery",
    "UsageRow",
    "UsageSum",
    "day_starts",
    "usage_rows",
    "usage_sums",
    "verify",
]
