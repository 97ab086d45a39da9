"""An executor whose workers' weights lie encrypted on disk and open only in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from hearth.deployments.executors.executor import Executor
from hearth.deployments.vpc.vault import Vault
from hearth.engines import WorkerReport, WorkerState
from hearth.engines.protocol import Adapter, WorkerSpec, changed_adapters
from hearth.errors import SetupError

FIRST_BACKOFF_S, MAX_BACKOFF_S = 2.0, 60.0


class SealedExecutor:
    """Opens weights before another executor starts workers, and forgets them at their end.

    What is not sealed and need not be goes straight through; see `Executor`.
    """

    def __init__(self, inner: Executor, vault: Vault) -> None:
        self._inner = inner
        self._vault = vault
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._opened: set[str] = set()
        self._specs: dict[str, WorkerSpec] = {}

    def start(self, spec: WorkerSpec, on_report: Callable[[WorkerReport], None]) -> None:
        """See `Executor.start`; weights that cannot be opened are FAILED, and tried again."""
        self._specs[spec.replica_id] = spec
        if not self._vault.concerns(spec):
            self._inner.start(spec, on_report)
            return
        on_report(WorkerReport(state=WorkerState.STARTING))
        opening = self._open_and_start(spec, on_report)
        self._opening[spec.replica_id] = asyncio.create_task(opening, name="open weights")

    async def stop(self, replica_id: str, drain_timeout_s: float) -> None:
        """See `Executor.stop`."""
        if opening := self._opening.pop(replica_id, None):
            opening.cancel()
            with suppress(asyncio.CancelledError):
                await opening
        await self._inner.stop(replica_id, drain_timeout_s)
        self._specs.pop(replica_id, None)
        if replica_id in self._opened:
            self._opened.discard(replica_id)
            await asyncio.to_thread(self._vault.close, replica_id)

    async def change_adapter(self, replica_id: str, change: Adapter | str) -> None:
        """See `Executor.change_adapter`; an adapter is opened as weights are."""
        spec = self._specs.get(replica_id)
        if spec is None:
            await self._inner.change_adapter(replica_id, change)
            return
        had, kept = spec.adapters, changed_adapters(spec.adapters, change)
        opened = change
        if isinstance(change, Adapter):
            alone = replace(spec, path=None, adapters=[change])
            if self._vault.concerns(alone):
                self._opened.add(replica_id)
                opened = await asyncio.to_thread(self._vault.open_adapter, alone)
        try:
            await self._inner.change_adapter(replica_id, opened)
        except SetupError:
            had, kept = kept, had  # what is new is not there, and what was there still is
            raise
        else:
            self._specs[replica_id] = replace(spec, adapters=kept)
        finally:
            for digest in {each.digest for each in had} - {each.digest for each in kept}:
                await asyncio.to_thread(self._vault.close_adapter, replica_id, digest)

    def is_running(self, replica_id: str) -> bool:
        """See `Executor.is_running`."""
        return replica_id in self._opening or self._inner.is_running(replica_id)

    def close(self) -> None:
        """See `Executor.close`."""
        self._inner.close()
        self._vault.close_all()

    async def _open_and_start(
        self, spec: WorkerSpec, on_report: Callable[[WorkerReport], None]
    ) -> None:
        self._opened.add(spec.replica_id)
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                opened = await self._open(spec)
                break
            except SetupError as error:
                on_report(WorkerReport(state=WorkerState.FAILED, message=str(error)))
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
        del self._opening[spec.replica_id]
        self._inner.start(opened, on_report)

    async def _open(self, spec: WorkerSpec) -> WorkerSpec:
        # A thread cannot be cancelled: what it opens after all is forgotten once it has ended.
        work = asyncio.create_task(asyncio.to_thread(self._vault.open, spec))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            with suppress(SetupError):
                await work
            raise
