"""Adapters that come and go while a worker runs, one change after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hearth.engines.engine import Engine, Failed, LiveAdapters
from hearth.engines.protocol import Adapter, Failure, LoadedAdapter
from hearth.engines.wire import Connection, FrameType

Tell = Callable[[list[LoadedAdapter], Connection], None]
"Tells all connections but one what is loaded now."

_FIXED = Failure(kind="invalid", message="The engine of this worker loads no adapters.")


class AdapterChanges:
    """Makes the changes that peers ask for.

    Args:
        engine: whose adapters change.
        tell_others: called after each change.
    """

    def __init__(self, engine: Engine, tell_others: Tell) -> None:
        self._engine = engine
        self._tell_others = tell_others
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, change: Adapter | str, request: int, connection: Connection) -> None:
        """Load an adapter, or unload the one so named; the answer goes to the connection."""
        task = asyncio.create_task(self._make(change, request, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Break off what is under way; the worker ends."""
        for task in self._tasks:
            task.cancel()

    async def _make(self, change: Adapter | str, request: int, connection: Connection) -> None:
        engine = self._engine
        if not isinstance(engine, LiveAdapters):
            connection.send(FrameType.FAILED, request, _FIXED)
            return
        try:
            async with self._one_at_a_time:
                await _apply(engine, change)
        except Failed as refused:
            connection.send(FrameType.FAILED, request, refused.failure)
            return
        loaded = self._engine.hello().adapters
        self._tell_others(loaded, connection)
        connection.send(FrameType.ADAPTERS, request, loaded)


async def _apply(engine: LiveAdapters, change: Adapter | str) -> None:
    if isinstance(change, str):
        await engine.unload_adapter(change)
    else:
        await engine.load_adapter(change)
