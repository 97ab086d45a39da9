"""A controller while this process leads, and a place in line while another does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from hearth.app.controller import Controller
from hearth.errors import LostLeadership, Unavailable
from hearth.kit.leadership import Leadership

log = logging.getLogger(__name__)

RETRY_S = 1.0


class Leading:
    """Starts a controller whenever this process comes to lead, and ends it when another does.

    Args:
        leadership: of the state's controller.
        make_controller: makes one that writes by this leadership.
        announce: told in one line when this changes, and for whom it waits.
    """

    def __init__(
        self,
        leadership: Leadership,
        make_controller: Callable[[], Controller],
        announce: Callable[[str], object] = log.info,
    ) -> None:
        self._leadership = leadership
        self._make_controller = make_controller
        self._announce = announce
        self._controller: Controller | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, models: list[str], *, on_change: Callable[[], None]) -> bool:
        """Lead, if nobody does; else wait for it in the background. Return whether it leads.

        Args:
            models: full names of models that the controller serves unasked.
            on_change: called after a replica's record changed, for a gateway in the same process.

        Raises:
            SetupError: this machine cannot hold the lock.
            Unavailable: the database cannot be written.
        """
        is_leading = await self._leadership.try_acquire()
        if is_leading:
            await self._begin(models, on_change)
        else:
            leader = await self._leadership.leader()
            holder = "another process" if leader is None else leader.holder
            self._announce(f"The controller waits: {holder} leads. It takes over when that ends.")
        terms = self._serve_terms(models, on_change, is_leading=is_leading)
        self._task = asyncio.create_task(terms, name="leading")
        self._task.add_done_callback(_tell_of_failure)
        return is_leading

    async def ended(self) -> None:
        """Wait until this has failed; by itself it never ends."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """End the controller and let the next one lead."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._end()

    def wake(self) -> None:
        """Look at once for what gateways ask for."""
        if self._controller is not None:
            self._controller.wake()

    async def _serve_terms(
        self, models: list[str], on_change: Callable[[], None], *, is_leading: bool
    ) -> None:
        while True:
            if not is_leading:
                await self._leadership.acquire()
                try:
                    await self._begin(models, on_change)
                except (Unavailable, LostLeadership) as error:
                    log.warning("The controller cannot start yet: %s", error)
                    await self._end()
                    await asyncio.sleep(RETRY_S)
                    continue
                self._announce("The controller leads now.")
            await self._leadership.lost.wait()
            self._announce("Another controller leads now; this one ends what it ran and waits.")
            await self._end()
            is_leading = False

    async def _begin(self, models: list[str], on_change: Callable[[], None]) -> None:
        self._controller = self._make_controller()
        await self._controller.start(models, on_change=on_change)

    async def _end(self) -> None:
        controller, self._controller = self._controller, None
        if controller is not None:
            try:
                await controller.stop()
            except (Unavailable, LostLeadership) as error:
                log.warning("The controller ended without a note of it: %s", error)
        await self._leadership.release()


def _tell_of_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("The controller failed; start this process again.", exc_info=task.exception())
