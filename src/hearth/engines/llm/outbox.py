"""Where events gather until the one who waits for them takes them."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A list with a bell.

    Args:
        patience_s: how long an item that is not urgent waits for others.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._items: list[T] = []
        self._bell = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add one and ring."""
        self._items.append(item)
        self._bell.set()

    def put_patiently(self, item: T) -> None:
        """Add one; it is taken with the next that rings, or once patience ends."""
        self._items.append(item)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._patience_s, self._bell.set)

    def ring(self) -> None:
        """Make the one who waits, or comes next, return even with nothing."""
        self._bell.set()

    async def take(self) -> list[T]:
        """Wait for the bell, then return all there is."""
        await self._bell.wait()
        return self.take_at_once()

    def take_at_once(self) -> list[T]:
        """Return all there is, be it nothing; the bell is still afterwards."""
        self._bell.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        items, self._items = self._items, []
        return items
