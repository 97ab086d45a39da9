"""Several gateways and what is true of them, kept by plain sums beside them.

Every step does one thing to the gateways and checks that no limit is overspent and that nobody was
refused without need. What is true is computed from the requests alone: their bounds while they
run, their costs once they have ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from hearth.accounts import Caller
from hearth.accounts.roles import Role
from hearth.errors import ApiError, PaymentRequired, Unavailable
from hearth.kit.db import Database
from hearth.limits import WINDOWS, QuotaId, QuotaService, release, subjects
from hearth.limits.types import hold_id
from hearth.limits.windows import window_key
from hearth.metering import replay
from tests.limits.gateways import Flaky, Gateway, Request, Time
from tests.limits.truth import Deed, Truth

CALLERS = [
    Caller(account_id="acme", user_id=user, key_id=key, role=Role.USER)
    for user, key in (("ada", "key-1"), ("ada", "key-2"), ("bob", "key-3"))
]
SUBJECTS = sorted({one for c in CALLERS for one in subjects(c.account_id, c.user_id, c.key_id)})
BUDGETS = [QuotaId.TOTAL_SPEND, QuotaId.MONTHLY_SPEND, QuotaId.DAILY_SPEND]
TURN_S = 0.1


class World:
    """Use `close` at the end; `gateways` are those that live."""

    def __init__(self, url: str, home: Path, num_gateways: int) -> None:
        self.url, self.home, self.time = url, home, Time()
        self.db = Database(url)
        self.service = QuotaService(self.db, lambda: self.time.now_ns)
        self.truth = Truth(self.db, self.time)
        self.known: dict[str, set[str]] = {}
        self.gone: set[str] = set()
        self.num_admitted = self.num_refused = 0
        self.gateways = [self._new() for _ in range(num_gateways)]

    def _new(self) -> Gateway:
        gateway = Gateway(Flaky(self.url), self.home, self.time)
        self.known[gateway.journal.instance] = set()
        return gateway

    async def set_limit(self, subject: str, quota_id: QuotaId, value: int | None) -> None:
        """As the service does, which returns once every gateway has answered; None: no limit."""
        if value is None:
            if self.truth.quotas.pop((subject, quota_id), None) is not None:
                await self.service.remove(subject, quota_id)
            return
        async with self.db.write() as conn:
            quota = await self.service.put(conn, subject, quota_id, value)
        self.truth.set(quota)
        await self._turns()

    async def refresh(self, gateway: Gateway) -> None:
        """Let a gateway learn what is set."""
        await gateway.limits.refresh()
        self.known[gateway.journal.instance] = {quota.uid for quota in self.truth.quotas.values()}

    async def admit(self, asks: list[tuple[Gateway, Caller, int]]) -> None:
        """Requests that come at the same moment; each is right to run, or to be refused."""
        begin_ns = self.time.now_ns
        tasks = [asyncio.create_task(g.admit(bound, caller)) for g, caller, bound in asks]
        for _ in range(200):
            await asyncio.sleep(0)
            if all(task.done() for task in tasks):
                break
            self.time.pass_s(TURN_S)
            await self._turns()
        refused = []
        for ask, task in zip(asks, tasks, strict=True):
            assert task.done(), "nobody answered"
            error = task.exception()
            if error is None:
                self._admitted(ask, task.result(), begin_ns)
            elif not isinstance(error, Unavailable):
                assert isinstance(error, ApiError), error
                refused.append((ask, error))
        self.truth.check_admitted(begin_ns)
        for ask, error in refused:
            self.num_refused += 1
            await self._check_refusal(ask, error, begin_ns)

    def _admitted(self, ask: tuple[Gateway, Caller, int], request: Request, begin_ns: int) -> None:
        gateway, caller, _ = ask
        known = self.known[gateway.journal.instance]
        uids = {
            quota.uid
            for quota in self.truth.quotas.values()
            if quota.uid in known and quota.subject in _subjects(caller)
        }
        spend = {uid for uid in uids if not self._is_running(uid)}
        assert spend <= {one.split(":")[0] for one in request.hold.ids}
        deed = Deed(request, gateway, caller, begin_ns, uids)
        self.truth.deeds.append(deed)
        self.truth.newest.append(deed)
        self.num_admitted += 1

    def _is_running(self, uid: str) -> bool:
        return any(
            quota.uid == uid and quota.quota_id is QuotaId.CONCURRENT_REQUESTS
            for quota in self.truth.quotas.values()
        )

    async def _check_refusal(
        self, ask: tuple[Gateway, Caller, int], error: ApiError, begin_ns: int
    ) -> None:
        gateway, caller, bound = ask
        known = self.known[gateway.journal.instance]
        for quota in self.truth.quotas.values():
            if quota.uid not in known or quota.subject not in _subjects(caller):
                continue
            key = window_key(WINDOWS[quota.quota_id], begin_ns)
            is_running = WINDOWS[quota.quota_id] == "now"
            need = 1 if is_running else bound
            spent = self.truth.used(quota, begin_ns, is_spent_only=True)
            if not is_running and spent + need > quota.value:
                return
            if isinstance(error, PaymentRequired):
                continue
            used = self.truth.used(quota, begin_ns)
            dead = await self._leased(hold_id(quota.uid, key), self.gone)
            if used + dead + need > quota.value:
                return
        raise AssertionError(f"refused without need: {error}")

    async def _leased(self, hold: str, instances: Iterable[str]) -> int:
        async with self.db.read() as conn:
            rows = await conn.execute(
                text("SELECT instance, amount FROM leases WHERE hold_id = :hold"), {"hold": hold}
            )
            return sum(row.amount for row in rows if row.instance in set(instances))

    async def apply(self, gateway: Gateway) -> None:
        """One round of a gateway's applier."""
        with suppress(Unavailable):
            await gateway.apply()
        await self.truth.look_at_ledger()

    async def sync(self, gateway: Gateway) -> None:
        """One turn of a gateway's keeper."""
        try:
            await gateway.sync()
        except Unavailable as error:
            gateway.limits.leases.fail_waiting(error)

    async def _turns(self) -> None:
        for gateway in self.gateways:
            if gateway.limits.leases._is_applying:
                await self.apply(gateway)  # the applier tries again by itself
            await self.sync(gateway)

    async def end_one(self, gateway: Gateway, *, well: bool) -> None:
        """Kill a gateway, or end it well though with requests that run; another one starts."""
        if not well:
            gateway.kill()
        else:
            await self.apply(gateway)
            with suppress(Unavailable):
                await gateway.limits.leases.close()
            gateway.journal.close()
        await self._gone(gateway)

    async def _gone(self, gateway: Gateway) -> None:
        await gateway.db.close()
        self.gone.add(gateway.journal.instance)
        self.truth.deeds = [
            d for d in self.truth.deeds if d.gateway is not gateway or d.cost is not None
        ]
        self.gateways[self.gateways.index(gateway)] = self._new()

    async def recover(self, gateway: Gateway) -> None:
        """A gateway looks for the dead."""
        try:
            await gateway.limits.deaths.look()
            await replay(self.home, gateway.db, release)
        except Unavailable:
            pass
        await self.truth.look_at_ledger()

    async def end(self) -> None:
        """Settle everything: all that is not spent can be held again, to the last nano-dollar."""
        for deed in self.truth.deeds:
            if deed.cost is None:
                deed.settle(deed.request.bound // 2)
        for _ in range(3):
            for gateway in self.gateways:
                gateway.break_off(None)
                await self.apply(gateway)
                await self.recover(gateway)
            self.time.pass_s(30)
            await self._turns()
        async with self.db.read() as conn:
            leases = (await conn.execute(text("SELECT * FROM leases"))).all()
            holders = (await conn.execute(text("SELECT * FROM holders"))).all()
        alive = [g.journal.instance for g in self.gateways]
        assert (leases, holders) == ([], []), f"held for nothing: {leases} {holders} {alive}"
        for gateway in self.gateways:
            await self.refresh(gateway)
        await self._hold_the_rest()

    async def _hold_the_rest(self) -> None:
        caller = CALLERS[0]
        rooms = [
            quota.value - self.truth.used(quota, self.time.now_ns)
            for quota in self.truth.quotas.values()
            if quota.subject in _subjects(caller) and WINDOWS[quota.quota_id] != "now"
        ]
        if rooms and min(rooms) > 0:
            before = self.num_admitted
            await self.admit([(self.gateways[0], caller, min(rooms))])
            assert self.num_admitted == before + self._may_run(caller)

    def _may_run(self, caller: Caller) -> bool:
        return all(
            quota.value > 0 or WINDOWS[quota.quota_id] != "now"
            for quota in self.truth.quotas.values()
            if quota.subject in _subjects(caller)
        )

    async def close(self) -> None:
        """Let go of files and connections."""
        for gateway in self.gateways:
            gateway.kill()
            await gateway.db.close()
        await self.db.close()


def _subjects(caller: Caller) -> tuple[str, str, str]:
    return subjects(caller.account_id, caller.user_id, caller.key_id)
