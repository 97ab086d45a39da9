"""The gateways of `hearth up --gateways N` besides the first: processes that share its port."""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 30.0
STEADY_S = 60.0  # one that ran for so long is started again at once

log = logging.getLogger(__name__)


class Siblings:
    """Keeps so many gateways running; each ends with its standard input, so with this process.

    Args:
        arguments: of `python -m hearth.cli.gateway`.
        num: how many.
    """

    def __init__(self, arguments: list[str], *, num: int) -> None:
        command = ["-m", "hearth.cli.gateway", "--with-parent", "--share-port", *arguments]
        self._command = [sys.executable, *command]
        self._num = num
        self._processes: set[Process] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._draining = asyncio.Event()

    def start(self) -> None:
        """Start them; the first requests may come before all are up."""
        self._keepers = [
            asyncio.create_task(self._keep(), name=f"gateway-{number}")
            for number in range(2, self._num + 2)
        ]

    def stop(self) -> None:
        """Let them drain; called again, have them cut what still runs."""
        for process in self._processes:
            if self._draining.is_set():
                with suppress(ProcessLookupError):
                    process.terminate()
            elif process.stdin is not None:
                process.stdin.close()
        self._draining.set()

    async def ended(self, limit_s: float) -> None:
        """Wait until all have drained; what is not gone by then is killed."""
        if not self._draining.is_set():
            self.stop()
        if self._keepers:
            await asyncio.wait(self._keepers, timeout=limit_s)
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.kill()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        retry_s = FIRST_RETRY_S
        while not self._draining.is_set():
            started_s = loop.time()
            status = await self._run_once()
            if self._draining.is_set():
                return
            retry_s = FIRST_RETRY_S if loop.time() - started_s > STEADY_S else retry_s
            log.warning("A gateway ended with status %s; another starts.", status)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    async def _run_once(self) -> int:
        # In a session of its own: the terminal's Ctrl-C is for us, who tell it to drain.
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, start_new_session=True
        )
        self._processes.add(process)
        try:
            if self._draining.is_set() and process.stdin is not None:
                process.stdin.close()
            return await process.wait()
        finally:
            self._processes.discard(process)
