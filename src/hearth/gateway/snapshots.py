"""Keeps what the hot path holds in memory up to date: keys, replicas, models.

Each is reloaded when its version row moves; requests themselves read no database. While the
database is away, the last state stays in use.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.kit.versions import read_versions

log = logging.getLogger(__name__)

POLL_S = 0.5

Refresh = Callable[[], Awaitable[None]]


class Snapshots:
    """Follows the version rows.

    Args:
        db: where they are.
        refreshers: what to call when the version of that name has moved.
        every_poll: called at every poll, for what has no version row.
    """

    def __init__(
        self, db: Database, refreshers: Mapping[str, Refresh], *, every_poll: Callable[[], None]
    ) -> None:
        self._db = db
        self._refreshers = refreshers
        self._every_poll = every_poll
        self._seen: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load everything once, then follow."""
        for refresh in self._refreshers.values():
            await refresh()
        self._task = asyncio.create_task(self._follow(), name="snapshots")

    async def stop(self) -> None:
        """Follow no longer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Look now: something in this process has changed a version."""
        self._wake.set()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()
            self._every_poll()
            try:
                await self._refresh_moved()
            except Unavailable as error:
                log.warning("The snapshots are not refreshed: %s", error)

    async def _refresh_moved(self) -> None:
        versions = await read_versions(self._db)
        for name, refresh in self._refreshers.items():
            version = versions.get(name, 0)
            if self._seen.get(name) != version:
                await refresh()
                self._seen[name] = version
