"""Runs the lender in the background: rounds for those that wait, recalls, renewals, the dead."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from hearth.errors import Unavailable
from hearth.limits.deaths import Deaths
from hearth.limits.lender import RENEW_S, Lender
from hearth.limits.pacer import Pacer

TICK_S = 0.1  # how soon a recall is seen
POLL_S = 0.02  # how soon those that wait for other gateways learn of their answer
RETRY_S = 0.1
PATIENCE_S = 0.25  # a living gateway has answered a recall by then
CLOSE_LIMIT_S = 5.0

log = logging.getLogger(__name__)


class Keeper:
    """Owns the tasks of a lender, from `start` to `close`."""

    def __init__(self, lender: Lender, pacer: Pacer, deaths: Deaths) -> None:
        self._lender = lender
        self._pacer = pacer
        self._deaths = deaths
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_s = 0.0
        self._synced_s = 0.0
        self._is_failing = False

    def start(self) -> None:
        """Begin; `close` ends it."""
        assert self._task is None, "started twice"
        self._task = asyncio.create_task(self._run(), name="limits")

    async def close(self) -> None:
        """Give back what is not in use; call it when the journal is applied."""
        self._closing = True
        self._lender.wake.set()
        self._pacer.fail_waiting(Unavailable("Hearth is stopping.", retry_after_s=1))
        for task in (self._looking, self._task):
            if task is not None:
                _, late = await asyncio.wait({task}, timeout=CLOSE_LIMIT_S)
                for one in late:
                    one.cancel()
                    await asyncio.wait({one})
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._lender.close()
                await self._pacer.close()
        except (Unavailable, TimeoutError) as error:
            log.warning("What this gateway held of limits is free once it is silent: %s", error)
        if self._task is not None and not self._task.cancelled():
            self._task.result()  # a bug that ended it early shows here

    async def _run(self) -> None:
        while not self._closing:
            await self._pause()
            self._lender.wake.clear()
            try:
                await self._pacer.sync()
                await self._sync_lender()
            except Unavailable as error:
                await self._failed(error)
            else:
                self._is_failing = False
            self._look_for_deaths()

    async def _sync_lender(self) -> None:
        """Rates wake this loop far more often than anybody recalls a lease: look in between only
        for who waits."""
        lender, now_s = self._lender, asyncio.get_running_loop().time()
        if lender.longest_wait_s or now_s - self._synced_s >= TICK_S / 2:
            self._synced_s = now_s
            await lender.sync()

    async def _pause(self) -> None:
        """Wait for the next thing to do."""
        lender = self._lender
        if lender.is_idle and self._pacer.is_idle:
            await lender.wake.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S if lender.longest_wait_s else TICK_S):
                await lender.wake.wait()

    async def _failed(self, error: Unavailable) -> None:
        if not self._is_failing:
            log.warning("Limits cannot be shared, and will be again: %s", error)
        self._is_failing = True
        self._lender.fail_waiting(error)
        self._pacer.fail_waiting(error)
        await asyncio.sleep(RETRY_S)

    def _look_for_deaths(self) -> None:
        """In a task of its own: a replay may take longer than others can wait."""
        now_s = self._lender.uptime()
        is_short = self._lender.longest_wait_s >= PATIENCE_S
        is_due = not self._lender.is_idle and now_s - self._looked_s >= RENEW_S
        is_free = self._looking is None or self._looking.done()
        if is_free and (is_due or (is_short and now_s - self._looked_s >= PATIENCE_S)):
            self._looked_s = now_s
            self._looking = asyncio.create_task(self._look(), name="limits-deaths")

    async def _look(self) -> None:
        try:
            await self._deaths.look()
        except (Unavailable, OSError) as error:
            log.warning("What dead gateways held of limits is not free yet: %s", error)
        else:
            self._lender.wake.set()
