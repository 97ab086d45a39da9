"""Where events gather until the one who waits for them takes them."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A list with a bell; what is put in one turn of the event loop is taken together."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._bell = asyncio.Event()

    def put(self, item: T) -> None:
        """Add one."""
        self._items.append(item)
        self._bell.set()

    def ring(self) -> None:
        """Make the one who waits, or comes next, return even with nothing."""
        self._bell.set()

    async def take(self) -> list[T]:
        """Wait for the bell, then return all there is."""
        await self._bell.wait()
        self._bell.clear()
        items, self._items = self._items, []
        return items
