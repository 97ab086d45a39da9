"""Leadership: of all processes that share a state, one does what only one may do.

A lock that dies with its holder says who leads. It cannot stop a leader that does not know yet that
its lock is gone; for that, every leader has a number, the epoch, one higher than the last leader's,
which whoever writes as the leader checks in the same transaction (a fencing token: M. Kleppmann,
"How to do distributed locking", 2016).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import BigInteger, Column, Table, bindparam, select, text

from hearth.errors import LostLeadership, SetupError, Unavailable
from hearth.kit.clock import Clock, utc_now
from hearth.kit.columns import TEXT, UtcTime
from hearth.kit.db import Connection, Database, metadata
from hearth.kit.leader_locks import FileLock, LeaderLock, SessionLock

log = logging.getLogger(__name__)

POLL_S = 0.5

leadership = Table(
    "leadership",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", TEXT, nullable=False),
    Column("time", UtcTime, nullable=False),
)

_RAISE_EPOCH = text(
    "INSERT INTO leadership (name, epoch, holder, time) VALUES (:name, 1, :holder, :now) "
    "ON CONFLICT (name) DO UPDATE SET epoch = leadership.epoch + 1, "
    "holder = excluded.holder, time = excluded.time RETURNING epoch"
).bindparams(bindparam("now", type_=UtcTime))


@dataclass(frozen=True, kw_only=True)
class Leader:
    """Who led last; whether it still does, only the lock knows."""

    epoch: int
    holder: str
    time: datetime
    "When it began to."


class Leadership:
    """A seat that one process at a time holds; made, acquired and released in one event loop.

    Args:
        db: the state that the processes share.
        home: of this process; names it to the others.
        name: what is led.
        clock: when, for people to read.
    """

    def __init__(
        self, db: Database, home: Path, *, name: str = "controller", clock: Clock = utc_now
    ) -> None:
        self.lost = asyncio.Event()
        "Set when another process has led since; whoever waits for it must stop, then `release`."
        self._db = db
        self._name = name
        self._clock = clock
        self._holder = f"process {os.getpid()} on {socket.gethostname()}, home {home}"
        lock = FileLock if db.dialect == "sqlite" else SessionLock
        self._lock: LeaderLock = lock(db, name)
        self._epoch: int | None = None
        self._watch: asyncio.Task[None] | None = None

    async def acquire(self) -> int:
        """Wait, as long as it takes, until this process leads; return its epoch.

        A database that is away is waited for, too.

        Raises:
            SetupError: this machine cannot lock the file.
        """
        is_warned = False
        while True:
            try:
                if await self.try_acquire():
                    assert self._epoch is not None
                    return self._epoch
            except Unavailable as error:
                if not is_warned:
                    log.warning("Waiting to lead as %s: %s", self._name, error)
                is_warned = True
            await asyncio.sleep(POLL_S)

    async def try_acquire(self) -> bool:
        """Lead from now on, unless another process does.

        Raises:
            SetupError: this machine cannot lock the file.
            Unavailable: the database does not answer.
        """
        assert self._epoch is None, "it leads already"
        try:
            if not await self._lock.try_take():
                return False
            values = {"name": self._name, "holder": self._holder, "now": self._clock()}
            async with self._lock.writing() as conn:
                epoch = (await conn.execute(_RAISE_EPOCH, values)).scalar_one()
        except BaseException:
            await self._lock.free()
            raise
        self._epoch = epoch
        self.lost.clear()
        self._watch = asyncio.create_task(self._keep(epoch), name=f"leadership-{self._name}")
        return True

    async def release(self) -> None:
        """Let the next one lead; one that does not lead only stops waiting in line."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        self._epoch = None
        await self._lock.free()

    async def check(self, conn: Connection) -> None:
        """Prove that this process leads until the caller's write transaction ends.

        Raises:
            LostLeadership: it does not lead, or another has led since; then `lost` is set.
        """
        # The next leader's own row waits until the caller has committed.
        epochs = select(leadership.c.epoch).where(leadership.c.name == self._name)
        current = await conn.scalar(epochs.with_for_update(read=True))
        if self._epoch is None or current != self._epoch:
            self.lost.set()
            raise LostLeadership(f"This process no longer leads as {self._name}: another does.")

    async def leader(self) -> Leader | None:
        """Who led last, if anybody ever did."""
        query = select(leadership).where(leadership.c.name == self._name)
        async with self._db.read() as conn:
            row = (await conn.execute(query)).one_or_none()
        if row is None:
            return None
        return Leader(epoch=row.epoch, holder=row.holder, time=row.time)

    async def _keep(self, epoch: int) -> None:
        """Notice when the lock is gone: take it again at once if nobody has led meanwhile."""
        while not self.lost.is_set():
            await asyncio.sleep(POLL_S)
            with suppress(Unavailable, SetupError):  # nobody can lead without the database either
                if not await self._lock.is_held() and await self._lock.try_take():
                    log.warning("The lock to lead as %s was gone and is held again.", self._name)
                leader = await self.leader()
                if leader is None or leader.epoch != epoch:
                    log.warning("Another process leads as %s now.", self._name)
                    self.lost.set()
