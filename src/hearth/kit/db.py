"""The database: SQLite or PostgreSQL by URL, behind one pair of transactions.

SQLite has one writer. In this process writers queue on a lock; among processes they queue on
SQLite's own, taken at the start (BEGIN IMMEDIATE), so that no transaction fails halfway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import MetaData, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hearth.errors import SetupError, Unavailable
from hearth.kit.async_engine import AsyncConnection, AsyncEngine
from hearth.kit.db_engines import SCHEMA_BUSY_S, postgres_engine, sqlite_engine
from hearth.kit.db_outages import first_line, told_as_unavailable, unavailable

Dialect = Literal["sqlite", "postgresql"]
Connection = AsyncConnection
"""What a store is handed: a connection with a transaction open on it."""

WRITE_TURN_LIMIT_S = 30.0
OPEN_LIMIT_S = 15.0
_SCHEMA_LOCK = 0x48454152  # "HEAR": any number, the same in every Hearth process

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""Every table of every feature; the migrations are tested to produce exactly this."""


class Database:
    """One database, opened once per process.

    Args:
        url: `sqlite:////absolute/file.db`, or `postgresql://user:password@host/name`.

    Raises:
        SetupError: the URL names no database we know.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        name = self._url.get_backend_name()
        self.dialect: Dialect = "sqlite" if name == "sqlite" else "postgresql"
        if self.dialect == "sqlite":
            self._writer = sqlite_engine(self._url, "write")
            self._reader = sqlite_engine(self._url, "read")
        else:
            self._writer = self._reader = postgres_engine(self._url)
        self._turn = asyncio.Lock()

    @property
    def url(self) -> URL:
        """Where it is, with the driver's name and the password in it; never to be printed."""
        return self._url

    async def open(self) -> None:
        """Prove that the database can be written to.

        Raises:
            SetupError: it cannot; the message names the database, never its password.
        """
        try:
            if self.dialect == "sqlite":
                await asyncio.to_thread(_make_folder, self._url)
            async with asyncio.timeout(OPEN_LIMIT_S), self.write() as conn:
                await conn.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError, TimeoutError, Unavailable) as error:
            raise SetupError(self._cannot_open(error)) from error

    async def close(self) -> None:
        """End every connection; the database may not be used afterwards."""
        await self._writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A transaction that sees one state and cannot write.

        Raises:
            Unavailable: the database cannot be reached, has no free connection, or breaks off.
        """
        engine = self._reader
        if self.dialect == "postgresql":
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        async with AsyncExitStack() as stack:
            stack.enter_context(told_as_unavailable())
            yield await _begin(stack, engine)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        Raises:
            Unavailable: the database cannot be reached, breaks off, or is kept too long by others.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(told_as_unavailable())
            await stack.enter_async_context(self._writing_turn())
            yield await _begin(stack, self._writer)

    @asynccontextmanager
    async def schema_change(self) -> AsyncIterator[Connection]:
        """A write transaction that may alter tables and excludes every other one like it.

        SQLite alters a table by building a new one, which its foreign keys would undo: they are
        off inside the block and checked as a whole at its end.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._writing_turn())
            if self.dialect == "sqlite":
                engine = sqlite_engine(self._url, "schema")
                stack.push_async_callback(engine.dispose)
                conn = await _begin(stack, engine)
            else:
                conn = await _begin(stack, self._writer)
                await conn.execute(text(f"SET LOCAL lock_timeout = '{SCHEMA_BUSY_S:.0f}s'"))
                await conn.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
            yield conn
            if self.dialect == "sqlite":
                broken = (await conn.execute(text("PRAGMA foreign_key_check"))).all()
                assert not broken, f"the schema change broke foreign keys: {broken[:3]}"

    def _writing_turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self.dialect == "postgresql" else _held(self._turn)

    def _cannot_open(self, error: Exception) -> str:
        reason = first_line(error)
        if self.dialect == "sqlite":
            return (
                f"Cannot open the database {self._url.database}: {reason}. "
                "Make its folder writable, or set HEARTH_HOME or HEARTH_DATABASE_URL to another."
            )
        where = f"{self._url.host or self._url.query.get('host', 'localhost')}"
        where += f":{self._url.port}" if self._url.port else ""
        return (
            f"Cannot reach PostgreSQL at {where}, database {self._url.database}: {reason}. "
            "Start the server or correct HEARTH_DATABASE_URL."
        )


@asynccontextmanager
async def _held(turn: asyncio.Lock) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WRITE_TURN_LIMIT_S):
            await turn.acquire()
    except TimeoutError as error:
        raise Unavailable("The database is busy; try again.", retry_after_s=1) from error
    try:
        yield
    finally:
        turn.release()


async def _begin(stack: AsyncExitStack, engine: AsyncEngine) -> Connection:
    try:
        return await stack.enter_async_context(engine.begin())
    except (DBAPIError, PoolTimeout) as error:
        raise unavailable(error) from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:  # its text may quote the URL, password included
        raise SetupError(f"HEARTH_DATABASE_URL is not a database URL. {_FORMS}") from error
    if backend not in get_args(Dialect):
        raise SetupError(f"HEARTH_DATABASE_URL names {backend}, which is not supported. {_FORMS}")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if not parsed.database or ":memory:" in parsed.database:
        raise SetupError(f"HEARTH_DATABASE_URL must name a file: memory is not shared. {_FORMS}")
    if parsed.query:
        raise SetupError(f"HEARTH_DATABASE_URL: SQLite takes no options here. {_FORMS}")
    return parsed.set(drivername="sqlite+aiosqlite")


_FORMS = "Use sqlite:////folder/file.db or postgresql://user:password@host/name."


def _make_folder(url: URL) -> None:
    assert url.database is not None
    Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
