"""Shares rates among gateways: buckets in the database, small chunks and reports of use here.

Requests are never admitted beyond a bucket, over all gateways. A chunk is at most a sixteenth of
what is left and goes back when it lies idle; what a dead gateway had of it is refilled in a minute.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hearth.errors import ApiError, RateLimited, Unavailable
from hearth.kit.db import Connection, Database
from hearth.limits import store
from hearth.limits.deaths import LEASE_S
from hearth.limits.rates import CHUNK_PARTS, FRESH_S, SKEW_NS, Meter, refilled, wait_s
from hearth.limits.refusals import sentence_of
from hearth.limits.types import Quota

IDLE_S = 0.2  # a chunk of requests that nobody took of for so long goes back
DECAY_S = 1.0
REPORT_S = 0.5  # less than what is known of a bucket is good for
ANSWER_LIMIT_S = 5.0


@dataclass(kw_only=True, eq=False)
class Asker:
    """Requests that wait for a look at the buckets."""

    meters: Sequence[Meter]
    num_requests: int
    answer: asyncio.Future[None]


@dataclass(kw_only=True)
class Turn:
    """One bucket within a transaction."""

    meter: Meter
    level: float
    debit: int
    used: int = 0
    chunk: int = 0


class Pacer:
    """Owns the meters of this process.

    Args:
        uptime: seconds that only ever grow.
        clock_ns: the time by which buckets refill.
        wake: set when somebody waits.
    """

    def __init__(
        self,
        db: Database,
        uptime: Callable[[], float],
        wake: asyncio.Event,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._db = db
        self._uptime = uptime
        self._wake = wake
        self._clock_ns = clock_ns
        self._meters: dict[str, Meter] = {}
        self._askers: list[Asker] = []
        self._lock = asyncio.Lock()
        self._decay_s = 0.0
        self._is_away = False
        "Whether the database did not answer when it was last asked."

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to report, and nothing to wait for."""
        is_used = any(m.chunk or m.debit for m in self._meters.values())
        return not (self._askers or self._is_away or is_used)

    def covers(self, meters: Sequence[Meter], num_requests: int, now_ns: int) -> bool:
        """Whether requests may run without a look at the buckets.

        While the database is away, what was last known of them is good as long as leases are.
        """
        now_s, stale_s = self._uptime(), LEASE_S if self._is_away else FRESH_S
        return all(meter.covers(num_requests, now_s, now_ns, stale_s) for meter in meters)

    def meter(self, quota: Quota) -> Meter:
        """The meter of a rate, with the limit as it is now."""
        meter = self._meters.setdefault(quota.uid, Meter(quota))
        meter.quota = quota
        return meter

    def keep_only(self, uids: set[str]) -> None:
        """Forget the rates that are limited no more."""
        self._meters = {uid: meter for uid, meter in self._meters.items() if uid in uids}

    async def take(self, meters: Sequence[Meter], num_requests: int) -> None:
        """Let requests run, or raise; when it raises nothing is taken.

        Raises:
            RateLimited: a bucket is empty; it says when it no longer will be.
            Unavailable: the database cannot be reached.
        """
        answer = asyncio.get_running_loop().create_future()
        asker = Asker(meters=meters, num_requests=num_requests, answer=answer)
        self._askers.append(asker)
        self._wake.set()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                await answer
        except (Unavailable, TimeoutError) as error:
            self._is_away = True
            if not self.covers(meters, num_requests, self._clock_ns()):
                raise _unchecked(error) from error
            for meter in meters:
                meter.take(num_requests, self._uptime())
        finally:
            if asker in self._askers:
                self._askers.remove(asker)

    def fail_waiting(self, error: ApiError) -> None:
        """Tell everyone that waits."""
        for asker in self._askers:
            if not asker.answer.done():
                asker.answer.set_exception(error)

    async def sync(self) -> None:
        """Report what was used, take what is asked for, learn what the others used.

        Raises:
            Unavailable: the database cannot be reached.
        """
        async with self._lock:
            askers = [asker for asker in self._askers if not asker.answer.done()]
            now_s = self._uptime()
            self._decay(now_s)
            meters = {m.quota.uid: m for asker in askers for m in asker.meters}
            meters |= {uid: m for uid, m in self._meters.items() if _is_due(m, now_s)}
            if meters or self._is_away:
                await self._try_round(askers, meters, now_s)

    def _decay(self, now_s: float) -> None:
        """Forget half of the demand every second: a chunk is for about a second to come."""
        if now_s - self._decay_s >= DECAY_S:
            self._decay_s = now_s
            for meter in self._meters.values():
                meter.demand //= 2

    async def close(self) -> None:
        """Report the rest; raises `Unavailable`."""
        for meter in self._meters.values():
            meter.used_s = -math.inf
        await self.sync()

    async def _try_round(self, askers: list[Asker], meters: dict[str, Meter], now_s: float) -> None:
        try:
            await self._round(askers, meters, now_s)
        except Unavailable:
            self._is_away = True
            raise
        self._is_away = False

    async def _round(self, askers: list[Asker], meters: dict[str, Meter], now_s: float) -> None:
        now_ns = self._clock_ns()
        async with store.retryable(self._db.write()) as conn:
            turns = await self._turns(conn, meters, now_ns)
            refusals = [(asker, _decide(asker, turns)) for asker in askers]
            for turn in turns.values():
                _lend(turn)
            await store.write_levels(conn, {uid: t.level for uid, t in turns.items()}, now_ns)
        for turn in turns.values():
            meter = turn.meter
            meter.level, meter.time_ns, meter.seen_s = turn.level, now_ns, now_s
            meter.chunk += turn.chunk
            meter.debit -= turn.debit
        for asker, refusal in refusals:
            _answer(asker, refusal)

    async def _turns(
        self, conn: Connection, meters: dict[str, Meter], now_ns: int
    ) -> dict[str, Turn]:
        values = await store.lock_quotas(conn, meters.keys())
        levels = await store.read_levels(conn, values.keys())
        turns = {}
        for uid, value in values.items():
            meter = meters[uid]
            level, time_ns = levels.get(uid, (float(value), now_ns))
            if time_ns > now_ns + SKEW_NS:
                time_ns = now_ns
            level = refilled(level, time_ns, now_ns, value) - meter.debit
            # Until the commit there is no chunk: what it had is back in the bucket.
            turns[uid] = Turn(meter=meter, level=level + meter.chunk, debit=meter.debit)
            meter.chunk = 0
        return turns


def _is_due(meter: Meter, now_s: float) -> bool:
    """Whether its use is to be reported; far from empty, the others need not know at once."""
    if meter.debit > 0:
        is_plenty = 2 * (meter.level - meter.debit) > meter.quota.value
        return not is_plenty or now_s - meter.seen_s >= REPORT_S
    return meter.chunk > 0 and now_s - meter.used_s >= IDLE_S


def _decide(asker: Asker, turns: dict[str, Turn]) -> RateLimited | None:
    for meter in asker.meters:
        turn = turns.get(meter.quota.uid)  # none: the limit is gone
        needed = asker.num_requests if meter.is_requests else 0
        if turn is not None and (turn.level < needed or turn.level <= 0):
            return _refusal(meter, turn.level, max(needed, 1))
    for meter in asker.meters:
        if (turn := turns.get(meter.quota.uid)) is not None and meter.is_requests:
            turn.level -= asker.num_requests
            turn.used += asker.num_requests
    return None


def _lend(turn: Turn) -> None:
    """Take a little more than was asked, for the requests to come."""
    if turn.used:
        turn.meter.demand += turn.used
        turn.chunk = max(0, min(turn.meter.demand, int(turn.level) // CHUNK_PARTS))
        turn.level -= turn.chunk


def _answer(asker: Asker, refusal: RateLimited | None) -> None:
    if not asker.answer.done():
        if refusal is not None:
            asker.answer.set_exception(refusal)
        else:
            asker.answer.set_result(None)


def _unchecked(error: Unavailable | TimeoutError) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    return Unavailable(
        "The limits of this key cannot be checked: the database is slow.", retry_after_s=1
    )


def _refusal(meter: Meter, level: float, needed: float) -> RateLimited:
    quota = meter.quota
    limit = sentence_of(quota.quota_id, quota.subject)
    retry_s = wait_s(level, needed, quota.value)
    return RateLimited(
        f"{limit} is {quota.value}, and is used up. "
        f"Try again in {math.ceil(retry_s)} s, or have the limit raised.",
        retry_after_s=retry_s,
        limit=quota.quota_id,
    )
