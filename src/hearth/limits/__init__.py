"""Limits: budgets and rates that hold over any number of gateways."""

from hearth.limits.limits import Limits, journals_in
from hearth.limits.rates import RateState
from hearth.limits.service import QuotaService, Usage
from hearth.limits.store import QUOTAS, list_quotas, release
from hearth.limits.types import SPEND_QUOTAS, WINDOWS, Quota, QuotaId, Window, subjects
from hearth.limits.wallet import NOTHING, Hold, Wallet
from hearth.limits.watch import (
    THRESHOLDS,
    Budgets,
    BudgetWatch,
    FullBudgets,
    HeldAmounts,
    Holdings,
    UsedBudget,
)

__all__ = [
    "NOTHING",
    "QUOTAS",
    "SPEND_QUOTAS",
    "THRESHOLDS",
    "WINDOWS",
    "BudgetWatch",
    "Budgets",
    "FullBudgets",
    "HeldAmounts",
    "Hold",
    "Holdings",
    "Limits",
    "Quota",
    "QuotaId",
    "QuotaService",
    "RateState",
    "Usage",
    "UsedBudget",
    "Wallet",
    "Window",
    "journals_in",
    "list_quotas",
    "release",
    "subjects",
]
