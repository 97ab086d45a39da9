"""The seam between what replicas there should be and where they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hearth.engines import WorkerReport
from hearth.engines.protocol import Adapter, WorkerSpec


class Executor(Protocol):
    """Runs workers somewhere; one per controller, used from its event loop.

    It keeps each worker running until `stop`: one that dies is started again after a backoff, and
    every change is reported. A worker never outlives the process that holds the executor.
    """

    def start(self, spec: WorkerSpec, on_report: Callable[[WorkerReport], None]) -> None:
        """Begin to run a worker under its `replica_id`; its address is the executor's to choose.

        Returns at once. Reports come later, in the event loop: STARTING, then READY with an address
        or FAILED with a reason, again at every restart, STOPPED at the end.
        """
        ...

    async def stop(self, replica_id: str, drain_timeout_s: float) -> None:
        """End a worker once what it runs has finished, or the time is up; unknown ids are fine."""
        ...

    async def change_adapter(self, replica_id: str, change: Adapter | str) -> None:
        """Load an adapter in a worker that is ready, or unload the one so named; a worker that is
        started again has what was loaded.

        Raises:
            SetupError: the worker does not run, refuses, or the adapter cannot be opened.
        """
        ...

    def is_running(self, replica_id: str) -> bool:
        """Whether a worker is kept running under this id."""
        ...

    def close(self) -> None:
        """Free what the executor holds; every worker has been stopped."""
        ...
