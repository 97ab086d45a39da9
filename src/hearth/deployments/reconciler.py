"""Makes reality follow what is wanted: the replicas of deployments, and of models asked for.

What is wanted is in SQL; replicas are recorded there, where every gateway finds them. Only the
leader runs one, and every write checks that it still leads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from hearth.deployments import store
from hearth.deployments.accounting import Accounting
from hearth.deployments.dedicated import Dedicated
from hearth.deployments.deployed_models import DeployedModelWatch
from hearth.deployments.replicas import Replicas
from hearth.deployments.samples import Samples
from hearth.deployments.serverless import Serverless
from hearth.errors import LostLeadership, Unavailable
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.versions import bump, list_versions

log = logging.getLogger(__name__)

POLL_S = 0.5  # how soon a change by another process is noticed
STALE_AFTER = timedelta(minutes=2)  # by then, who asked while no controller ran has given up

Check = Callable[[Connection], Awaitable[None]]
"Raises `LostLeadership` where this process may not write any more."


@dataclass(frozen=True, kw_only=True)
class Parties:
    """What a reconciler works with, all of it its own."""

    replicas: Replicas
    serverless: Serverless
    dedicated: Dedicated
    accounting: Accounting
    samples: Samples
    deployed: DeployedModelWatch = field(default_factory=DeployedModelWatch)


class Reconciler:
    """Runs the replicas.

    Args:
        db: where they are recorded.
        parties: see `Parties`.
        check: called in every transaction that writes.
        on_change: called after the record changed, for a gateway in the same process.
        clock: tells how old requests are.
    """

    def __init__(
        self,
        db: Database,
        parties: Parties,
        *,
        check: Check,
        on_change: Callable[[], None],
        clock: Clock = utc_now,
    ) -> None:
        self._db = db
        self._parties = parties
        self._check = check
        self._on_change = on_change
        self._clock = clock
        self._seen_version: int | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, models: list[str]) -> None:
        """Forget what a dead controller left, then serve what is wanted."""
        async with self._writing() as conn:
            await store.clear_replicas(conn)
            requests = await store.requested_pools(conn)
            stale_time = self._clock() - STALE_AFTER
            stale = {pool: time for pool, time in requests.items() if time < stale_time}
            await store.forget_requests(conn, stale)
            await bump(conn, store.REPLICAS)
        for model in models:
            self._parties.serverless.want(model)
        self._task = asyncio.create_task(self._converge_forever(), name="reconciler")

    async def stop(self, drain_timeout_s: float) -> None:
        """Drain and end every replica, and bill what they held."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._parties.dedicated.close()
        await self._parties.replicas.stop_all(drain_timeout_s)
        with suppress(LostLeadership):  # then the records are another's
            await self._parties.accounting.post()
            async with self._writing() as conn:
                await store.clear_replicas(conn)
                await bump(conn, store.REPLICAS)

    def wake(self) -> None:
        """Look at once for what is wanted."""
        self._wake.set()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        async with self._db.write() as conn:
            await self._check(conn)
            yield conn

    async def _converge_forever(self) -> None:
        while True:
            try:
                await self._converge()
            except Unavailable as error:  # the database is away; reality stays as it is
                log.warning("The reconciler waits: %s", error)
            except LostLeadership as error:  # whoever runs it waits for that, and stops it
                log.warning("The reconciler ends: %s", error)
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()

    async def _converge(self) -> None:
        parties = self._parties
        async with self._db.read() as conn:
            requested = await store.requested_pools(conn)
            versions = await list_versions(conn)
        await self._look(versions.get(store.DEPLOYMENTS, 0))
        for pool, time in requested.items():
            if "/deployments/" in pool:
                parties.dedicated.asked(pool, time.timestamp())
            else:
                parties.serverless.want(pool)
        parties.serverless.converge()
        await parties.dedicated.converge()
        await parties.accounting.post()
        await self._record(requested)

    async def _look(self, version: int) -> None:
        if version == self._seen_version:
            return
        async with self._db.read() as conn:
            await self._parties.dedicated.read(conn)
        self._parties.serverless.look_again()
        self._seen_version = version

    async def _record(self, requested: store.Requests) -> None:
        parties, replicas = self._parties, self._parties.replicas
        dirty = list(filter(None, map(replicas.find, replicas.dirty)))
        gone = parties.accounting.settled()
        news = parties.dedicated.news()
        samples = parties.samples.due(parties.dedicated.values)
        has_over = bool(parties.dedicated.over())
        adapters = parties.deployed.news(replicas)
        if not (requested or dirty or gone or news or samples or has_over or adapters):
            return
        async with self._writing() as conn:
            await store.forget_requests(conn, requested)
            for replica_id in gone:
                await store.delete_replica(conn, replica_id)
            for replica in dirty:
                await store.put_replica(conn, replica)
            if dirty or gone or requested:
                await bump(conn, store.REPLICAS)
            await parties.dedicated.record(conn, news)
            await parties.deployed.record(conn, adapters)
            if samples:
                await parties.samples.record(conn, samples)
            if has_over:
                await parties.dedicated.end_lives(conn)
        replicas.recorded(dirty)
        parties.accounting.forget(gone)
        self._on_change()
