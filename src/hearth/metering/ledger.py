"""The ledger: what every request used, exactly once, whatever is applied again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from hearth.kit.db import Connection, Database
from hearth.metering import store
from hearth.metering.leases import Leases, spent_by_hold
from hearth.metering.types import Begin, Entry, Outcome, Record, Settle

BATCH_ENTRIES = 500  # larger batches cost hardly less per row and hold the writer longer


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
    db: Database,
    gateway: str,
    entries: Sequence[Entry],
    finish: Callable[[Connection], Awaitable[None]] | None = None,
) -> None:
    async with store.retryable(db.write()) as conn:
        await store.insert(conn, [_values(gateway, *entry) for entry in entries])
        if finish is not None:
            await finish(conn)


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


def _values(gateway: str, begin: Begin, settle: Settle) -> store.Values:
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
        begin.time_ns,
    )
