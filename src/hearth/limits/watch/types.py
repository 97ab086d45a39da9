"""What is told of budgets. A count of them names nobody; a single one names its account."""

from __future__ import annotations

from msgspec import Struct

from hearth.limits.types import QuotaId

THRESHOLDS = (0.5, 0.8, 0.9, 1.0)
"Shares of a budget that are worth counting."


class FullBudgets(Struct, frozen=True, kw_only=True):
    """How many budgets of a kind, of accounts, users and keys alike, are that full."""

    quota_id: QuotaId
    counts: tuple[int, ...]
    "At least as full as the threshold of the same place in `THRESHOLDS`."


class UsedBudget(Struct, frozen=True, kw_only=True):
    """How much of an account's budget is spent in the window that runs."""

    account_id: str
    quota_id: QuotaId
    share: float
    "1 is all of it."


class HeldAmounts(Struct, frozen=True, kw_only=True):
    """What a gateway holds of all limits of one kind; the sum of the three is its lease."""

    free: int
    "To be given to requests without asking."
    held: int
    "The bounds of requests that run."
    unapplied: int
    "The cost of requests that are not in the ledger yet."


class Budgets(Struct, frozen=True, kw_only=True):
    """Every budget at one moment."""

    full: tuple[FullBudgets, ...] = ()
    fullest: tuple[UsedBudget, ...] = ()
    "Of accounts, the fullest first, and no more than were asked for."
