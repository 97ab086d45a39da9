"""What a request asks of the limits that bind it, and how it waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hearth.limits.types import WINDOWS, Quota, hold_id
from hearth.limits.windows import NOW, window_key


class Need(NamedTuple):
    """An amount of one limit in one window."""

    hold_id: str
    quota: Quota
    window: str
    amount: int
    already: int = 0
    "What the same request holds of it."

    @property
    def is_spend(self) -> bool:
        """Whether it is money, which the ledger will count; else it is a running request."""
        return self.window != NOW


class Taken(NamedTuple):
    """The amounts that were taken for a request, by hold id; limits that are gone are left out."""

    amounts: dict[str, int]


class Room(NamedTuple):
    """The most that a request may cost now; None: nothing limits it any more."""

    nano: int | None


Answer = Taken | Room


@dataclass(kw_only=True, eq=False)
class Waiter:
    """A request that waits for the lender."""

    needs: Sequence[Need]
    answer: asyncio.Future[Answer]
    since_s: float
    is_question: bool = False
    "It takes nothing, and wants to know how much there is."
    recalled: set[str] = field(default_factory=set)
    "What it has asked others to give back, by hold id."


def spending(quotas: Sequence[Quota], amount: int, time_ns: int) -> list[Need]:
    """What a request that may cost `amount` nano-USD needs of budgets; a free one, nothing."""
    if amount == 0:
        return []
    return _needs([quota for quota in quotas if WINDOWS[quota.quota_id] != NOW], amount, time_ns)


def running(quotas: Sequence[Quota], num_requests: int, time_ns: int) -> list[Need]:
    """What requests need of the limits on how many run at once."""
    quotas = [quota for quota in quotas if WINDOWS[quota.quota_id] == NOW]
    return _needs(quotas, num_requests, time_ns)


def _needs(quotas: Sequence[Quota], amount: int, time_ns: int) -> list[Need]:
    keys = [(quota, window_key(WINDOWS[quota.quota_id], time_ns)) for quota in quotas]
    return [Need(hold_id(quota.uid, key), quota, key, amount) for quota, key in keys]
