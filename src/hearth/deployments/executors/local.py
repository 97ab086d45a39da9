"""Replicas as child processes of the controller, reached over Unix sockets in a private folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from hearth.engines import Supervisor, WorkerReport
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.errors import SetupError


class LocalExecutor:
    """Starts and stops workers on this machine.

    Args:
        home: remembers the socket folder, so that the next start removes one left by a crash.
        start_timeout_s: how long a worker may take to be ready.
    """

    def __init__(self, home: Path, *, start_timeout_s: float) -> None:
        self._start_timeout_s = start_timeout_s
        self._supervisors: dict[str, Supervisor] = {}
        self._link = home / "run"
        if self._link.is_symlink():
            shutil.rmtree(os.readlink(self._link), ignore_errors=True)
            self._link.unlink()
        # Not in the home itself: the path of a Unix socket may have 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="hearth-"))
        self._link.symlink_to(self._folder)

    def start(self, spec: WorkerSpec, on_report: Callable[[WorkerReport], None]) -> None:
        """Keep a worker running until `stop`; its address is ours to choose."""
        address = f"unix://{self._folder / spec.replica_id}.sock"
        supervisor = Supervisor(
            replace(spec, address=address),
            start_timeout_s=self._start_timeout_s,
            on_report=on_report,
        )
        self._supervisors[spec.replica_id] = supervisor
        supervisor.start()

    async def stop(self, replica_id: str, drain_timeout_s: float) -> None:
        """End a worker once what it runs has finished, or the time is up."""
        if supervisor := self._supervisors.pop(replica_id, None):
            await supervisor.stop(drain_timeout_s)

    async def change_adapter(self, replica_id: str, change: Adapter | str) -> None:
        """See `Executor.change_adapter`."""
        supervisor = self._supervisors.get(replica_id)
        if supervisor is None:
            raise SetupError(f"The worker {replica_id} does not run.")
        await supervisor.change_adapter(change)

    def is_running(self, replica_id: str) -> bool:
        """Whether a worker is kept running under this id."""
        return replica_id in self._supervisors

    def close(self) -> None:
        """Remove the socket folder; every worker has been stopped."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._link.unlink(missing_ok=True)
