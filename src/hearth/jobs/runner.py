"""Runs the jobs: takes them from the table, gives each to its handler, notes how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, TypeVar

import msgspec

from hearth.errors import LostLeadership, Unavailable
from hearth.jobs import store
from hearth.jobs.context import Context, Handler, Watching
from hearth.jobs.outcomes import Outcome, outcome_of
from hearth.jobs.types import Ending, JobRecord, JobState
from hearth.jobs.workflows import DbosJournal, Workflows
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.leadership import Leadership

log = logging.getLogger(__name__)

POLL_S = 0.5
IDLE_S = 60.0
MAX_RUNNING = 8

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A job that runs here."""

    context: Context
    task: asyncio.Task[Outcome]

    def cancel(self) -> None:
        """Once only: again would cut off the handler's cleaning up."""
        if not self.context.is_cancelled:
            self.context.is_cancelled = True
            self.task.cancel()


class Runner:
    """One per state: whoever makes it leads as `jobs`.

    Args:
        db: where jobs are queued.
        leadership: checked by every write.
        handlers: by kind.
        give_up: ends the process at once, told why; the next one goes on.
        clock: when jobs began and ended.
    """

    def __init__(
        self,
        db: Database,
        leadership: Leadership,
        handlers: Mapping[str, Handler],
        *,
        give_up: Callable[[str], NoReturn],
        clock: Clock = utc_now,
    ) -> None:
        self._db = db
        self._leadership = leadership
        self._handlers = handlers
        self._give_up = give_up
        self._clock = clock
        self._workflows = Workflows(db, self._body)
        self._claimed: set[str] = set()
        self._runs: dict[str, _Run] = {}

    async def run(self, woken: asyncio.Event, *, idle_s: float = IDLE_S) -> None:
        """Run what is queued and what others left, until there has been nothing for a while.

        Args:
            woken: set by others to have it look for jobs at once.
            idle_s: how long that while is.

        Raises:
            Unavailable: the database is away at the start.
        """
        loop = asyncio.get_running_loop()
        self._workflows.launch()
        await self._workflows.forget_finished()
        busy_s = loop.time()
        while loop.time() - busy_s < idle_s:
            try:
                is_busy = await self._poll()
            except Unavailable as error:
                log.warning("The runner of jobs waits: %s", error)
                is_busy = True
            busy_s = loop.time() if is_busy else busy_s
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), POLL_S)
            woken.clear()

    async def _poll(self) -> bool:
        """Return whether there is anything to do."""
        async with self._db.read() as conn:
            unfinished = await store.unfinished_jobs(conn)
        for job in unfinished:
            if job.id not in self._claimed:
                await self._settle(job)
            elif job.is_cancelling and job.id in self._runs:
                self._runs[job.id].cancel()
        return bool(unfinished)

    async def _settle(self, job: JobRecord) -> None:
        """Start a job that was never started; end one whose run ended without a note of it."""
        standing = await self._workflows.standing(job.id)
        if standing.state == "unknown":
            if len(self._claimed) < MAX_RUNNING:
                await self._start(job.id)
        elif standing.state == "returned":
            await self._finish(job.id, msgspec.convert(standing.value, Ending))
        elif standing.state == "broken":
            await self._finish(job.id, Ending(state=JobState.FAILED, error=standing.reason))

    async def _start(self, job_id: str) -> None:
        self._claimed.add(job_id)  # before: a short job ends before its start returns
        try:
            await self._workflows.start(job_id)
        except Unavailable:
            self._claimed.discard(job_id)
            raise

    async def _body(self, job_id: str) -> object:
        """A job from begin to end; run again from its first line after a crash."""
        self._claimed.add(job_id)
        try:
            job = await self._write(lambda conn: store.begin_job(conn, job_id, self._clock()))
            ending = Ending(state=JobState.CANCELLED) if job is None else await self._handle(job)
            await self._finish(job_id, ending)
            return msgspec.to_builtins(ending)
        finally:
            self._claimed.discard(job_id)

    async def _handle(self, job: JobRecord) -> Ending:
        handler = self._handlers.get(job.kind)
        if job.is_cancelling:
            return Ending(state=JobState.CANCELLED)
        if handler is None:
            known = ", ".join(sorted(self._handlers)) or "none"
            reason = f"No job of kind {job.kind!r} is known to this Hearth; known: {known}."
            return Ending(state=JobState.FAILED, error=reason)
        watching = Watching(report=partial(self._report, job.id), check_lead=self._check_lead)
        context = Context(job, DbosJournal(self._give_up), watching)
        work = outcome_of(handler(context, job.arguments), what=f"The job {job.id}")
        run = self._runs[job.id] = _Run(context=context, task=asyncio.create_task(work))
        try:
            outcome = await run.task
        except asyncio.CancelledError:
            if not context.is_cancelled:
                raise
            return Ending(state=JobState.CANCELLED)
        finally:
            del self._runs[job.id]
        if outcome.error is not None:
            return Ending(state=JobState.FAILED, error=outcome.error.message)
        return Ending(state=JobState.SUCCEEDED, result=outcome.value)

    async def _finish(self, job_id: str, ending: Ending) -> None:
        await self._write(lambda conn: store.finish_job(conn, job_id, ending, self._clock()))

    async def _report(self, job_id: str, percent: int, message: str) -> None:
        await self._write(lambda conn: store.note_progress(conn, job_id, percent, message))

    async def _check_lead(self) -> None:
        async def nothing(_: Connection) -> None: ...

        await self._write(nothing)

    async def _write(self, change: Callable[[Connection], Awaitable[T]]) -> T:
        """Write as the leader; wait for a database that is away, for a run must not end by that."""
        while True:
            try:
                async with self._db.write() as conn:
                    await self._leadership.check(conn)
                    return await change(conn)
            except Unavailable as error:
                log.warning("A job waits: %s", error)
            except LostLeadership as error:
                self._give_up(str(error))
            await asyncio.sleep(POLL_S)
