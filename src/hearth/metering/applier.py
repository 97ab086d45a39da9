"""Brings this process's journal into the ledger, in the background and in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing, suppress
from time import perf_counter

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import ledger
from hearth.metering.journal import Journal
from hearth.metering.leases import Leases
from hearth.metering.pace import Pace
from hearth.metering.replay import Read, read_segment, set_aside
from hearth.metering.segments import Segment
from hearth.metering.types import Entry, Lag

INTERVAL_S = 0.1  # a batch gathers for so long: one commit for many requests
FIRST_RETRY_S, LAST_RETRY_S = 0.1, 5.0
CLOSE_LIMIT_S = 5.0

log = logging.getLogger(__name__)


class Applier:
    """Owns a journal from its start to its end.

    While the ledger cannot be written, the journal grows on disk and `lag` tells; nothing is lost.

    Args:
        leases: what this process holds of the limits; it shrinks as the ledger grows.
    """

    def __init__(
        self,
        journal: Journal,
        db: Database,
        leases: Leases | None = None,
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.pace = Pace()
        self._journal = journal
        self._db = db
        self._leases = leases
        self._interval_s = interval_s
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._error: str | None = None
        self._has_ended_well = False

    @property
    def lag(self) -> Lag:
        """How far the ledger is behind."""
        backlog = self._journal.backlog
        error = self._error
        if self._task is not None and self._task.done():
            error = "The applier has ended."
        return Lag(num_requests=len(backlog), age_s=backlog.age_s, error=error)

    def start(self) -> None:
        """Begin to apply; `close` ends it."""
        assert self._task is None, "started twice"
        self._task = asyncio.create_task(self._run(), name="usage-applier")

    async def close(self, *, limit_s: float = CLOSE_LIMIT_S) -> None:
        """Apply what is left, then close the journal; what is cut off here the next start reads.

        Requests that are still open will count as interrupted: settle them first.
        """
        self._closing.set()
        self._journal.backlog.wake.set()
        try:
            if self._task is not None:
                await self._end(self._task, limit_s)
        finally:
            if num_left := len(self._journal.backlog):
                log.warning("%d requests stay in the journal until the next start.", num_left)
            self._journal.close(keep=not self._has_ended_well)

    async def _end(self, task: asyncio.Task[None], limit_s: float) -> None:
        _, late = await asyncio.wait({task}, timeout=limit_s)
        if late:
            task.cancel()
            await asyncio.wait({task})
        else:
            task.result()  # a bug that ended it early shows here

    async def _run(self) -> None:
        wake = self._journal.backlog.wake
        retry_s = FIRST_RETRY_S
        is_last = False
        while not is_last:
            await wake.wait()
            await self._pause(self._interval_s)
            is_last = self._closing.is_set()
            wake.clear()
            try:
                await self._apply_all()
                if is_last and self._journal.mode == "fsync":
                    await ledger.flush_commits(self._db)
                self._has_ended_well = is_last
            except (Unavailable, OSError) as error:
                self._failed(error)
                wake.set()
                await self._pause(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
            else:
                self._error, retry_s = None, FIRST_RETRY_S

    async def _apply_all(self) -> None:
        backlog = self._journal.backlog
        target = backlog.num_settled  # what comes meanwhile gathers for the next round
        while backlog.num_applied < target:
            if backlog.is_spilled:
                await self._apply_file()
            else:
                entries, last = backlog.peek(ledger.BATCH_ENTRIES)
                await self._apply(entries, last)
            await self._release()
        # Last, so that a full disk gets room before it is written to.
        self._journal.flush()

    async def _apply(self, entries: Sequence[Entry], last: int) -> None:
        start_s = perf_counter()
        await ledger.apply(self._db, self._journal.instance, entries, self._leases)
        self.pace.applied(len(entries), perf_counter() - start_s)
        self._journal.backlog.applied(last)

    async def _apply_file(self) -> None:
        """Apply the oldest file, or all of the newest one that is written by now."""
        backlog, segments = self._journal.backlog, self._journal.segments
        if (oldest := segments.oldest) is not None:
            await self._apply_segment(oldest)
            return
        newest = segments.newest(last=backlog.respool())
        try:
            await self._apply_segment(newest)
        except BaseException:
            backlog.spill()
            raise

    async def _apply_segment(self, segment: Segment) -> None:
        """Apply what of a file is not applied yet: no entry may be given to leases twice."""
        backlog, read, number = self._journal.backlog, Read(), segment.before
        batches = read_segment(segment.path, read, num_bytes=segment.num_bytes)
        async with aclosing(batches):
            async for batch in batches:
                new = batch[max(0, backlog.num_applied - number) :]
                number += len(batch)
                await self._apply([one for one in new if isinstance(one, Entry)], number)
        set_aside(read)
        backlog.applied(segment.last)

    async def _release(self) -> None:
        segments, num_applied = self._journal.segments, self._journal.backlog.num_applied
        if segments.oldest is not None and segments.oldest.last <= num_applied:
            if self._journal.mode == "fsync":
                await ledger.flush_commits(self._db)
            segments.release(num_applied)

    async def _pause(self, limit_s: float) -> None:
        """Wait, but not any longer once the end has come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._closing.wait()

    def _failed(self, error: Exception) -> None:
        if self._error is None:
            log.warning("The usage ledger is behind, and will catch up: %s", error)
        self._error = str(error)
        self.pace.num_errors += 1
