"""The beat of the mock engine: one step per 5 ms for all that runs, without drift."""

from __future__ import annotations

import asyncio
from typing import Protocol

STEP_S = 0.005
CHUNK_TEXT = " ember"
ANSWER_TEXT = "The hearth is warm and the kettle sings. " * 14


class Stepping(Protocol):
    """Something that produces at every beat."""

    def step(self) -> bool:
        """Produce once; say whether there is more to come."""
        ...


class Pace:
    """Steps everything that runs; rests when nothing does."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: dict[Stepping, None] = {}
        self._due_s = 0.0

    def add(self, stepping: Stepping) -> None:
        """Step it at every beat from the next on, until it has no more."""
        if not self._running:
            self._due_s = self._loop.time()
            self._wait()
        self._running[stepping] = None

    def remove(self, stepping: Stepping) -> None:
        """Step it no more."""
        self._running.pop(stepping, None)

    def _wait(self) -> None:
        self._due_s = max(self._due_s + STEP_S, self._loop.time())
        self._loop.call_at(self._due_s, self._beat)

    def _beat(self) -> None:
        for stepping in list(self._running):
            if not stepping.step():
                self.remove(stepping)
        if self._running:
            self._wait()
