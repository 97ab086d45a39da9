"""Gateways without HTTP: a real journal, real limits, a real ledger, driven step by step."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Executable
from sqlalchemy.exc import OperationalError

from hearth.accounts import Caller
from hearth.accounts.roles import Role
from hearth.errors import ApiError
from hearth.kit.db import Connection, Database
from hearth.kit.db_outages import unavailable
from hearth.limits import Hold, Limits, Quota, QuotaId, QuotaService, journals_in, release
from hearth.limits.limits import Clocks
from hearth.metering import Begin, Journal, Outcome, Settle, ledger, replay

DAY_S = 86_400
PATIENT_TURNS = 20
START_NS = 1_700_000_000 * 10**9
CALLER = Caller(account_id="acme", user_id="ada", key_id="key-1", role=Role.USER)

KEY = "accounts/acme/users/ada/apiKeys/key-1"
ACCOUNT = "accounts/acme"

Interruption = Callable[[], Awaitable[None]]

_numbers = count(1)
T = TypeVar("T")
Asking = Coroutine[Any, Any, T] | asyncio.Future[T]


class Flaky(Database):
    """A real database whose next write can break off, before its commit or after it, and that may
    be out of reach for a while."""

    breaks: str | None = None
    is_away = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        self._reach()
        async with super().read() as conn:
            yield conn

    def _reach(self) -> None:
        if self.is_away:
            raise unavailable(ConnectionRefusedError("connection refused"))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        self._reach()
        breaks, self.breaks = self.breaks, None
        async with super().write() as conn:
            yield conn
            if breaks == "before":
                raise OperationalError("COMMIT", {}, Exception("broken off"))
        if breaks == "after":
            raise OperationalError("COMMIT", {}, Exception("broken off"))


class Interrupted(Flaky):
    """One in which something else can happen within a write: before each statement that reads,
    before the commit, and after it."""

    before_read: Interruption | None = None
    before_commit: Interruption | None = None
    after_commit: Interruption | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        async with super().write() as conn:
            yield cast("Connection", _Interrupted(conn, self)) if self.before_read else conn
            if self.before_commit is not None:
                await self.before_commit()
        if self.after_commit is not None:
            await self.after_commit()


class _Interrupted:
    def __init__(self, conn: Connection, db: Interrupted) -> None:
        self._conn, self._db = conn, db

    def __getattr__(self, name: str) -> object:
        return getattr(self._conn, name)

    async def execute(self, statement: Executable, values: object = None) -> object:
        if self._db.before_read is not None and str(statement).strip().startswith("SELECT"):
            await self._db.before_read()
        return await self._conn.execute(statement, cast("Any", values))  # Any: as SQLAlchemy's


@dataclass
class Time:
    """What the clocks of all gateways show; it stands still until a test moves it."""

    now_ns: int = START_NS

    def uptime(self) -> float:
        return self.now_ns / 1e9

    def pass_s(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


@dataclass(eq=False)
class Request:
    """One that was admitted and runs."""

    id: str
    hold: Hold
    bound: int


@dataclass(eq=False)
class Gateway:
    """Neither applier nor keeper runs by itself: `apply` and `sync` are steps of a test."""

    db: Database
    home: Path
    time: Time
    running: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = Journal(self.home)
        self.limits = Limits(
            self.db,
            self.journal.instance,
            recover=lambda: replay(self.home, self.db, release),
            is_here=journals_in(self.home),
            clocks=Clocks(self.time.uptime, lambda: self.time.now_ns),
        )

    def cut_off(self, is_away: bool) -> None:
        """Let the database be out of reach of this gateway, or come back."""
        assert isinstance(self.db, Flaky)
        self.db.is_away = is_away

    def break_off(self, when: str | None) -> None:
        """Let the next write of this gateway break off `before` or `after` its commit."""
        assert isinstance(self.db, Flaky)
        self.db.breaks = when

    async def admit(self, bound: int, caller: Caller = CALLER) -> Request:
        """Hold and begin; the database is asked only if memory does not suffice."""
        now_ns = self.time.now_ns
        wallet = self.limits.wallet(caller)
        hold = wallet.try_hold(bound, now_ns) or await wallet.acquire(bound, now_ns)
        request = Request(f"r-{next(_numbers)}", hold, bound)
        self.journal.begin(
            Begin(
                request_id=request.id,
                time_ns=now_ns,
                account_id=caller.account_id,
                user_id=caller.user_id,
                key_id=caller.key_id,
                model="accounts/fireworks/models/m",
                served_by="accounts/fireworks/models/m",
                route="/chat/completions",
                holds=hold.ids,
                held_nano=hold.nano,
            )
        )
        self.running.append(request)
        return request

    def settle(self, request: Request, cost: int, outcome: Outcome = Outcome.STOP) -> None:
        """End a request with what it costs."""
        self.journal.settle(
            Settle(
                request_id=request.id,
                time_ns=self.time.now_ns,
                outcome=outcome,
                prompt_tokens=0,
                cached_tokens=0,
                completion_tokens=0,
                http_status=200,
                cost_nano=cost,
            )
        )
        request.hold.settle(cost)
        self.running.remove(request)

    async def apply(self) -> None:
        """Bring what is settled into the ledger."""
        backlog = self.journal.backlog
        while len(backlog):
            entries, last = backlog.peek(ledger.BATCH_ENTRIES)
            await ledger.apply(self.db, self.journal.instance, entries, self.limits.leases)
            backlog.applied(last)

    async def sync(self) -> None:
        """One turn of what the keeper does."""
        await self.limits.pacer.sync()
        await self.limits.leases.sync()

    def kill(self) -> None:
        """As `kill -9` does: the kernel drops the folder's lock, nothing else happens."""
        self.journal.segments.close()
        os.close(self.journal._folder._descriptor)

    async def close(self) -> None:
        """As at a clean stop, with what still runs left to the replay."""
        await self.apply()
        await self.limits.leases.close()
        await self.limits.pacer.close()
        self.journal.close()


async def set_limit(
    gateways: list[Gateway],
    value: int,
    quota_id: QuotaId = QuotaId.TOTAL_SPEND,
    subject: str = KEY,
) -> Quota:
    """Set a limit, and let every gateway answer and learn of it."""
    service = QuotaService(gateways[0].db)
    async with gateways[0].db.write() as conn:
        quota = await service.put(conn, subject, quota_id, value)
    for gateway in gateways:
        await gateway.sync()
        await gateway.limits.refresh()
    return quota


async def served(asking: Asking[T], *gateways: Gateway) -> T:
    """Wait for an answer while every gateway takes its turns."""
    task = asyncio.ensure_future(asking)
    for turn in range(100):
        await asyncio.sleep(0)
        if task.done():
            break
        if turn >= PATIENT_TURNS:  # somebody does not answer
            gateways[0].time.pass_s(0.2)
        for gateway in gateways:
            await gateway.sync()
    else:
        task.cancel()
        raise AssertionError("nobody answered")
    return task.result()


async def refusal(asking: Asking[Any], *gateways: Gateway) -> ApiError | None:
    """Why a request is refused; None if it runs."""
    try:
        await served(asking, *gateways)
    except ApiError as error:
        return error
    return None
