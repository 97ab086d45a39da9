"""How full budgets are, for operators: read now and then, never by a request."""

from hearth.limits.watch.holdings import Holdings
from hearth.limits.watch.reading import BudgetWatch
from hearth.limits.watch.types import THRESHOLDS, Budgets, FullBudgets, HeldAmounts, UsedBudget

__all__ = [
    "THRESHOLDS",
    "BudgetWatch",
    "Budgets",
    "FullBudgets",
    "HeldAmounts",
    "Holdings",
    "UsedBudget",
]
