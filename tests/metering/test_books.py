"""Whatever happens to the ledger, in whatever order: its sums are what its rows add up to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from random import Random

import pytest
from sqlalchemy import RowMapping

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import (
    Begin,
    Dimension,
    Event,
    Outcome,
    Settle,
    UsageQuery,
    close_period,
    post,
    usage_sums,
    verify,
)
from hearth.metering.ledger import apply, interrupted
from hearth.metering.types import Entry
from tests.metering.holding import DoubtfulDatabase
from tests.metering.ledgers import rows
from tests.metering.records import START_NS

HOUR_NS = 3_600 * 10**9
SPAN_NS = 60 * HOUR_NS
ACCOUNTS = ("acme", "other")
DIMENSIONS: dict[Dimension, str] = {
    "model": "model",
    "key": "key_id",
    "user": "user_id",
    "deployment": "deployment",
    "unit": "unit",
}
COUNTED = ("prompt_tokens", "cached_tokens", "completion_tokens", "units", "cost_nano")


class Books:
    """A ledger, what was done to it, and what must be true of it."""

    def __init__(self, db: Database, doubtful: DoubtfulDatabase, random: Random) -> None:
        self._db = db
        self._doubtful = doubtful
        self._random = random
        self._entries: list[Entry] = []
        self._settled: set[str] = set()
        self._known: set[str] = set()
        self._closed: dict[str, tuple[int, Counter[str]]] = {}

    async def step(self) -> None:
        """Do one thing, or several at once."""
        random = self._random
        acts = [self._apply, self._apply, self._apply_again, self._interrupt, self._post]
        count = random.choice((1, 1, 1, 4))
        # Several at once, so that they meet in the database.
        await asyncio.gather(*(random.choice(acts)() for _ in range(count)))
        if random.random() < 0.1:
            await asyncio.gather(self._close(), self._apply())

    async def check(self) -> None:
        """Compare rows, sums and closed periods."""
        assert (await verify(self._db)).differences == []
        found = await rows(self._db)
        assert set(found) == self._known
        ended = {one for one, row in found.items() if row["outcome"] != Outcome.INTERRUPTED}
        assert ended == self._settled
        for account_id, (until_ns, sums) in self._closed.items():
            query = UsageQuery(account_id=account_id, start_ns=0, end_ns=until_ns)
            assert await self._sums(query) == sums, "a closed period has changed"
        query = self._query()
        expected: Counter[str] = Counter()
        for one in ended:
            expected += _asked(query, found[one])
        assert await self._sums(query) == expected

    async def _sums(self, query: UsageQuery) -> Counter[str]:
        found: Counter[str] = Counter()
        for one in await usage_sums(self._db, query):
            names = [getattr(one, DIMENSIONS[name]) for name in query.group_by]
            found.update({_name(one.start_ns, names, key): getattr(one, key) for key in COUNTED})
        return +found

    def _query(self) -> UsageQuery:
        low, high = START_NS - HOUR_NS, START_NS + SPAN_NS + HOUR_NS
        moments = sorted({self._random.randrange(low, high) for _ in range(5)})
        if self._random.random() < 0.5:
            moments = sorted({moment // HOUR_NS * HOUR_NS for moment in moments} | {high})
        return UsageQuery(
            account_id=self._random.choice(ACCOUNTS),
            start_ns=moments[0],
            end_ns=moments[-1],
            splits_ns=tuple(moments[1:-1]),
            group_by=tuple(self._random.sample(list(DIMENSIONS), self._random.randrange(4))),
        )

    async def _apply(self) -> None:
        entries = [self._entry() for _ in range(self._random.randrange(1, 8))]
        self._entries += entries
        await self._do(entries)

    async def _apply_again(self) -> None:
        if self._entries:
            entries = self._random.choices(self._entries, k=6)
            if self._random.random() < 0.5:
                entries.append(self._entry())
                self._entries.append(entries[-1])
            await self._do(entries)

    async def _interrupt(self) -> None:
        entry = self._entry()
        entries = [interrupted(entry.begin, entry.settle.time_ns)]
        await self._do(entries)
        self._entries.append(entry)  # its settle may be found later

    async def _post(self) -> None:
        random = self._random
        event = Event(
            event_id=f"e-{random.getrandbits(60)}",
            time_ns=START_NS + random.randrange(SPAN_NS),
            account_id=random.choice(ACCOUNTS),
            kind="/jobs/training",
            unit="training_tokens",
            units=random.randrange(1000),
            cost_nano=random.randrange(10**12),
        )
        self._known.add(event.event_id)
        self._settled.add(event.event_id)
        await self._until_in(lambda: post(self._doubtful, [event, event]))

    async def _close(self) -> None:
        account_id = self._random.choice(ACCOUNTS)
        until_ns = START_NS + self._random.randrange(SPAN_NS)
        await close_period(self._db, account_id, until_ns)
        before = self._closed.get(account_id)
        if before is None or before[0] < until_ns:
            query = UsageQuery(account_id=account_id, start_ns=0, end_ns=until_ns)
            self._closed[account_id] = (until_ns, await self._sums(query))

    async def _do(self, entries: list[Entry]) -> None:
        for begin, settle in entries:
            self._known.add(begin.request_id)
            if settle.outcome is not Outcome.INTERRUPTED:
                self._settled.add(begin.request_id)
        await self._until_in(lambda: apply(self._doubtful, "gateway-1", entries))

    async def _until_in(self, act: Callable[[], Awaitable[None]]) -> None:
        """Commits are lost or in doubt now and then; who does it tries again."""
        if self._random.random() < 0.3:
            self._doubtful.num_failures = self._random.randrange(3)
        while True:
            try:
                return await act()
            except Unavailable as error:
                if "broke before" not in str(error):
                    raise

    def _entry(self) -> Entry:
        random = self._random
        request_id = f"r-{random.getrandbits(60)}"
        begin = Begin(
            request_id=request_id,
            time_ns=START_NS + random.randrange(SPAN_NS),
            account_id=random.choice(ACCOUNTS),
            user_id=random.choice(("ada", "bob")),
            key_id=random.choice(("key-1", "key-2")),
            model=random.choice(("large", "small")),
            served_by="small",
            route="/chat/completions",
            deployment=random.choice(("", "own")),
        )
        prompt_tokens = random.randrange(1000)
        settle = Settle(
            request_id=request_id,
            time_ns=begin.time_ns + 1,
            outcome=random.choice((Outcome.STOP, Outcome.CANCELLED, Outcome.FAILED)),
            prompt_tokens=prompt_tokens,
            cached_tokens=random.randrange(prompt_tokens + 1),
            completion_tokens=random.randrange(1000),
            http_status=200,
            cost_nano=random.choice((0, random.randrange(10**12))),
        )
        return Entry(begin, settle)


def _asked(query: UsageQuery, row: RowMapping) -> Counter[str]:
    """What a row adds to the answer."""
    time_ns = row["bill_time_ns"]
    if row["account_id"] != query.account_id or not query.start_ns <= time_ns < query.end_ns:
        return Counter()
    start_ns = max(moment for moment in query.moments_ns if moment <= time_ns)
    names = [row[DIMENSIONS[one]] for one in query.group_by]
    return Counter({_name(start_ns, names, one): row[one] for one in COUNTED})


def _name(start_ns: int, names: Iterable[str], column: str) -> str:
    return " ".join((str(start_ns), *names, column))


async def keep_books(db: Database, db_url: str, *, seed: int, num_steps: int) -> None:
    doubtful = DoubtfulDatabase(db_url, num_failures=0)
    books = Books(db, doubtful, Random(seed))
    try:
        for _ in range(num_steps):
            await books.step()
            await books.check()
    finally:
        await doubtful.close()


@pytest.mark.parametrize("seed", range(3))
async def test_the_books_balance_at_every_step(db: Database, db_url: str, seed: int) -> None:
    await keep_books(db, db_url, seed=seed, num_steps=50)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
async def test_the_books_balance_at_each_of_many_steps(
    db: Database, db_url: str, seed: int
) -> None:
    await keep_books(db, db_url, seed=seed, num_steps=600)
