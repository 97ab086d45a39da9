"""The table `usage_events`: one row for each request that was admitted and has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import BigInteger, Column, Index, Integer, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from hearth.errors import Unavailable
from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, metadata
from hearth.metering.types import Outcome, UsageTotal

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
    Index("ix_usage_events_account_id_bill_time_ns", "account_id", "bill_time_ns"),
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
)

spend_days = Table(  # the same cost once more, by whom limits bind; see `subjects`
    "spend_days",
    metadata,
    Column("subject", TEXT, primary_key=True),
    Column("day", BigInteger, primary_key=True),  # since the epoch, UTC, of the billing time
    Column("cost_nano", BigInteger, nullable=False),
)

closed_periods = Table(  # what is billed: nothing is added before this moment any more
    "closed_periods",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("until_ns", BigInteger, nullable=False),
)

DAY_NS = 86_400 * 10**9
EPOCH = date(1970, 1, 1)

Values = tuple[str | int | None, ...]
"One row, in the order of the table's columns."

_NAMES = [column.name for column in usage_events.columns]


def _insert_sql(placeholder: str) -> str:
    """Insert a row once. What is there stays, unless it only says that a request was interrupted
    and now its settle has been found."""
    names = ", ".join(_NAMES)
    marks = ", ".join([placeholder] * len(_NAMES))
    updates = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "request_id")
    return (
        f"INSERT INTO usage_events ({names}) VALUES ({marks}) "  # noqa: S608 - names are ours
        f"ON CONFLICT (request_id) DO UPDATE SET {updates} "
        f"WHERE usage_events.outcome = '{Outcome.INTERRUPTED}' "
        f"AND excluded.outcome <> '{Outcome.INTERRUPTED}'"
    )


_INSERT = {"sqlite": _insert_sql("?"), "postgresql": _insert_sql("%s")}


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


async def insert(conn: Connection, rows: list[Values]) -> None:
    """Insert rows straight through the driver: a fourth of the cost of SQLAlchemy's own way."""
    await conn.exec_driver_sql(_INSERT[conn.dialect.name], rows)


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


async def totals(
    conn: Connection, *, since_ns: int, until_ns: int, account_id: str | None
) -> list[UsageTotal]:
    """Sum the requests that began in the half-open interval, by account, model and day."""
    events = usage_events.c
    day = (events.bill_time_ns // DAY_NS).label("day")
    sums = [
        func.sum(column, type_=BigInteger).cast(BigInteger)
        for column in (events.prompt_tokens, events.cached_tokens, events.completion_tokens)
    ]
    query = (
        select(events.account_id, events.model, day, func.count(), *sums)
        .where(events.bill_time_ns >= since_ns, events.bill_time_ns < until_ns)
        .group_by(events.account_id, events.model, day)
        .order_by(events.account_id, events.model, day)
    )
    if account_id is not None:
        query = query.where(events.account_id == account_id)
    return [
        UsageTotal(
            account_id=row[0],
            model=row[1],
            day=EPOCH + timedelta(days=row[2]),
            num_requests=row[3],
            prompt_tokens=row[4],
            cached_tokens=row[5],
            completion_tokens=row[6],
        )
        for row in await conn.execute(query)
    ]
