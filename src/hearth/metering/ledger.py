"""The ledger: what every request used, exactly once, whatever is applied again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from hearth.kit.db import Connection, Database
from hearth.metering import store, summing
from hearth.metering.frames import check_storable
from hearth.metering.leases import Leases, spent_by_hold
from hearth.metering.types import Begin, Entry, Event, Outcome, Record, Settle

BATCH_ENTRIES = 500  # larger batches cost hardly less per row and hold the writer longer
POSTED = ""  # the gateway of what none reported

Way = Callable[[Connection, str, Sequence[Entry]], Awaitable[None]]
Finish = Callable[[Connection], Awaitable[None]]


async def apply(
    db: Database, gateway: str, entries: Sequence[Entry], leases: Leases | None = None
) -> None:
    """Write entries of one gateway's journal; those that are there already stay as they are.

    Args:
        leases: of this very gateway, where the entries are its own; each entry may be in one
            call only that succeeds.

    Raises:
        Unavailable: the database cannot be reached, or broke off; nothing is written, or all is
            and nobody knows: to repeat it is right in both cases.
    """
    if not entries:
        return
    spent = spent_by_hold(entries) if leases is not None else {}
    if leases is None or not spent:
        await _write(db, gateway, entries)
        return
    async with leases.lock:
        await _write(db, gateway, entries, lambda conn: leases.write(conn, spent))
        leases.written(spent)


async def _write(
    db: Database, gateway: str, entries: Sequence[Entry], finish: Finish | None = None
) -> None:
    async def write(way: Way) -> None:
        async with store.retryable(db.write()) as conn:
            await way(conn, gateway, entries)
            if finish is not None:
                await finish(conn)

    try:
        await write(_insert)
    except _SomeAreThereError:  # as after a crash; rare, and dearer
        await write(_merge)


class _SomeAreThereError(Exception):
    """Not every entry is new; nothing is written."""


async def _insert(conn: Connection, gateway: str, entries: Sequence[Entry]) -> None:
    times = await _bill_times(conn, entries)
    rows = [_values(gateway, *each) for each in zip(entries, times, strict=True)]
    if not await store.insert(conn, rows):
        raise _SomeAreThereError
    await _add(conn, summing.of(zip(entries, times, strict=True)))


async def _merge(conn: Connection, gateway: str, entries: Sequence[Entry]) -> None:
    entries = _first_of_each(entries)
    times = await _bill_times(conn, entries)
    rows = [_values(gateway, *each) for each in zip(entries, times, strict=True)]
    written = await store.merge(conn, rows)
    pairs = zip(entries, times, strict=True)
    await _add(conn, summing.of(pair for pair in pairs if pair[0].begin.request_id in written))


def _first_of_each(entries: Sequence[Entry]) -> list[Entry]:
    """A request's first settle counts; an interruption only where there is none."""
    first: dict[str, Entry] = {}
    for entry in entries:
        known = first.get(entry.begin.request_id)
        if known is None or known.settle.outcome is Outcome.INTERRUPTED:
            first[entry.begin.request_id] = entry
    return list(first.values())


async def _bill_times(conn: Connection, entries: Sequence[Entry]) -> list[int]:
    closes = await store.closes(conn, {entry.begin.account_id for entry in entries})
    if not closes:
        return [entry.begin.time_ns for entry in entries]
    return [max(entry.begin.time_ns, closes.get(entry.begin.account_id, 0)) for entry in entries]


async def _add(conn: Connection, sums: summing.Sums) -> None:
    hours: list[store.Values] = [(*key, *values) for key, values in sums.hours.items()]
    days: list[store.Values] = [(*key, cost) for key, cost in sums.days.items()]
    await store.add(conn, store.usage_hours, hours)
    await store.add(conn, store.spend_days, days)


async def post(db: Database, events: Sequence[Event]) -> None:
    """Bill what is no request of a gateway; on return it survives power loss.

    An event that is there already, by its id, stays as it is: repeat the call where it failed.

    Raises:
        ValueError: no ledger could store an event; nothing is written.
        Unavailable: the database cannot be reached, or broke off.
        OSError: the disk could not take it.
    """
    entries = [_entry(event) for event in events]
    for start in range(0, len(entries), BATCH_ENTRIES):
        await apply(db, POSTED, entries[start : start + BATCH_ENTRIES])
    await flush_commits(db)


async def close_period(db: Database, account_id: str, until_ns: int) -> None:
    """Add nothing any more to an account's time before a moment: what comes late counts then.

    A period that is closed stays closed: an earlier moment changes nothing. On return all that
    was ever added before the moment is visible.

    Raises:
        Unavailable: the database cannot be reached, or broke off.
    """
    await transact(db, lambda conn: store.close(conn, account_id, until_ns))


async def transact(db: Database, work: Callable[[Connection], Awaitable[None]]) -> None:
    """Do some work in a transaction of its own.

    Raises:
        Unavailable: the database cannot be reached, or broke off.
    """
    async with store.retryable(db.write()) as conn:
        await work(conn)


async def flush_commits(db: Database) -> None:
    """Make all that was applied survive power loss, so that its journal may be deleted.

    Raises:
        Unavailable: the database cannot be reached.
        OSError: the disk could not take it.
    """
    async with store.retryable(db.read()) as conn:
        await store.flush_commits(conn)


def join(records: Iterable[Record], begins: dict[str, Begin]) -> Iterator[Entry | Settle]:
    """Join settles to their begins, in the order in which they were settled.

    `begins` holds the begins so far and, at the end, those without a settle. A settle whose begin
    is unknown comes out alone.
    """
    for record in records:
        if isinstance(record, Begin):
            begins[record.request_id] = record
        elif (begin := begins.pop(record.request_id, None)) is not None:
            yield Entry(begin, record)
        else:
            yield record


def interrupted(begin: Begin, time_ns: int) -> Entry:
    """The entry of a request whose gateway died before it was settled: it owes nothing.

    Only the end of a journal proves it: as long as records may follow, one may be its settle.
    """
    settle = Settle(
        request_id=begin.request_id,
        time_ns=time_ns,
        outcome=Outcome.INTERRUPTED,
        prompt_tokens=0,
        cached_tokens=0,
        completion_tokens=0,
        http_status=0,
    )
    return Entry(begin, settle)


def _entry(event: Event) -> Entry:
    begin = Begin(
        request_id=event.event_id,
        time_ns=event.time_ns,
        account_id=event.account_id,
        user_id=event.user_id,
        key_id=event.key_id,
        model=event.model,
        served_by=event.model,
        route=event.kind,
        unit=event.unit,
        deployment=event.deployment,
        price_version=event.price_version,
        price=event.price,
        discount_bp=event.discount_bp,
    )
    settle = Settle(
        request_id=event.event_id,
        time_ns=event.end_time_ns or event.time_ns,
        outcome=Outcome.STOP,
        prompt_tokens=0,
        cached_tokens=0,
        completion_tokens=0,
        http_status=0,
        units=event.units,
        cost_nano=event.cost_nano,
        adapter_digest=event.adapter_digest,
    )
    check_storable(begin)
    check_storable(settle)
    return Entry(begin, settle)


def _values(gateway: str, entry: Entry, bill_time_ns: int) -> store.Values:
    begin, settle = entry
    return (
        begin.request_id,
        gateway,
        begin.account_id,
        begin.user_id,
        begin.key_id,
        begin.model,
        begin.served_by,
        settle.replica_id,
        begin.route,
        begin.max_tokens,
        begin.time_ns,
        settle.time_ns,
        settle.outcome.value,
        settle.http_status,
        settle.prompt_tokens,
        settle.cached_tokens,
        settle.completion_tokens,
        begin.unit,
        settle.units,
        begin.deployment,
        settle.adapter_digest,
        begin.price_version,
        begin.price,
        begin.discount_bp,
        settle.cost_nano,
        bill_time_ns,
    )
