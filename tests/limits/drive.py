"""What can happen to gateways, in random order from a seed."""

from __future__ import annotations

from random import Random

from hearth.limits import QuotaId, subjects
from hearth.limits.windows import DAY_NS
from tests.limits.gateways import Gateway
from tests.limits.world import BUDGETS, CALLERS, SUBJECTS, World

MAX_RUNNING = 30


class Drive:
    """Takes one step after another; the same seed takes the same steps."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = Random(seed)
        self._steps = {
            self._admit: 40,
            self._settle: 30,
            self._apply: 10,
            self._sync: 10,
            self._pass_time: 4,
            self._break_off: 2,
            self._limit: 5,
            self._lower_under_way: 2,
            self._refresh: 2,
            self._crash: 1,
            self._recover: 2,
            self._stop: 1,
            self._admit_together: 5,
        }

    async def set_out(self) -> None:
        """The first limits, known to every gateway."""
        for subject in (SUBJECTS[0], SUBJECTS[1], SUBJECTS[-1]):
            await self.world.set_limit(subject, self.random.choice(BUDGETS), 1_000)
        await self.world.set_limit(SUBJECTS[0], QuotaId.CONCURRENT_REQUESTS, 8)
        for gateway in self.world.gateways:
            await self.world.refresh(gateway)

    async def step(self) -> None:
        """Do one thing, and check all."""
        [what] = self.random.choices(list(self._steps), list(self._steps.values()))
        await what()
        self.world.truth.check()

    def _gateway(self) -> Gateway:
        return self.random.choice(self.world.gateways)

    def _bound(self) -> int:
        return self.random.choice([1, 2, 7, 30, 100, 350, self.random.randint(1, 1_200)])

    async def _admit(self) -> None:
        if len(self.world.truth.deeds) < MAX_RUNNING:
            ask = (self._gateway(), self.random.choice(CALLERS), self._bound())
            await self.world.admit([ask])

    async def _admit_together(self) -> None:
        asks = [
            (self._gateway(), self.random.choice(CALLERS), self._bound())
            for _ in range(self.random.randint(2, 6))
        ]
        await self.world.admit(asks)

    async def _settle(self) -> None:
        running = [deed for deed in self.world.truth.deeds if deed.cost is None]
        if running:
            deed = self.random.choice(running)
            bound = deed.request.bound
            deed.settle(self.random.choice([0, bound, self.random.randint(0, bound)]))

    async def _apply(self) -> None:
        await self.world.apply(self._gateway())

    async def _sync(self) -> None:
        await self.world.sync(self._gateway())

    async def _pass_time(self) -> None:
        world = self.world
        kind = self.random.randrange(12)
        if kind == 0:  # to just before midnight, or just after
            left_ns = DAY_NS - world.time.now_ns % DAY_NS
            world.time.pass_s(left_ns / 1e9 + self.random.choice([-0.01, 0.0]))
        elif kind == 1:
            world.time.pass_s(28 * 86_400)
        else:
            world.time.pass_s(self.random.choice([0.1, 0.6, 1.5, 4.0]))
        for gateway in world.gateways:
            await world.sync(gateway)

    async def _break_off(self) -> None:
        self._gateway().break_off(self.random.choice(["before", "after"]))

    async def _limit(self) -> None:
        subject = self.random.choice(SUBJECTS)
        quota_id = self.random.choice([*BUDGETS, QuotaId.CONCURRENT_REQUESTS])
        if self.random.randrange(4) == 0:
            await self.world.set_limit(subject, quota_id, None)
        elif quota_id is QuotaId.CONCURRENT_REQUESTS:
            await self.world.set_limit(subject, quota_id, self.random.randint(0, 10))
        else:
            spread = self.random.choice([0, 10, 500, 3_000])
            value = self.world.truth.spent(subject) + self.random.randint(0, spread)
            await self.world.set_limit(subject, quota_id, value)

    async def _lower_under_way(self) -> None:
        """What a request that runs holds is more than a limit from now on; another one follows."""
        running = [deed for deed in self.world.truth.deeds if deed.cost is None]
        if running:
            deed = self.random.choice(running)
            bound, caller = deed.request.bound, deed.caller
            subject = self.random.choice(subjects(caller.account_id, caller.user_id, caller.key_id))
            value = self.world.truth.spent(subject) + self.random.randint(0, bound)
            await self.world.set_limit(subject, self.random.choice(BUDGETS), value)
            deed.settle(self.random.choice([0, bound // 2]))
            await self.world.admit([(deed.gateway, caller, self.random.randint(1, bound))])

    async def _refresh(self) -> None:
        await self.world.refresh(self._gateway())

    async def _crash(self) -> None:
        await self.world.end_one(self._gateway(), well=False)

    async def _stop(self) -> None:
        await self.world.end_one(self._gateway(), well=True)

    async def _recover(self) -> None:
        await self.world.recover(self._gateway())
