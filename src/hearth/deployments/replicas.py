"""Every replica that this controller runs, and what is to be recorded of them.

It starts and drains as it is told, over an executor; which replicas there should be is decided
elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hearth.deployments.executors.executor import Executor
from hearth.deployments.live_adapters import LiveAdapters
from hearth.deployments.placement import Place
from hearth.deployments.types import Replica, ReplicaState
from hearth.engines import WorkerReport, WorkerState
from hearth.engines.protocol import WorkerSpec
from hearth.kit.ids import new_id

NOTICE_S = 1.2
"""Between the record that says a replica drains and its end: gateways look twice a second, and one
that has not looked yet would send it what it refuses."""
NOTICE_LIMIT_S = 10.0  # a database that is away cannot keep a replica for ever


class Ended(Struct, frozen=True, kw_only=True):
    """A replica that is gone, and when it went."""

    replica: Replica
    end_ns: int


class Replicas:
    """All replicas of this process.

    Args:
        executor: where they run.
        changed: called at every change, to have it recorded.
        now_ns: the clock of the ledger.
        drain_timeout_s: how long one that drains may take for what runs in it.
        notice_s: how long gateways may take to see that it drains.
    """

    def __init__(
        self,
        executor: Executor,
        changed: Callable[[], None],
        *,
        drain_timeout_s: float,
        notice_s: float = NOTICE_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._executor = executor
        self._changed = changed
        self._drain_timeout_s = drain_timeout_s
        self._notice_s = notice_s
        self._now_ns = now_ns
        self._all: dict[str, Replica] = {}
        self._of: dict[str, dict[str, Replica]] = {}
        self._drains: dict[str, asyncio.Task[None]] = {}
        self._recorded: dict[str, asyncio.Event] = {}
        self.adapters = LiveAdapters(executor, self._stir)
        "What each replica has beside its weights."
        self.stirred: set[str] = set()
        "Pools whose replicas have changed, until somebody has looked."
        self.dirty: set[str] = set()
        "Ids whose record is behind."
        self.ended: dict[str, Ended] = {}
        "Those that are gone, until they are billed and their records are gone too."

    def all(self) -> list[Replica]:
        """Every replica that has not ended, oldest first."""
        return list(self._all.values())

    def of(self, pool: str) -> list[Replica]:
        """The replicas of a pool, oldest first."""
        return list(self._of.get(pool, {}).values())

    @property
    def pools(self) -> set[str]:
        """The pools that have any."""
        return set(self._of)

    def find(self, replica_id: str) -> Replica | None:
        """The replica, if it has not ended."""
        return self._all.get(replica_id)

    def _stir(self, replica_id: str) -> None:
        if replica := self._all.get(replica_id):
            self.stirred.add(replica.pool)
            self._changed()

    def start(
        self, pool: str, spec: WorkerSpec, *, version: str = "", place: Place | None = None
    ) -> Replica:
        """Run one more replica; from now on it holds its place."""
        now_ns = self._now_ns()
        replica = Replica(
            id=new_id("replica"),
            pool=pool,
            model=spec.model,
            state=ReplicaState.STARTING,
            engine=spec.engine,
            version=version,
            held_time_ns=now_ns,
            billed_time_ns=now_ns,
        )
        if place is not None:
            replica = replace(
                replica,
                region=place.region,
                accelerator_type=str(place.accelerator),
                accelerator_count=place.count,
                taken=place.taken,
                is_emulated=place.is_emulated,
            )
        self.put(replica)
        spec = replace(spec, replica_id=replica.id)
        self.adapters.begin(replica.id, spec.adapters)
        self._executor.start(spec, partial(self._on_report, replica.id))
        return replica

    def put(self, replica: Replica) -> None:
        """Take note of a replica as it stands now."""
        self._all[replica.id] = replica
        self._of.setdefault(replica.pool, {})[replica.id] = replica
        self.dirty.add(replica.id)
        self.stirred.add(replica.pool)
        self._changed()

    def drain(self, replica_id: str) -> None:
        """Let a replica finish what runs in it, and end it; gateways are told first."""
        if replica_id in self._drains:
            return
        self.put(replace(self._all[replica_id], state=ReplicaState.DRAINING))
        self.adapters.end(replica_id)
        self._recorded[replica_id] = asyncio.Event()
        drain = self._drain(replica_id)
        self._drains[replica_id] = asyncio.create_task(drain, name=f"drain {replica_id}")

    async def _drain(self, replica_id: str) -> None:
        has_served = bool(self._all[replica_id].address)
        try:
            if has_served:
                async with asyncio.timeout(NOTICE_LIMIT_S):
                    await self._recorded[replica_id].wait()
                    await asyncio.sleep(self._notice_s)
        except TimeoutError:
            pass
        await self._executor.stop(replica_id, self._drain_timeout_s if has_served else 0.0)
        self._end(replica_id)

    def _end(self, replica_id: str) -> None:
        replica = self._all.pop(replica_id)
        siblings = self._of[replica.pool]
        del siblings[replica_id]
        if not siblings:
            del self._of[replica.pool]
        self.adapters.forget(replica_id)
        self._drains.pop(replica_id, None)
        self._recorded.pop(replica_id, None)
        self.dirty.discard(replica_id)
        self.stirred.add(replica.pool)
        self.ended[replica_id] = Ended(replica=replica, end_ns=self._now_ns())
        self._changed()

    def billed(self, replica_id: str, until_ns: int) -> None:
        """The ledger knows what a replica held until a time."""
        if replica := self._all.get(replica_id):
            self.put(replace(replica, billed_time_ns=until_ns))
        elif ended := self.ended.get(replica_id):
            replica = replace(ended.replica, billed_time_ns=until_ns)
            self.ended[replica_id] = Ended(replica=replica, end_ns=ended.end_ns)

    def recorded(self, replicas: Iterable[Replica]) -> None:
        """These are recorded as they stood; those that drain may be ended soon."""
        for replica in replicas:
            if self._all.get(replica.id) is replica:  # else it has changed since
                self.dirty.discard(replica.id)
            event = self._recorded.get(replica.id)
            if event is not None and replica.state is ReplicaState.DRAINING:
                event.set()

    async def stop_all(self, drain_timeout_s: float) -> None:
        """End every replica once what runs has finished, or the time is up."""
        draining = set(self._drains)
        stops = [self._executor.stop(i, drain_timeout_s) for i in self._all if i not in draining]
        drains = list(self._drains.values())
        await asyncio.gather(*stops)
        if drains:
            await asyncio.wait(drains, timeout=drain_timeout_s)
        for drain in drains:
            drain.cancel()
        await asyncio.gather(*drains, return_exceptions=True)
        await asyncio.gather(*(self._executor.stop(each, 0.0) for each in self._all))
        for replica_id in list(self._all):
            self._end(replica_id)

    def _on_report(self, replica_id: str, report: WorkerReport) -> None:
        replica = self._all.get(replica_id)
        if replica is None or report.state is WorkerState.STOPPED:
            return
        state = ReplicaState(report.state.value)
        if replica.state is ReplicaState.DRAINING:
            state = ReplicaState.DRAINING  # whatever becomes of it, it takes nothing new
        self.put(
            replace(
                replica,
                state=state,
                address=report.address or replica.address,
                message=report.message,
            )
        )
