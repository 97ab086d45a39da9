"""Makes reality follow what is wanted: a replica for every model that must be served.

Wanted are the models given at the start and those that gateways ask for. Replicas are recorded in
SQL, where every gateway finds them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from hearth.deployments import store
from hearth.deployments.executors.local import LocalExecutor
from hearth.deployments.types import Replica, ReplicaState
from hearth.engines import WorkerReport, WorkerState
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError, Unavailable
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.ids import new_id
from hearth.kit.versions import bump

log = logging.getLogger(__name__)

POLL_S = 0.5  # how soon a model that another process's gateway asks for is noticed
STALE_AFTER = timedelta(minutes=2)  # by then, who asked while no controller ran has given up

SpecMaker = Callable[[str], WorkerSpec]


class Reconciler:
    """Runs the replicas; one per home, the controller's lock sees to that.

    Args:
        db: where replicas are recorded.
        executor: where they run.
        make_spec: says how to run a model; raises `SetupError` where its weights are not here.
        on_change: called after the record changed, for a gateway in the same process.
        clock: tells how old requests are.
    """

    def __init__(
        self,
        db: Database,
        executor: LocalExecutor,
        make_spec: SpecMaker,
        *,
        on_change: Callable[[], None],
        clock: Clock = utc_now,
    ) -> None:
        self._db = db
        self._executor = executor
        self._make_spec = make_spec
        self._on_change = on_change
        self._clock = clock
        self._replicas: dict[str, Replica] = {}
        self._specs: dict[str, WorkerSpec] = {}
        self._dirty: set[str] = set()
        self._gone: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, models: list[str]) -> None:
        """Forget what a dead controller left, then serve these models and whatever is asked for."""
        async with self._db.write() as conn:
            await store.clear_replicas(conn)
            await self._forget_stale_requests(conn)
            await bump(conn, store.REPLICAS)
        for model in models:
            self._serve(model)
        self._task = asyncio.create_task(self._converge_forever(), name="reconciler")

    async def stop(self, drain_timeout_s: float) -> None:
        """Drain and end every replica."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.gather(
            *(self._executor.stop(each, drain_timeout_s) for each in self._replicas)
        )
        async with self._db.write() as conn:
            await store.clear_replicas(conn)
            await bump(conn, store.REPLICAS)

    def wake(self) -> None:
        """Look at once for what gateways ask for."""
        self._wake.set()

    async def _converge_forever(self) -> None:
        while True:
            try:
                await self._converge()
            except Unavailable as error:  # the database is away; reality stays as it is
                log.warning("The reconciler waits: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()

    async def _converge(self) -> None:
        async with self._db.read() as conn:
            requested = await store.requested_models(conn)
        for model in requested:
            await self._retry_or_serve(model)
        if requested or self._dirty:
            await self._record(requested)

    async def _retry_or_serve(self, model: str) -> None:
        for replica in [each for each in self._replicas.values() if each.model == model]:
            is_running = self._executor.is_running(replica.id)
            if is_running and not self._is_outdated(replica):
                return
            if is_running:
                await self._executor.stop(replica.id, 0)  # it works on nothing: it never started
            self._gone.add(replica.id)  # its weights were not here; they may be by now
            del self._replicas[replica.id]
            self._specs.pop(replica.id, None)
        self._serve(model)

    def _is_outdated(self, replica: Replica) -> bool:
        """Whether it fails to start in a way that would not be chosen any more."""
        if replica.state is not ReplicaState.FAILED:
            return False
        try:
            return self._make_spec(replica.model) != self._specs[replica.id]
        except SetupError:
            return True

    async def _forget_stale_requests(self, conn: Connection) -> None:
        stale_time = self._clock() - STALE_AFTER
        requests = await store.requested_models(conn)
        stale = {model: time for model, time in requests.items() if time < stale_time}
        await store.forget_requests(conn, stale)

    async def _record(self, served: dict[str, datetime]) -> None:
        dirty, self._dirty = self._dirty, set()
        try:
            async with self._db.write() as conn:
                await store.forget_requests(conn, served)
                for replica_id in self._gone:
                    await store.delete_replica(conn, replica_id)
                for replica_id in dirty & self._replicas.keys():
                    await store.put_replica(conn, self._replicas[replica_id])
                await bump(conn, store.REPLICAS)
        except Unavailable:
            self._dirty |= dirty
            raise
        self._gone.clear()
        self._on_change()

    def _serve(self, model: str) -> None:
        replica = Replica(id=new_id("replica"), model=model, state=ReplicaState.STARTING)
        try:
            spec = self._make_spec(model)
        except SetupError as error:
            self._put(replace(replica, state=ReplicaState.FAILED, message=str(error)))
            return
        self._put(replace(replica, engine=spec.engine))
        self._specs[replica.id] = spec
        spec = replace(spec, replica_id=replica.id)
        self._executor.start(spec, partial(self._on_report, replica.id))

    def _on_report(self, replica_id: str, report: WorkerReport) -> None:
        if report.state is WorkerState.STOPPED:
            return
        replica = self._replicas[replica_id]
        self._put(
            replace(
                replica,
                state=ReplicaState(report.state.value),
                address=report.address or replica.address,
                message=report.message,
            )
        )

    def _put(self, replica: Replica) -> None:
        self._replicas[replica.id] = replica
        self._dirty.add(replica.id)
        self._wake.set()


async def request_model(db: Database, model: str, clock: Clock = utc_now) -> None:
    """Ask the controller, wherever it runs, to serve a model."""
    async with db.write() as conn:
        await store.request_model(conn, model, clock())
        await bump(conn, store.MODEL_REQUESTS)
