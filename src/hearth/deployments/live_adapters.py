"""Adapters that come to running replicas and leave them, where engines can do that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from hearth.deployments.executors.executor import Executor
from hearth.deployments.serving import LIVE_ENGINES
from hearth.deployments.types import Replica, ReplicaState
from hearth.engines.protocol import Adapter, changed_adapters
from hearth.errors import SetupError

log = logging.getLogger(__name__)

FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 30.0


class _Replica:
    """What one replica has, and what it should have."""

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        self.loaded = list(adapters)
        self.wanted = list(adapters)
        self.faults: dict[str, str] = {}
        self.stirred = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def changes(self) -> list[Adapter | str]:
        """Names to unload, then adapters to load; one that is replaced is only loaded."""
        names = {each.name for each in self.wanted}
        gone: list[Adapter | str] = [e.name for e in self.loaded if e.name not in names]
        return [*gone, *(each for each in self.wanted if each not in self.loaded)]

    def made(self, change: Adapter | str) -> None:
        """Note a change that the worker has made."""
        self.loaded = changed_adapters(self.loaded, change)


class LiveAdapters:
    """Brings running workers to what is wanted, each in a task of its own while it differs.

    Args:
        executor: where they run.
        changed: called with a replica's id when what it has, or why it has not, is another.
    """

    def __init__(self, executor: Executor, changed: Callable[[str], None]) -> None:
        self._executor = executor
        self._changed = changed
        self._replicas: dict[str, _Replica] = {}

    def begin(self, replica_id: str, adapters: Sequence[Adapter]) -> None:
        """A replica is started with these."""
        self._replicas[replica_id] = _Replica(adapters)

    def end(self, replica_id: str) -> None:
        """A replica drains: what it has stays as it is."""
        replica = self._replicas.get(replica_id)
        if replica is not None and replica.task is not None:
            replica.task.cancel()

    def forget(self, replica_id: str) -> None:
        """A replica is gone."""
        self.end(replica_id)
        self._replicas.pop(replica_id, None)

    def loaded(self, replica_id: str) -> Sequence[Adapter]:
        """What a replica has beside its weights."""
        replica = self._replicas.get(replica_id)
        return () if replica is None else replica.loaded

    def fault(self, replica_id: str, adapter: str) -> str:
        """Why a replica could not load an adapter, by its name; empty: nothing has failed."""
        replica = self._replicas.get(replica_id)
        return "" if replica is None else replica.faults.get(adapter, "")

    def equip(
        self, replicas: Sequence[Replica], adapters: Sequence[Adapter], *, version: str
    ) -> None:
        """Let those of a version that are ready have these adapters and no others, where their
        engine can change them while it runs; nothing is waited for."""
        for each in replicas:
            is_ready = each.state is ReplicaState.READY and each.version == version
            if is_ready and each.engine in LIVE_ENGINES:
                self._want(each.id, adapters)

    def _want(self, replica_id: str, adapters: Sequence[Adapter]) -> None:
        replica = self._replicas.get(replica_id)
        if replica is None or replica.wanted == list(adapters):
            return
        replica.wanted = list(adapters)
        names = {each.name for each in adapters}
        replica.faults = {name: why for name, why in replica.faults.items() if name in names}
        replica.stirred.set()
        if replica.task is None or replica.task.done():
            converging = self._converge(replica_id, replica)
            replica.task = asyncio.create_task(converging, name=f"adapters of {replica_id}")

    async def _converge(self, replica_id: str, replica: _Replica) -> None:
        backoff_s = FIRST_BACKOFF_S
        while changes := replica.changes():
            replica.stirred.clear()
            for change in changes:
                await self._make(replica_id, replica, change)
            if not replica.faults:
                continue
            try:
                await asyncio.wait_for(replica.stirred.wait(), backoff_s)
                backoff_s = FIRST_BACKOFF_S
            except TimeoutError:
                backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    async def _make(self, replica_id: str, replica: _Replica, change: Adapter | str) -> None:
        name = change if isinstance(change, str) else change.name
        try:
            await self._executor.change_adapter(replica_id, change)
        except SetupError as error:
            if replica.faults.get(name) != str(error):
                log.warning("The adapter %s on %s: %s", name, replica_id, error)
            replica.faults[name] = str(error)
        else:
            replica.faults.pop(name, None)
            replica.made(change)
        self._changed(replica_id)
