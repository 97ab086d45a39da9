"""Keeps the runner of jobs alive, in a process of its own, as long as there are jobs to run."""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hearth.errors import Unavailable
from hearth.jobs import store
from hearth.kit.db import Database

log = logging.getLogger(__name__)

POLL_S = 0.5
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 30.0
STEADY_S = 60.0  # one that ran for so long is started again at once


class RunnerKeeper:
    """Starts the runner when a job is there, and again when it dies; only the leader has one.

    The runner ends by itself when nothing is left to do, and with its standard input, so that it
    never outlives this process. What it was doing, the next one goes on with.

    Args:
        db: where jobs are queued.
        command: of the runner.
        environment: of the runner.
    """

    def __init__(
        self, db: Database, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self._db = db
        self._command = command
        self._environment = environment
        self._wake = asyncio.Event()
        self._runner: Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch for jobs from now on."""
        self._task = asyncio.create_task(self._keep(), name="jobs")

    async def stop(self) -> None:
        """End the runner at once: it loses nothing but time."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Look for jobs now rather than within half a second."""
        self._wake.set()
        if self._runner is not None and self._runner.stdin is not None:
            self._runner.stdin.write(b"\n")

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        retry_s = FIRST_RETRY_S
        while True:
            await self._until_needed()
            started_s = loop.time()
            status = await self._run_once()
            retry_s = FIRST_RETRY_S if loop.time() - started_s > STEADY_S else retry_s
            if status == 0:
                continue
            log.warning("The runner of jobs ended with status %s; another starts.", status)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    async def _until_needed(self) -> None:
        while not await self._is_needed():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()

    async def _is_needed(self) -> bool:
        try:
            async with self._db.read() as conn:
                return await store.is_any_unfinished(conn)
        except Unavailable:
            return False  # nor could the runner do anything

    async def _run_once(self) -> int:
        # In a session of its own: the terminal's Ctrl-C is for us.
        self._runner = runner = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, env=dict(self._environment), start_new_session=True
        )
        try:
            return await runner.wait()
        finally:
            self._runner = None
            if runner.returncode is None:
                with suppress(ProcessLookupError):
                    runner.kill()
                await runner.wait()
