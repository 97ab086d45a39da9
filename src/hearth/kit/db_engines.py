"""How a connection to each database is set up; only `kit.db` uses this."""

from __future__ import annotations

import sqlite3
from typing import Literal, Protocol

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import ConnectionPoolEntry

from hearth.kit.async_engine import AsyncEngine, create_async_engine

POOL_WAIT_S = 10.0
BUSY_S = 5.0  # how long a SQLite writer waits for one in another process
SCHEMA_BUSY_S = 60.0  # the other may be migrating a large state
CONNECT_LIMIT_S = 5
# Whoever takes a lock must see what its last holder wrote, whatever the server's default is.
POSTGRES_OPTIONS = (
    "-c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC "
    r"-c default_transaction_isolation=read\ committed"
)

Purpose = Literal["read", "write", "schema"]


class _Cursor(Protocol):
    def execute(self, sql: str, /) -> object: ...
    def close(self) -> None: ...


class _Connection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...
    def close(self) -> None: ...


def sqlite_engine(url: URL, purpose: Purpose) -> AsyncEngine:
    """Connect in WAL mode, with transactions started by us.

    The driver by itself starts a transaction only at the first write, and none around DDL.
    A reading connection refuses writes; one that changes the schema ignores foreign keys.
    """
    busy_s = SCHEMA_BUSY_S if purpose == "schema" else BUSY_S
    engine = create_async_engine(
        url,
        pool_size=4 if purpose == "read" else 1,
        max_overflow=0,
        hide_parameters=True,  # errors are logged, and values may be private
        pool_timeout=POOL_WAIT_S + busy_s,
    )
    begin = "BEGIN" if purpose == "read" else "BEGIN IMMEDIATE"
    pragmas = (
        f"busy_timeout={busy_s * 1000:.0f}",
        "journal_mode=wal",
        "synchronous=normal",
        f"foreign_keys={'off' if purpose == 'schema' else 'on'}",
        f"query_only={'on' if purpose == 'read' else 'off'}",
    )

    def set_up(connection: _Connection, _: ConnectionPoolEntry) -> None:
        try:
            connection.isolation_level = None
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except sqlite3.Error:  # such as "file is not a database"; nobody else closes it then
            connection.close()
            raise

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", set_up)
    event.listen(engine.sync_engine, "begin", start)
    return engine


def postgres_engine(url: URL) -> AsyncEngine:
    """Connect through psycopg 3; a connection that died is replaced before it is used."""
    return create_async_engine(
        url,
        pool_size=10,
        max_overflow=0,
        hide_parameters=True,  # errors are logged, and values may be private
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_LIMIT_S, "options": POSTGRES_OPTIONS},
    )
