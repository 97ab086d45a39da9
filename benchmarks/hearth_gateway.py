"""A gateway whose only worker runs elsewhere: `python -m benchmarks.hearth_gateway ADDRESS`.

It is `hearth up` with another executor: every replica is the worker at ADDRESS.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from hearth import deployments
from hearth.cli import up
from hearth.engines.protocol import WorkerSpec
from hearth.engines.supervisor import WorkerReport, WorkerState


class RunningElsewhere:
    """Reports every replica as ready at one address, and starts nothing."""

    address = ""

    def __init__(self, home: Path, *, start_timeout_s: float) -> None:
        pass

    def start(self, spec: WorkerSpec, on_report: Callable[[WorkerReport], None]) -> None:
        """Report it ready."""
        on_report(WorkerReport(state=WorkerState.READY, address=self.address))

    async def stop(self, replica_id: str, drain_timeout_s: float) -> None:
        """Leave it to whoever started it."""

    def is_running(self, replica_id: str) -> bool:
        """Whether the replica is kept running; as far as is known here, it is."""
        return True

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    RunningElsewhere.address = sys.argv.pop()
    deployments.LocalExecutor = RunningElsewhere  # type: ignore[misc,assignment]
    sys.argv += ["--engine", "fake"]  # no weights are needed
    up.main()
