"""An executor without workers: what a test, or a rehearsal of a plan, tells it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from hearth.engines import WorkerReport, WorkerState
from hearth.engines.protocol import Adapter, WorkerSpec, changed_adapters
from hearth.errors import SetupError


class FakeExecutor:
    """Says that workers are ready without starting any; nothing answers at their addresses.

    Args:
        is_automatic: workers are ready at once; else when `ready` is called.
    """

    def __init__(self, *, is_automatic: bool = True) -> None:
        self._is_automatic = is_automatic
        self.specs: dict[str, WorkerSpec] = {}
        "Of what runs, by id."
        self.stopped: list[tuple[str, float]] = []
        "Ids in the order of their end, and how long each was given to drain."
        self.broken: dict[str, str] = {}
        "Names of adapters that no worker can load, and why."
        self._reports: dict[str, Callable[[WorkerReport], None]] = {}

    def start(self, spec: WorkerSpec, on_report: Callable[[WorkerReport], None]) -> None:
        """See `Executor`."""
        self.specs[spec.replica_id] = spec
        self._reports[spec.replica_id] = on_report
        loop = asyncio.get_running_loop()
        loop.call_soon(self._report, spec.replica_id, WorkerReport(state=WorkerState.STARTING))
        if self._is_automatic:
            loop.call_soon(self.ready, spec.replica_id)

    def ready(self, replica_id: str) -> None:
        """Let a worker be ready."""
        address = f"unix:///nowhere/{replica_id}.sock"
        self._report(replica_id, WorkerReport(state=WorkerState.READY, address=address))

    def fail(self, replica_id: str, message: str) -> None:
        """Let a worker's start fail; it stays so until `ready`."""
        self._report(replica_id, WorkerReport(state=WorkerState.FAILED, message=message))

    async def stop(self, replica_id: str, drain_timeout_s: float) -> None:
        """See `Executor`."""
        if self.specs.pop(replica_id, None) is None:
            return
        self.stopped.append((replica_id, drain_timeout_s))
        self._reports.pop(replica_id)(WorkerReport(state=WorkerState.STOPPED))

    async def change_adapter(self, replica_id: str, change: Adapter | str) -> None:
        """See `Executor.change_adapter`; what is in `broken` cannot be loaded."""
        spec = self.specs.get(replica_id)
        name = change if isinstance(change, str) else change.name
        if spec is None or name in self.broken:
            raise SetupError(self.broken.get(name, "The worker does not run."))
        self.specs[replica_id] = replace(spec, adapters=changed_adapters(spec.adapters, change))

    def is_running(self, replica_id: str) -> bool:
        """See `Executor`."""
        return replica_id in self.specs

    def close(self) -> None:
        """See `Executor`."""

    def _report(self, replica_id: str, report: WorkerReport) -> None:
        if on_report := self._reports.get(replica_id):
            on_report(report)
