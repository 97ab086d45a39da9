"""The tables of the ledger, and how it grows: rows exactly once, sums with them.

One row for each request that was admitted and has ended, and for whatever else is billed. The
database itself refuses to delete a row, and to change any but an interruption.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import json
from sqlalchemy import BigInteger, Column, CursorResult, Index, Integer, Table, select, text
from sqlalchemy.exc import SQLAlchemyError

from hearth.errors import Unavailable
from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, metadata
from hearth.metering.types import Outcome

usage_events = Table(
    "usage_events",
    metadata,
    Column("request_id", TEXT, primary_key=True),
    Column("gateway", TEXT, nullable=False),
    Column("account_id", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=False),
    Column("key_id", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("served_by", TEXT, nullable=False),
    Column("replica_id", TEXT, nullable=False),
    Column("route", TEXT, nullable=False),
    Column("max_tokens", BigInteger, nullable=True),
    Column("begin_time_ns", BigInteger, nullable=False),
    Column("settle_time_ns", BigInteger, nullable=False),
    Column("outcome", TEXT, nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("deployment", TEXT, nullable=False),
    Column("adapter_digest", TEXT, nullable=False),
    Column("price_version", TEXT, nullable=False),
    Column("price", TEXT, nullable=False),
    Column("discount_bp", Integer, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    # When it counts: at its begin, or, if that period was closed before it came, at the close.
    Column("bill_time_ns", BigInteger, nullable=False),
    # With the id: a month's rows are read in order, page by page, without being sorted.
    Index(
        "ix_usage_events_account_id_bill_time_ns_request_id",
        *("account_id", "bill_time_ns", "request_id"),
    ),
)

usage_hours = Table(  # sums of usage_events, written with them; an interrupted request counts not
    "usage_hours",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("hour", BigInteger, primary_key=True),  # since the epoch, of the billing time
    Column("user_id", TEXT, primary_key=True),
    Column("key_id", TEXT, primary_key=True),
    Column("model", TEXT, primary_key=True),
    Column("deployment", TEXT, primary_key=True),
    Column("unit", TEXT, primary_key=True),
    Column("price_version", TEXT, primary_key=True),
    Column("price", TEXT, primary_key=True),
    Column("num_events", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    sqlite_with_rowid=False,  # the sums lie in the order in which they are read
)

spend_days = Table(  # the same cost once more, by whom limits bind; see `subjects`
    "spend_days",
    metadata,
    Column("subject", TEXT, primary_key=True),
    Column("day", BigInteger, primary_key=True),  # since the epoch, UTC, of the billing time
    Column("cost_nano", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

closed_periods = Table(  # what is billed: nothing is added before this moment any more
    "closed_periods",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("until_ns", BigInteger, nullable=False),
)

Values = tuple[str | int | None, ...]
"One row, in the order of the table's columns."

MERGED_ROWS = 500  # in one statement; SQLite takes 32,766 values
_PERIODS_LOCK = 0x48505244  # any number but the others in use, the same in every Hearth process

COUNTED = ("prompt_tokens", "cached_tokens", "completion_tokens", "units", "cost_nano")
"What is summed, besides the number of events."

_NAMES = [column.name for column in usage_events.columns]


def _insert_sql(dialect: str, table: Table, num_rows: int = 1) -> str:
    """Insert rows: in SQLite by their values, in PostgreSQL all from one JSON text.

    That is a fourth of the cost of sending the values, for this process and for the server.
    """
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    given = f"VALUES {', '.join([row] * num_rows)}"
    if dialect == "postgresql":
        types = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        given = f"SELECT {names} FROM json_to_recordset(%s::json) AS given ({types})"  # noqa: S608
    return f"INSERT INTO {table.name} ({names}) {given}"


def _merge_sql(dialect: str, num_rows: int = 1) -> str:
    """What is there stays, unless it only says that a request was interrupted and now its settle
    has been found."""
    updates = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "request_id")
    return (
        f"{_insert_sql(dialect, usage_events, num_rows)} ON CONFLICT (request_id) DO UPDATE SET "
        f"{updates} WHERE usage_events.outcome = '{Outcome.INTERRUPTED}' "
        f"AND excluded.outcome <> '{Outcome.INTERRUPTED}' RETURNING request_id"
    )


def _add_sql(dialect: str, table: Table) -> str:
    keys = ", ".join(column.name for column in table.primary_key)
    updates = ", ".join(
        f"{column.name} = {table.name}.{column.name} + excluded.{column.name}"
        for column in table.columns
        if not column.primary_key
    )
    return f"{_insert_sql(dialect, table)} ON CONFLICT ({keys}) DO UPDATE SET {updates}"


def _json(table: Table, rows: list[Values]) -> tuple[str]:
    names = [column.name for column in table.columns]
    return (json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode(),)


_DIALECTS = ("sqlite", "postgresql")
_INSERT = {
    dialect: f"{_insert_sql(dialect, usage_events)} ON CONFLICT (request_id) DO NOTHING"
    for dialect in _DIALECTS
}
_ADD = {
    (dialect, table.name): _add_sql(dialect, table)
    for table in (usage_hours, spend_days)
    for dialect in _DIALECTS
}
_CLOSE = {
    dialect: f"{_insert_sql(dialect, closed_periods)} ON CONFLICT (account_id) DO UPDATE SET "
    "until_ns = excluded.until_ns WHERE excluded.until_ns > closed_periods.until_ns"
    for dialect in _DIALECTS
}


@asynccontextmanager
async def retryable(
    transaction: AbstractAsyncContextManager[Connection],
) -> AsyncIterator[Connection]:
    """A transaction whose failures, on whichever statement, all say that trying again may help.

    Raises:
        Unavailable: the database cannot be reached, or broke off; nothing is written.
    """
    try:
        async with transaction as conn:
            yield conn
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]  # the rest is the statement and its values
        raise Unavailable(f"The usage ledger is out of reach: {reason}.") from error


async def insert(conn: Connection, rows: list[Values]) -> bool:
    """Insert rows straight through the driver: a fourth of the cost of SQLAlchemy's own way.

    Returns whether all of them are new. If not, the transaction must be given up: some are written
    and nobody knows which; `merge` tells.
    """
    result = await _give(conn, _INSERT[conn.dialect.name], usage_events, rows)
    return result.rowcount == len(rows)


async def merge(conn: Connection, rows: list[Values]) -> set[str]:
    """Insert rows of which some may be there; return the ids of those that came to count.

    A request is at most once among them. A row of an interruption makes way for its settle.
    """
    if conn.dialect.name == "postgresql":
        sql, values = _merge_sql("postgresql"), _json(usage_events, rows)
        return set((await conn.exec_driver_sql(sql, values)).scalars())
    written: set[str] = set()
    for start in range(0, len(rows), MERGED_ROWS):
        part = rows[start : start + MERGED_ROWS]
        flat = tuple(value for row in part for value in row)
        found = await conn.exec_driver_sql(_merge_sql("sqlite", len(part)), flat)
        written.update(found.scalars())
    return written


async def add(conn: Connection, table: Table, rows: list[Values]) -> None:
    """Add to sums, in the order of their keys: who adds at the same time cannot deadlock."""
    if rows:
        await _give(conn, _ADD[conn.dialect.name, table.name], table, sorted(rows))


async def _give(
    conn: Connection, sql: str, table: Table, rows: list[Values]
) -> CursorResult[Any]:  # Any: rows of any shape
    if conn.dialect.name == "postgresql":
        return await conn.exec_driver_sql(sql, _json(table, rows))
    return await conn.exec_driver_sql(sql, rows)


async def closes(conn: Connection, account_ids: Collection[str]) -> dict[str, int]:
    """Before which moment nothing is added any more, of the accounts that have one.

    Until the transaction ends, nobody can close a period.
    """
    if conn.dialect.name == "postgresql":
        await conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_PERIODS_LOCK})")
    query = select(closed_periods).where(closed_periods.c.account_id.in_(account_ids))
    return {row[0]: row[1] for row in await conn.execute(query)}


async def close(conn: Connection, account_id: str, until_ns: int) -> None:
    """Close an account's time before a moment, after every transaction that adds has ended."""
    if conn.dialect.name == "postgresql":
        await conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_PERIODS_LOCK})")
    await _give(conn, _CLOSE[conn.dialect.name], closed_periods, [(account_id, until_ns)])


async def flush_commits(conn: Connection) -> None:
    """Make every commit so far survive power loss.

    PostgreSQL has done so at each commit. SQLite in its mode `normal` leaves the newest ones in
    the cache of its write-ahead log. (Only that file is opened: opening the database's own beside
    SQLite, and closing it, would drop SQLite's locks on it.)
    """
    if conn.dialect.name == "sqlite":
        main = text("SELECT file FROM pragma_database_list WHERE name = 'main'")
        file = (await conn.execute(main)).scalar_one()
        await asyncio.to_thread(_flush_files, Path(f"{file}-wal"))


def _flush_files(log: Path) -> None:
    for path in (log, log.parent):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # the log is gone once all of it is in the database
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
