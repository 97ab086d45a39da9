"""Keeps the last reading of all budgets, so that scrapes cost the database little."""

from __future__ import annotations

import asyncio
import time

from hearth.errors import Unavailable
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.limits.watch import store
from hearth.limits.watch.types import Budgets

KEEP_S = 30.0  # two scrapes of the usual interval
READ_LIMIT_S = 2.0  # a scraper gives up after ten seconds, and wants the rest of the page


class BudgetWatch:
    """How full budgets are, at most `KEEP_S` old.

    Args:
        db: read only.
        num_fullest: how many accounts may be named.
        clock: which days and months it is.
    """

    def __init__(self, db: Database, *, num_fullest: int, clock: Clock = utc_now) -> None:
        self._db = db
        self._num_fullest = num_fullest
        self._clock = clock
        self._read_s: float | None = None
        self._budgets = Budgets()

    async def look(self) -> Budgets:
        """The last reading, or a new one; nothing at all while the database is away."""
        if self._read_s is None or time.monotonic() - self._read_s > KEEP_S:
            self._budgets = await self._read()
            self._read_s = time.monotonic()
        return self._budgets

    async def _read(self) -> Budgets:
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                return await store.read_budgets(
                    self._db, self._clock(), num_fullest=self._num_fullest
                )
        except (Unavailable, TimeoutError):
            return Budgets()
