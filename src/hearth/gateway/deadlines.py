"""One timer for all waits of the same length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadlines:
    """Calls back what is not taken out again in time; in the order it was put in.

    Args:
        limit_s: how long each may stay.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._due_s: dict[Callable[[], None], float] = {}
        self._is_armed = False

    def add(self, on_late: Callable[[], None]) -> None:
        """Put in a callback, which then runs unless it is removed."""
        loop = asyncio.get_running_loop()
        self._due_s[on_late] = loop.time() + self._limit_s
        if not self._is_armed:
            self._is_armed = True
            loop.call_later(self._limit_s, self._run_late)

    def remove(self, on_late: Callable[[], None]) -> None:
        """Take a callback out, whether it has run or not."""
        self._due_s.pop(on_late, None)

    def _run_late(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_armed = False
        while self._due_s:
            on_late, due_s = next(iter(self._due_s.items()))
            if due_s > loop.time():
                self._is_armed = True
                loop.call_at(due_s, self._run_late)
                return
            del self._due_s[on_late]
            on_late()
