"""What is true of limits, by plain sums over the requests: no gateway is asked."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from hearth.accounts import Caller
from hearth.kit.db import Database
from hearth.limits import WINDOWS, Quota, QuotaId, subjects
from hearth.limits.windows import days_of, window_key
from hearth.metering.store import spend_days, usage_events
from tests.limits.gateways import Gateway, Request, Time

_SPEND = select(spend_days.c.subject, spend_days.c.day, spend_days.c.cost_nano)
_TOTAL = select(func.coalesce(func.sum(usage_events.c.cost_nano), 0))


@dataclass(eq=False)
class Deed:
    """A request, and what is known of it outside of the gateways."""

    request: Request
    gateway: Gateway
    caller: Caller
    begin_ns: int
    uids: set[str]
    "The limits that it is held by."
    cost: int | None = None
    "None: it runs."

    def settle(self, cost: int) -> None:
        """The request ends, by itself or not: it costs what it produced."""
        self.gateway.settle(self.request, cost)
        self.cost = cost


class Truth:
    """What is set, what runs, and what the ledger says."""

    def __init__(self, db: Database, time: Time) -> None:
        self._db, self._time = db, time
        self.quotas: dict[tuple[str, QuotaId], Quota] = {}
        self.deeds: list[Deed] = []
        "That run, or whose cost is not in the ledger."
        self.newest: list[Deed] = []
        self._ceilings: dict[tuple[str, str], int] = {}
        "What is used of limits in windows, where it is more than a limit that was lowered."
        self._unheld: dict[str, list[tuple[int, int]]] = {}
        "Costs that came to the ledger since a limit was set, of requests that it did not bind."
        self._spend: list[tuple[str, int, int]] = []
        "By subject and day, as the ledger has it."

    async def look_at_ledger(self) -> None:
        """The ledger counts what is in it: its sums by day, and they are those of its rows."""
        ended = [deed.request.id for deed in self.deeds if deed.cost is not None]
        query = select(usage_events.c.request_id).where(usage_events.c.request_id.in_(ended))
        async with self._db.read() as conn:
            applied = set((await conn.execute(query)).scalars()) if ended else set()
            self._spend = [(row[0], row[1], row[2]) for row in await conn.execute(_SPEND)]
            total = int((await conn.execute(_TOTAL)).scalar_one())
        assert sum(cost for subject, _, cost in self._spend if subject == "accounts/acme") == total
        for deed in self.deeds:
            if deed.request.id in applied:
                self._landed(deed)
        self.deeds = [deed for deed in self.deeds if deed.request.id not in applied]

    def _landed(self, deed: Deed) -> None:
        of = subjects(deed.caller.account_id, deed.caller.user_id, deed.caller.key_id)
        for quota in self.quotas.values():
            if quota.subject in of and quota.uid not in deed.uids:
                assert deed.cost is not None
                self._unheld[quota.uid].append((deed.begin_ns, deed.cost))

    def set(self, quota: Quota) -> None:
        """A limit is set, or changed: from now on whoever takes of it sees the ledger as it is."""
        self.quotas[quota.subject, quota.quota_id] = quota
        self._unheld[quota.uid] = []
        key = window_key(WINDOWS[quota.quota_id], self._time.now_ns)
        self._ceilings[quota.uid, key] = self.used(quota, self._time.now_ns)

    def used(self, quota: Quota, time_ns: int, *, is_spent_only: bool = False) -> int:
        """Spent in a window, and held by those that run."""
        key = window_key(WINDOWS[quota.quota_id], time_ns)
        total = self._spent(quota.subject, days_of(key))
        for deed in self.deeds:
            if quota.uid not in deed.uids:
                continue
            if window_key(WINDOWS[quota.quota_id], deed.begin_ns) != key:
                continue
            if key == "now":
                total += deed.cost is None
            elif deed.cost is not None:
                total += deed.cost
            elif not is_spent_only:
                total += deed.request.bound
        return total

    def _spent(self, subject: str, days: range) -> int:
        return sum(cost for of, day, cost in self._spend if of == subject and day in days)

    def spent(self, subject: str) -> int:
        """In the present month."""
        return self._spent(subject, days_of(window_key("month", self._time.now_ns)))

    def check(self) -> None:
        """What must be true after every step."""
        for quota in self.quotas.values():
            key = window_key(WINDOWS[quota.quota_id], self._time.now_ns)
            bound = self._bound(quota, self._time.now_ns)
            ceiling = max(quota.value, self._ceilings.get((quota.uid, key), 0))
            assert bound <= ceiling, f"overspent: {bound} of {quota}"
            self._ceilings[quota.uid, key] = bound

    def _bound(self, quota: Quota, time_ns: int) -> int:
        """What is used, without the costs that nobody could know of."""
        window = WINDOWS[quota.quota_id]
        key = window_key(window, time_ns)
        late = (cost for at, cost in self._unheld[quota.uid] if window_key(window, at) == key)
        return self.used(quota, time_ns) - (sum(late) if key != "now" else 0)

    def check_admitted(self, begin_ns: int) -> None:
        """Whoever was admitted was so within every limit that binds him."""
        uids = {uid for deed in self.newest for uid in deed.uids}
        self.newest = []
        for quota in self.quotas.values():
            if quota.uid in uids:
                bound = self._bound(quota, begin_ns)
                assert bound <= quota.value, f"overspent: {bound} of {quota}"
