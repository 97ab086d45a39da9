"""Lends this process its parts of limits that all gateways share.

Requests take from allowances in memory. Only when one is too small does the lender go to the
database, for all that wait in one transaction. It answers recalls, gives back what lies idle and
says that it lives. Nothing here counts money: what is spent is summed from the ledger.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from hearth.errors import ApiError, Unavailable
from hearth.kit.db import Connection, Database
from hearth.limits import store
from hearth.limits.allowance import Allowance
from hearth.limits.deaths import LEASE_S
from hearth.limits.needs import Answer, Need, Room, Taken, Waiter
from hearth.limits.rounds import WAIT_LIMIT_S, Position, Round
from hearth.limits.windows import days_of

RENEW_S = LEASE_S / 4
IDLE_S = 1.0  # what nobody took of for so long goes back
DECAY_S = 1.0
ANSWER_LIMIT_S = 5.0
MAX_WAITERS = 256  # in one transaction, which must stay short

Uptime = Callable[[], float]


def uptime() -> float:
    """Seconds since the machine started, those in which it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lender:
    """Owns every allowance of this process; see `metering.Leases` for `lock`, `write`, `written`.

    Args:
        instance: the journal's, by which others tell whether this process lives.
    """

    def __init__(self, db: Database, instance: str, clock: Uptime = uptime) -> None:
        self._db = db
        self.instance = instance
        self.uptime = clock
        self.wake = asyncio.Event()
        "Set when somebody waits; the reader clears it."
        self._lock = asyncio.Lock()
        self.allowances: dict[str, Allowance] = {}
        "By hold id; of others to read only."
        self._waiters: list[Waiter] = []
        self.is_holder = False
        "Whether the database says that this process holds anything."
        self.good_until_s = 0.0
        self._renew_s = 0.0
        self._decay_s = 0.0
        self._is_applying = False
        self._is_closing = False

    @property
    def lock(self) -> asyncio.Lock:
        """Held around every transaction that writes what this process holds."""
        return self._lock

    async def write(self, conn: Connection, spent: Mapping[str, int]) -> None:
        """See `metering.Leases`."""
        self._is_applying = True
        held = {hold_id: self.allowances.get(hold_id) for hold_id in spent}
        amounts = {
            hold_id: max(0, allowance.granted - spent[hold_id])
            for hold_id, allowance in held.items()
            if allowance is not None
        }
        await store.shrink_leases(conn, self.instance, amounts)

    def written(self, spent: Mapping[str, int]) -> None:
        """See `metering.Leases`."""
        self._is_applying = False
        for hold_id, cost in spent.items():
            if (allowance := self.allowances.get(hold_id)) is not None:
                allowance.applied(cost)

    @property
    def is_good(self) -> bool:
        """Whether nobody can have taken us for dead: what is in memory may be given out."""
        return self.uptime() < self.good_until_s

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to look after."""
        return not (self.is_holder or self.allowances or self._waiters)

    @property
    def longest_wait_s(self) -> float:
        """How long somebody has been waiting."""
        return max((self.uptime() - w.since_s for w in self._waiters), default=0.0)

    def find(self, hold_id: str) -> Allowance | None:
        """What there is here of a limit in a window."""
        return self.allowances.get(hold_id)

    async def take(self, needs: Sequence[Need]) -> Taken:
        """Hold all of it, or nothing.

        Raises:
            PaymentRequired: what is spent leaves too little.
            RateLimited: what runs leaves too little.
            Unavailable: the database cannot be reached.
        """
        answer = await self._ask(needs)
        assert isinstance(answer, Taken)
        return answer

    async def room(self, needs: Sequence[Need]) -> int | None:
        """The most that could be taken now of every one of these limits; None: no limit."""
        answer = await self._ask(needs, is_question=True)
        assert isinstance(answer, Room)
        return answer.nano

    async def _ask(self, needs: Sequence[Need], *, is_question: bool = False) -> Answer:
        if self._is_closing:
            raise Unavailable("Hearth is stopping.", retry_after_s=1)
        waiter = Waiter(
            needs=needs,
            answer=asyncio.get_running_loop().create_future(),
            since_s=self.uptime(),
            is_question=is_question,
        )
        self._waiters.append(waiter)
        self.wake.set()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return await waiter.answer
        except TimeoutError as error:
            self._undo(waiter)
            raise Unavailable(
                "The limits of this key cannot be checked: the database is slow.", retry_after_s=1
            ) from error
        except asyncio.CancelledError:
            self._undo(waiter)
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def fail_waiting(self, error: ApiError, *, min_age_s: float = WAIT_LIMIT_S) -> None:
        """Tell those that have waited for so long."""
        now_s = self.uptime()
        for waiter in self._waiters:
            if now_s - waiter.since_s >= min_age_s and not waiter.answer.done():
                waiter.answer.set_exception(error)

    async def sync(self) -> None:
        """One round, if there is anything to do in it.

        Raises:
            Unavailable: the database cannot be reached.
        """
        async with self._lock:
            now_s = self.uptime()
            if now_s - self._decay_s >= DECAY_S:
                self._decay_s = now_s
                for allowance in self.allowances.values():
                    allowance.demand //= 2
            if self._has_work(now_s) or await self._is_recalled():
                await self._round(now_s)

    async def close(self) -> None:
        """Give back what is not in use, and take nothing any more.

        What is settled and not in the ledger stays leased, until a replay of the journal.

        Raises:
            Unavailable: the database cannot be reached; the others wait until we are silent.
        """
        self._is_closing = True
        self.fail_waiting(Unavailable("Hearth is stopping.", retry_after_s=1), min_age_s=0.0)
        self._waiters.clear()
        if self.is_holder:
            async with self._lock:
                await self._round(self.uptime())

    def _has_work(self, now_s: float) -> bool:
        is_renewal = self.is_holder and now_s >= self._renew_s
        return bool(self._waiters) or is_renewal or any(self._stale(now_s))

    async def _is_recalled(self) -> bool:
        if not self.is_holder:
            return False
        async with store.retryable(self._db.read()) as conn:
            return bool(await store.recalled(conn, self.instance))

    async def _round(self, now_s: float) -> None:
        waiters = [waiter for waiter in self._waiters if not waiter.answer.done()][:MAX_WAITERS]
        turn = Round({}, now_s, may_refuse=not self._is_applying)
        try:
            async with store.retryable(self._db.write()) as conn:
                stays = await self._transact(conn, turn, waiters)
        except BaseException:
            turn.failed()
            raise
        turn.committed()
        self.is_holder = stays
        self.good_until_s = now_s + LEASE_S
        self._renew_s = now_s + RENEW_S
        for waiter, answer in turn.answers:
            self._answer(waiter, answer, now_s)
        for hold_id in turn.positions:
            if self.allowances[hold_id].is_empty:
                del self.allowances[hold_id]

    async def _transact(self, conn: Connection, turn: Round, waiters: list[Waiter]) -> bool:
        """Returns whether we hold anything afterwards."""
        expire_time_ns = time.time_ns() + int(LEASE_S * 1e9)
        is_known = await store.renew(conn, self.instance, expire_time_ns)
        returned = set(self._stale(turn.now_s))
        if self.is_holder and not is_known:  # we were taken for dead
            returned |= set(self.allowances)
        returned |= set(await store.recalled(conn, self.instance)) if is_known else set()
        positions = await self._needed(conn, waiters)
        # No waiting from here to the decision: it must see what is in use now.
        for hold_id in returned - set(positions):
            positions[hold_id] = Position(hold_id=hold_id, allowance=self._allowance(hold_id))
        turn.positions.update(positions)
        for hold_id in returned:
            positions[hold_id].give_back()
        turn.decide(waiters)
        await store.write_leases(conn, self.instance, [p.row() for p in positions.values()])
        recalled = {hold_id for _, hold_id in turn.recalls}
        await store.recall(conn, self.instance, recalled)
        if stays := self._stays(positions):
            return stays
        await store.release(conn, self.instance)
        return False

    async def _needed(self, conn: Connection, waiters: Iterable[Waiter]) -> dict[str, Position]:
        needs = {need.hold_id: need for waiter in waiters for need in waiter.needs}
        if not needs:
            return {}
        values = await store.lock_quotas(conn, {need.quota.uid for need in needs.values()})
        read = {}
        for hold_id, need in needs.items():
            read[hold_id] = await store.figures(
                conn,
                self.instance,
                hold_id,
                subject=need.quota.subject,
                days=days_of(need.window),
            )
        return {
            hold_id: Position(
                hold_id=hold_id,
                allowance=self._allowance(hold_id),
                value=values.get(need.quota.uid),
                figures=read[hold_id],
            )
            for hold_id, need in needs.items()
        }

    def _allowance(self, hold_id: str) -> Allowance:
        return self.allowances.setdefault(hold_id, Allowance())

    def _stale(self, now_s: float) -> Iterable[str]:
        """Allowances to be written anew: idle, overdrawn, in doubt, or marked without need."""
        waited = {need.hold_id for waiter in self._waiters for need in waiter.needs}
        for hold_id, allowance in self.allowances.items():
            is_idle = self._is_closing or now_s - allowance.used_s >= IDLE_S
            is_marked = allowance.is_wanted and hold_id not in waited
            is_unneeded = allowance.is_empty or (allowance.free > 0 and is_idle)
            if is_unneeded or is_marked or allowance.free < 0 or allowance.is_doubtful:
                yield hold_id

    def _stays(self, positions: Mapping[str, Position]) -> bool:
        untouched = self.allowances.keys() - positions.keys()
        return bool(untouched) or any(p.target or p.is_short for p in positions.values())

    def _answer(self, waiter: Waiter, answer: Answer | ApiError, now_s: float) -> None:
        if waiter.answer.done():
            return  # it has left; what it would have got is free
        if isinstance(answer, ApiError):
            waiter.answer.set_exception(answer)
            return
        if isinstance(answer, Taken):
            for hold_id, amount in answer.amounts.items():
                self._allowance(hold_id).hold(amount, now_s)
        waiter.answer.set_result(answer)

    def _undo(self, waiter: Waiter) -> None:
        """Free what was taken for one that left before it heard of it."""
        answer = waiter.answer
        if answer.done() and not answer.cancelled() and answer.exception() is None:
            taken = answer.result()
            if isinstance(taken, Taken):
                for hold_id, amount in taken.amounts.items():
                    self._allowance(hold_id).settle(amount, 0)
