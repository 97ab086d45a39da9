"""The locks behind leadership: each dies with its holder, kill -9 included.

SQLite's processes share a machine, so a file's lock will do. PostgreSQL's may not: the server holds
the lock for one session, and ends a session whose machine fell silent by TCP's keepalives.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from zlib import crc32

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hearth.errors import SetupError, Unavailable
from hearth.kit.async_engine import AsyncConnection, create_async_engine
from hearth.kit.db import Connection, Database
from hearth.kit.db_engines import CONNECT_LIMIT_S, POSTGRES_OPTIONS
from hearth.kit.db_outages import unavailable

ANSWER_LIMIT_S = 5.0
SILENCE_LIMIT_S = 10
"After so long without a sign of the other machine the connection, and so the lock, is gone."
_LOCKS = 0x4C454144  # "LEAD": any number, the same in every Hearth process

_KEEPALIVES = {
    "keepalives_idle": SILENCE_LIMIT_S // 2,
    "keepalives_interval": 1,
    "keepalives_count": SILENCE_LIMIT_S // 2,
    "tcp_user_timeout": SILENCE_LIMIT_S * 1000,
}
_SERVER_KEEPALIVES = (
    f" -c tcp_keepalives_idle={_KEEPALIVES['keepalives_idle']}"
    f" -c tcp_keepalives_interval={_KEEPALIVES['keepalives_interval']}"
    f" -c tcp_keepalives_count={_KEEPALIVES['keepalives_count']}"
    f" -c tcp_user_timeout={_KEEPALIVES['tcp_user_timeout']}"
)


class LeaderLock(Protocol):
    """One holder at a time, over all processes that share a state."""

    async def try_take(self) -> bool:
        """Take it if nobody else holds it.

        Raises:
            SetupError: it cannot be locked here.
            Unavailable: the database does not answer.
        """

    async def is_held(self) -> bool:
        """Whether it is still ours, as far as can be known."""

    async def free(self) -> None:
        """Let it go; one that is not held is left alone."""

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that can only be written while the lock is held."""


class FileLock:
    """A file's lock, beside a SQLite database.

    Args:
        db: the database beside which the file lies.
        name: what is led.
    """

    def __init__(self, db: Database, name: str) -> None:
        self._db = db
        self._path = Path(f"{db.url.database}.{name}.lock")
        self._file: int | None = None

    async def try_take(self) -> bool:
        """See `LeaderLock`."""
        try:
            # Closed in every child: a lock lives as long as anybody has the file open.
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SetupError(
                f"Cannot lock {self._path} ({error.strerror}); make its folder writable."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        if await self.is_held():
            return True
        await self.free()  # the file was deleted between the two calls
        return False

    async def is_held(self) -> bool:
        """See `LeaderLock`; the lock of a file that somebody deleted keeps nobody away."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:
            return False

    async def free(self) -> None:
        """See `LeaderLock`."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """See `LeaderLock`."""
        return self._db.write()


class SessionLock:
    """An advisory lock of PostgreSQL, on a connection of its own.

    A pooler that lends one server session to several clients would break it.

    Args:
        db: the database whose processes compete.
        name: what is led.
    """

    def __init__(self, db: Database, name: str) -> None:
        self._key = {"class": _LOCKS, "key": crc32(name.encode()) - 2**31}
        self._engine = create_async_engine(
            db.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",  # an open transaction would hold up the server's cleaning
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_LIMIT_S,
                "options": POSTGRES_OPTIONS + _SERVER_KEEPALIVES,
                **_KEEPALIVES,
            },
        )
        self._conn: AsyncConnection | None = None

    async def try_take(self) -> bool:
        """See `LeaderLock`."""
        taken = await self._ask("SELECT pg_try_advisory_lock(:class, :key)", self._key)
        return bool(taken)

    async def is_held(self) -> bool:
        """See `LeaderLock`; as long as the connection lives."""
        if self._conn is None:
            return False
        try:
            await self._ask("SELECT 1", {})
        except Unavailable:
            return False
        return True

    async def free(self) -> None:
        """See `LeaderLock`; the server frees the lock with the session."""
        if self._conn is not None:
            conn, self._conn = self._conn, None
            await conn.invalidate()
            await conn.close()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """See `LeaderLock`; one statement, on the connection that the lock dies with."""
        assert self._conn is not None, "the lock is held"
        try:
            yield self._conn
        except DBAPIError as error:
            raise unavailable(error) from error

    async def _ask(self, sql: str, values: dict[str, int]) -> object:
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S + CONNECT_LIMIT_S):
                if self._conn is None:
                    self._conn = await self._engine.connect()
                return await self._conn.scalar(text(sql), values)
        except (DBAPIError, OSError, TimeoutError) as error:
            await self.free()
            raise unavailable(error) from error
