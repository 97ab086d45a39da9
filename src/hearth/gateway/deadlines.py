"""One timer for all waits of the same length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Tells of what is not taken out again in time, in the order in which it was put in.

    Args:
        limit_s: how long each may stay.
        on_late: called with one that stayed too long, which is out then.
    """

    def __init__(self, limit_s: float, on_late: Callable[[T], None]) -> None:
        self._limit_s = limit_s
        self._on_late = on_late
        self._due_s: dict[T, float] = {}
        self._is_armed = False

    @property
    def waiting(self) -> list[T]:
        """What is in now."""
        return list(self._due_s)

    def add(self, item: T) -> None:
        """Put in an item."""
        self._due_s[item] = monotonic() + self._limit_s
        if not self._is_armed:
            self._arm(self._limit_s)

    def remove(self, item: T) -> None:
        """Take an item out, if it is in."""
        self._due_s.pop(item, None)

    def _tell_late(self) -> None:
        self._is_armed = False
        while self._due_s:
            item, due_s = next(iter(self._due_s.items()))
            left_s = due_s - monotonic()
            if left_s > 0:
                self._arm(left_s)
                return
            del self._due_s[item]
            self._on_late(item)

    def _arm(self, delay_s: float) -> None:
        self._is_armed = True
        asyncio.get_running_loop().call_later(delay_s, self._tell_late)
