"""A gateway whose only worker runs elsewhere: `python -m benchmarks.hearth_gateway ADDRESS`.

It is `hearth up` with another executor: every replica is the worker at ADDRESS. With `--unmetered`
before it, requests are neither priced nor held nor recorded, to see what that costs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from hearth import app, deployments, metering
from hearth.cli import up
from hearth.engines.protocol import WorkerSpec
from hearth.engines.supervisor import WorkerReport, WorkerState
from hearth.gateway import inference
from hearth.gateway.http import Exchange
from hearth.gateway.till import Charge
from hearth.metering import Begin, Journal, Settle


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


class Unmetered:
    """In place of the till: nothing has a price, nobody has limits."""

    def __init__(self, *_: object) -> None:
        self._charge = Charge(None, 0)

    def gate(self, exchange: Exchange) -> None:
        """Refuse nobody."""

    def charge(self, *_: object) -> Charge:
        """Charge nothing."""
        return self._charge


class Unwritten(Journal):
    """A journal that writes nothing."""

    def begin(self, record: Begin) -> None:
        """See `Journal.begin`."""

    def settle(self, record: Settle) -> None:
        """See `Journal.settle`."""


def leave_out_metering() -> None:
    """Let the process skip every step between a request and the ledger."""
    vars(app.gateway)["Till"] = Unmetered
    vars(metering)["Journal"] = Unwritten
    vars(inference)["begin_record"] = vars(inference)["settle_record"] = lambda *_: None


if __name__ == "__main__":
    RunningElsewhere.address = sys.argv.pop()
    deployments.LocalExecutor = RunningElsewhere  # type: ignore[misc,assignment]
    if "--unmetered" in sys.argv:
        sys.argv.remove("--unmetered")
        leave_out_metering()
    sys.argv += ["--engine", "fake"]  # no weights are needed
    up.main()
