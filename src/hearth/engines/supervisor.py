"""Keeps one worker process running: start, watch, restart with backoff, drain, stop.

It reports what happens through a callback and decides nothing about which models run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

import msgspec
from msgspec import Struct

from hearth.engines.adapter_calls import change_adapter
from hearth.engines.protocol import Adapter, Ready, WorkerSpec, changed_adapters
from hearth.errors import SetupError

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.2  # a worker that was killed is back before a client's retry
MAX_BACKOFF_S = 30.0
_SPIN_COUNT = "200"  # turns; a few microseconds
STABLE_S = 60.0  # a worker that ran this long starts again from the first backoff


class WorkerState(StrEnum):
    """Where a worker is; in `FAILED` its last start failed, and the next follows a backoff."""

    STARTING = "STARTING"
    READY = "READY"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class WorkerReport(Struct, frozen=True, kw_only=True):
    """What the supervisor last saw of its worker."""

    state: WorkerState
    address: str = ""
    pid: int = 0
    message: str = ""


class Supervisor:
    """Runs the worker of one `WorkerSpec` until `stop`.

    Args:
        spec: what the worker is told.
        start_timeout_s: how long it may take from spawn to ready.
        on_report: called in the event loop at every change.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        start_timeout_s: float,
        on_report: Callable[[WorkerReport], None],
    ) -> None:
        self._spec = spec
        self._start_timeout_s = start_timeout_s
        self._on_report = on_report
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._address = ""

    def start(self) -> None:
        """Begin to supervise."""
        self._task = asyncio.create_task(self._run(), name=f"supervise {self._spec.replica_id}")

    async def stop(self, drain_timeout_s: float) -> None:
        """Let the worker finish what runs, at most so long, then end it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None:
            await _end(self._process, drain_timeout_s)
        self._on_report(WorkerReport(state=WorkerState.STOPPED))

    async def change_adapter(self, change: Adapter | str) -> None:
        """Load an adapter in the running worker, or unload the one so named; it begins so from now
        on.

        Raises:
            SetupError: the worker does not run, or refuses.
        """
        if not self._address:
            raise SetupError("The worker is not ready.")
        await change_adapter(self._address, change)
        adapters = changed_adapters(self._spec.adapters, change)
        self._spec = msgspec.structs.replace(self._spec, adapters=adapters)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        backoff_s = FIRST_BACKOFF_S
        while True:
            started = loop.time()
            state, message = await self._run_once()
            if loop.time() - started > STABLE_S:
                backoff_s = FIRST_BACKOFF_S
            log.warning(
                "Worker %s of %s ended: %s; starting it again in %.1f s.",
                self._spec.replica_id, self._spec.model, message, backoff_s,
            )  # fmt: skip
            self._on_report(WorkerReport(state=state, message=message))
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    async def _run_once(self) -> tuple[WorkerState, str]:
        """Start the worker and wait for its end; return why it ended and what it is now."""
        self._on_report(WorkerReport(state=WorkerState.STARTING))
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hearth.engines.worker",
            stdin=PIPE, stdout=PIPE, env=worker_environment(self._spec.threads),
        )  # fmt: skip
        try:
            ready = await asyncio.wait_for(self._introduce(process), self._start_timeout_s)
        except TimeoutError:
            await _end(process, 0)
            return WorkerState.FAILED, f"it was not ready within {self._start_timeout_s:.0f} s"
        except SetupError as error:
            await _end(process, 0)
            return WorkerState.FAILED, str(error)
        self._address = ready.address
        report = WorkerReport(state=WorkerState.READY, address=ready.address, pid=process.pid)
        self._on_report(report)
        try:
            return WorkerState.STARTING, _describe_exit(await process.wait())
        finally:
            self._address = ""

    async def _introduce(self, process: Process) -> Ready:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(self._spec) + b"\n")
        line = await process.stdout.readline()
        if not line:
            raise SetupError(_describe_exit(await process.wait()))
        ready = msgspec.json.decode(line, type=Ready)
        if ready.error:
            raise SetupError(ready.error)
        return ready


def worker_environment(threads: int) -> dict[str, str]:
    """The environment of a worker; native libraries take their thread count from here, too.

    OpenMP threads that spin while they wait for each other starve the one they wait for when the
    cores are shared: decoding fell from 150 to 2 tokens/s. They sleep after a short spin instead.
    Of glibc's arenas, one for each thread, all keep room that others cannot use; two are enough.
    """
    defaults = {"GOMP_SPINCOUNT": _SPIN_COUNT, "MALLOC_ARENA_MAX": "2"}  # an operator's value wins
    ours = {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
    return defaults | os.environ | ours


def _describe_exit(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exited with status {code}"


async def _end(process: Process, drain_timeout_s: float) -> None:
    """SIGTERM, wait, SIGKILL; returns when the process is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), drain_timeout_s)
    except TimeoutError:
        pass
    finally:  # also when whoever waited for it has no more time
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
