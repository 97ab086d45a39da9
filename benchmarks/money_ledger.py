"""A month of a busy account: written as gateways write it, then read as bills are made."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from hearth.billing import Billing
from hearth.kit.db import Database
from hearth.metering import (
    Begin,
    Journal,
    Outcome,
    Settle,
    UsageQuery,
    day_starts,
    replay,
    usage_rows,
    usage_sums,
    verify,
)
from hearth.metering.ledger import BATCH_ENTRIES, apply
from hearth.metering.types import Entry
from hearth.migrations import migrate
from hearth.pricing import PriceBook, PriceBooks, Subject, Unit, add_book, shipped_book

ACCOUNT = "busy"
MONTH = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
REPLAYED = 50_000
READS = 7
DEARER = "dearer"
ZONE = timezone(timedelta(hours=5, minutes=45))  # days that begin within an hour cost the most


class Ledger(Struct, frozen=True, kw_only=True):
    """What one database could do."""

    insert_rows_s: float
    "Rows with their sums, in batches, as the applier writes them."
    replay_rows_s: float
    "From a dead gateway's journal."
    summary_ms: float
    "The month by day of a zone, model and price."
    rows_s: float
    "Every row of the month, once."
    invoice_s: float
    "The month's invoice."
    what_if_s: float
    "The month under another price book, row by row."
    verify_s: float


async def measure(url: str, home: Path, num_rows: int) -> Ledger:
    """Fill an empty database with a month and read it."""
    async with _opened(url) as db:
        start_s = time.perf_counter()
        for batch in _batches(num_rows):
            await apply(db, "gateway-1", batch)
        insert_s = time.perf_counter() - start_s
        replay_s = await _replay(db, home)
        summary_ms = median([await _summarise(db, num_rows) for _ in range(READS)])
        rows_s = await _read_all(db, num_rows)
        invoice_s, what_if_s = await _bill(db)
        start_s = time.perf_counter()
        assert (await verify(db)).differences == []
        return Ledger(
            insert_rows_s=num_rows / insert_s,
            replay_rows_s=REPLAYED / replay_s,
            summary_ms=summary_ms,
            rows_s=rows_s,
            invoice_s=invoice_s,
            what_if_s=what_if_s,
            verify_s=time.perf_counter() - start_s,
        )


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    db = Database(url)
    try:
        await db.open()
        await migrate(db)
        yield db
    finally:
        await db.close()


async def _replay(db: Database, home: Path) -> float:
    journal = Journal(home)
    for entry in _entries(REPLAYED, account_id="other"):
        journal.begin(entry.begin)
        journal.settle(entry.settle)
    journal.close(keep=True)
    start_s = time.perf_counter()
    found = await replay(home, db)
    assert found.num_settled == REPLAYED, found
    return time.perf_counter() - start_s


async def _summarise(db: Database, num_rows: int) -> float:
    start_ns, end_ns = map(_ns, MONTH)
    start_s = time.perf_counter()
    query = UsageQuery(
        account_id=ACCOUNT,
        start_ns=start_ns,
        end_ns=end_ns,
        splits_ns=day_starts(start_ns, end_ns, ZONE),
        group_by=("model", "price"),
    )
    sums = await usage_sums(db, query)
    spent_ms = 1e3 * (time.perf_counter() - start_s)
    assert sum(one.num_events for one in sums) == num_rows
    return spent_ms


async def _read_all(db: Database, num_rows: int) -> float:
    start_ns, end_ns = map(_ns, MONTH)
    start_s, found, cost_nano = time.perf_counter(), 0, 0
    async for rows in usage_rows(db, ACCOUNT, start_ns, end_ns):
        found += len(rows)
        cost_nano += sum(row.cost_nano for row in rows)
    assert (found, cost_nano > 0) == (num_rows, True)
    return time.perf_counter() - start_s


async def _bill(db: Database) -> tuple[float, float]:
    """Seconds for the invoice, and for the same month under a dearer book."""
    async with db.write() as conn:
        await add_book(conn, _dearer_book(), now=datetime.now(UTC))
    books = PriceBooks(db)
    await books.refresh()
    billing = Billing(db, books, _subject_of)
    start_s = time.perf_counter()
    invoice = await billing.invoices.get(ACCOUNT, f"{MONTH[0]:%Y-%m}")
    invoice_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    other = await billing.repricing.what_if(ACCOUNT, f"{MONTH[0]:%Y-%m}", DEARER)
    assert invoice.line_items
    assert other.line_items
    return invoice_s, time.perf_counter() - start_s


def _subject_of(model: str, unit: Unit) -> Subject:
    return Subject(model=model, unit=unit, parameters=8 * 10**9)


def _dearer_book() -> PriceBook:
    shipped = shipped_book()
    prices = tuple(replace(price, amount=2 * price.amount) for price in shipped.prices)
    return replace(
        shipped, version=DEARER, prices=prices, effective_time=datetime(2099, 1, 1, tzinfo=UTC)
    )


def _batches(num_rows: int) -> Iterator[list[Entry]]:
    entries = _entries(num_rows, account_id=ACCOUNT)
    while batch := list(islice(entries, BATCH_ENTRIES)):
        yield batch


def _entries(number: int, *, account_id: str) -> Iterator[Entry]:
    """Requests of ten keys to five models, in the order of time."""
    random, version = Random(account_id), shipped_book().version
    start_ns, end_ns = map(_ns, MONTH)
    for n in range(number):
        key, model = random.randrange(10), random.randrange(5)
        begin = Begin(
            request_id=f"{account_id}-{n:012x}",
            time_ns=start_ns + n * (end_ns - start_ns) // number,
            account_id=account_id,
            user_id=f"user-{key % 4}",
            key_id=f"key-{key}",
            model=f"accounts/fireworks/models/model-{model}",
            served_by=f"accounts/fireworks/models/model-{model}",
            route="/chat/completions",
            max_tokens=1024,
            price_version=version,
            price="text-4b-to-16b",
        )
        prompt_tokens, completion_tokens = random.randrange(4000), random.randrange(1000)
        settle = Settle(
            request_id=begin.request_id,
            time_ns=begin.time_ns + 10**9,
            outcome=Outcome.STOP,
            prompt_tokens=prompt_tokens,
            cached_tokens=0,
            completion_tokens=completion_tokens,
            http_status=200,
            replica_id="replica-1",
            cost_nano=200 * (prompt_tokens + completion_tokens),
        )
        yield Entry(begin, settle)


def _ns(moment: datetime) -> int:
    return round(moment.timestamp()) * 10**9
