"""What this gateway holds of the limits, added up by kind: a scrape names nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from hearth.limits.allowance import Allowance
from hearth.limits.types import QuotaId
from hearth.limits.watch.types import HeldAmounts


class _Lender(Protocol):
    allowances: dict[str, Allowance]
    is_holder: bool
    good_until_s: float
    uptime: Callable[[], float]


class Holdings:
    """Reads the memory of a lender.

    Args:
        lender: of this process.
        kinds: the kind of every limit that is set, by its uid.
    """

    def __init__(self, lender: _Lender, kinds: Callable[[], Mapping[str, QuotaId]]) -> None:
        self._lender = lender
        self._kinds = kinds

    def amounts(self) -> dict[QuotaId, HeldAmounts]:
        """By kind; limits that were removed while something was held of them are left out."""
        free: Counter[QuotaId] = Counter()
        held: Counter[QuotaId] = Counter()
        unapplied: Counter[QuotaId] = Counter()
        kinds = self._kinds()
        for hold_id, allowance in self._lender.allowances.items():
            quota_id = kinds.get(hold_id.partition(":")[0])
            if quota_id is not None:
                free[quota_id] += allowance.free
                held[quota_id] += allowance.held
                unapplied[quota_id] += allowance.unapplied
        return {
            quota_id: HeldAmounts(
                free=free[quota_id], held=held[quota_id], unapplied=unapplied[quota_id]
            )
            for quota_id in free
        }

    @property
    def expires_in_s(self) -> float | None:
        """Until it stops to give out of what it holds, unless it reaches the database again; None
        while it holds nothing."""
        if not self._lender.is_holder:
            return None
        return max(0.0, self._lender.good_until_s - self._lender.uptime())
