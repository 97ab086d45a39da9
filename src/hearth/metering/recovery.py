"""Brings the journals of gateways that died into the ledger while this one goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hearth.errors import Unavailable

INTERVAL_S = 5.0

log = logging.getLogger(__name__)


class Recovery:
    """Looks for dead gateways of this home every few seconds, from `start` to `close`.

    Args:
        replay: see `metering.replay`; several gateways may look at once.
    """

    def __init__(
        self, replay: Callable[[], Awaitable[object]], *, interval_s: float = INTERVAL_S
    ) -> None:
        self._replay = replay
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        assert self._task is None, "started twice"
        self._task = asyncio.create_task(self._run(), name="usage-recovery")

    async def close(self) -> None:
        """Look no more; a replay that is cut off is repeated by whoever looks next."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await self._replay()
            except (Unavailable, OSError) as error:
                log.warning("What a dead gateway used is not in the ledger yet: %s", error)
