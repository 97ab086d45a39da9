"""Limits: budgets and rates that hold over any number of gateways."""

from hearth.limits.types import WINDOWS, QuotaId, Window
from hearth.limits.watch import (
    THRESHOLDS,
    Budgets,
    BudgetWatch,
    FullBudgets,
    HeldAmounts,
    UsedBudget,
)

__all__ = [
    "THRESHOLDS",
    "WINDOWS",
    "BudgetWatch",
    "Budgets",
    "FullBudgets",
    "HeldAmounts",
    "QuotaId",
    "UsedBudget",
    "Window",
]
