"""What a handler is given: steps that survive a crash, progress, and whether to give up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hearth.errors import Unavailable
from hearth.jobs.outcomes import Outcome, outcome_of
from hearth.jobs.types import JobRecord

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0

Handler = Callable[["Context", Mapping[str, Any]], Awaitable[object]]
"""Does a job, by its arguments; what it returns, JSON, is the job's result.

After a crash it is called again from its first line: between steps it does nothing but decide, the
same way each time.
"""


class Journal(Protocol):
    """Remembers the steps of one job."""

    async def step(self, name: str, run: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Run it, or tell what came of it before a crash."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a crash does not start the wait anew."""


@dataclass(frozen=True, kw_only=True)
class Watching:
    """How the outside hears of a job and speaks to it."""

    report: Callable[[int, str], Awaitable[None]]
    check_lead: Callable[[], Awaitable[None]]
    "Ends this process where another has taken over."


class Context:
    """One run of one job.

    Args:
        job: as it was when this run began.
        journal: remembers its steps.
        watching: the ways out.
    """

    def __init__(self, job: JobRecord, journal: Journal, watching: Watching) -> None:
        self.job = job
        self.is_cancelled = False
        "Also seen as `CancelledError` at the next await; a thread must look here."
        self._journal = journal
        self._watching = watching

    async def step(
        self,
        name: str,
        function: Callable[..., Awaitable[object]],
        *arguments: object,
        num_retries: int = 0,
    ) -> Any:  # Any: whatever JSON the step returns
        """Run a part of the job that is not run again once it is done.

        It runs at least once: a crash in it, or between its end and the note of it, runs it again,
        so it must be able to find its own traces.

        Args:
            name: the same at every run of the job.
            function: what to do.
            arguments: for the function.
            num_retries: how often to try again, after 1, 2, 4 ... 60 s, where something is
                unavailable.

        Raises:
            ApiError: what the function raised; the handler may go on all the same.
            SetupError: the same.
        """

        async def run() -> Outcome:
            await self._watching.check_lead()
            what = f"The step {name!r} of the job {self.job.id}"
            return await outcome_of(_try(function, arguments, num_retries), what=what)

        return (await self._journal.step(name, run)).take()

    async def progress(self, percent: int, message: str = "") -> None:
        """Say how far the job has come; each call is a write to the database.

        Args:
            percent: 0 to 100; less than before is not shown.
            message: what is being done, for people.
        """
        assert 0 <= percent <= 100
        await self._watching.report(percent, message)

    async def sleep(self, seconds: float) -> None:
        """Wait as a step: after a crash only the rest is waited for."""
        await self._journal.sleep(seconds)


async def _try(
    function: Callable[..., Awaitable[object]], arguments: tuple[object, ...], num_retries: int
) -> object:
    pause_s = FIRST_RETRY_S
    for _ in range(num_retries):
        try:
            return await function(*arguments)
        except Unavailable as error:
            log.warning("Trying again in %.0f s: %s", pause_s, error)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LAST_RETRY_S)
    return await function(*arguments)
