"""Runs inference requests from admission to settlement.

In order: choose a replica, record `begin` in the journal, generate, answer, record `settle` before
the answer's last bytes go out. Whatever happens in between (a hang-up, a dead worker, a time-out),
what was produced is settled exactly once.

A request whose replica is ready costs no task: it goes on in callbacks, from the client's last byte
to the worker's first frame, and from the worker's last frame to the end of the answer. What has to
wait (for a replica that starts, a disk, the last count of a cancelled request) gets one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hearth.engines.protocol import Usage
from hearth.errors import Unavailable, WorkerGone
from hearth.gateway.channel import Channel
from hearth.gateway.deadlines import Deadlines
from hearth.gateway.fleet import Fleet
from hearth.gateway.http import Exchange
from hearth.gateway.job import Work
from hearth.gateway.metrics import Metrics
from hearth.gateway.response_cache import REPLICA_ID, ResponseCache, key_of
from hearth.gateway.run import Hangup, Run
from hearth.gateway.settlement import begin_record, settle_record
from hearth.metering import Journal, Outcome

LAST_COUNT_S = 2.0  # how long a cancelled request may take to report what it used
CLOSE_LIMIT_S = LAST_COUNT_S + 1.0
CLIENT_CLOSED = 499  # nginx's status for a client that left; nobody receives it


class Inference:
    """Runs the jobs of every route whose answers come from a model.

    Args:
        fleet: where replicas are.
        journal: where usage is recorded.
        metrics: what operators watch.
        cache: answers that may be repeated.
        timeout_s: the longest a generation may take.
    """

    def __init__(
        self,
        fleet: Fleet,
        journal: Journal,
        metrics: Metrics,
        cache: ResponseCache,
        *,
        timeout_s: float,
    ) -> None:
        self._cache = cache
        self._fleet = fleet
        self._journal = journal
        self._metrics = metrics
        self._runs: Deadlines[Run] = Deadlines(timeout_s, Run.time_out)
        self._waits: set[asyncio.Task[None]] = set()

    def run(self, exchange: Exchange, job: Work) -> Coroutine[Any, Any, None] | None:
        """See that the exchange is answered; see `Handler`.

        Raises:
            ApiError: nothing was begun.
        """
        channel = self._fleet.find(job.route.served_by, job.affinity)
        if channel is None:
            return self._run_later(exchange, job)
        self._begin(exchange, job, channel)
        return None

    async def close(self) -> None:
        """End what still runs; what it produced is settled."""
        for run in self._runs.waiting:
            run.generation.cut(Unavailable("Hearth is stopping.", retry_after_s=1))
        if self._waits:  # those that wait for a replica would wait for long
            _, late = await asyncio.wait(self._waits, timeout=CLOSE_LIMIT_S)
            for task in late:
                task.cancel()

    async def _run_later(self, exchange: Exchange, job: Work) -> None:
        channel = await self._fleet.wait_for(job.route.served_by, job.affinity)
        if exchange.is_gone:
            exchange.status = CLIENT_CLOSED
            exchange.cut()
        else:
            self._begin(exchange, job, channel)

    def _begin(self, exchange: Exchange, job: Work, channel: Channel) -> None:
        """Send a job to a replica.

        Raises:
            Unavailable: the journal cannot be written, so nothing may be generated.
        """
        self._journal.begin(begin_record(exchange, job))
        run = Run(exchange, job, self)
        self._runs.add(run)
        exchange.on_hangup = run.hang_up
        if job.keep_s is None:
            run.send_to(channel)
        else:
            self._repeat_or_send(run, channel)

    def _repeat_or_send(self, run: Run, channel: Channel) -> None:
        """Look for an answer to the same request; else have it made, and keep it."""
        job, hello = run.job, channel.hello
        if hello is None or len(job.parts) > 1:
            job.ignored.append("response_cache")
            run.send_to(channel)
            return
        run.key = key_of(job.parts[0], hello)
        deltas = self._cache.find(run.key)
        job.headers.append((b"x-hearth-response-cache", b"miss" if deltas is None else b"hit"))
        if deltas is None:
            run.generation.recording = []
            run.send_to(channel)
        else:
            run.repeat(deltas, REPLICA_ID)

    def _keep(self, run: Run) -> None:
        deltas, keep_s = run.generation.recording, run.job.keep_s
        if deltas is not None and keep_s is not None and run.key is not None:
            self._cache.keep(run.key, deltas, ttl_s=keep_s)

    def finished(self, run: Run, outcome: Outcome) -> None:
        """See `Owner`."""
        usage = self._settle(run, outcome, status=200)
        run.exchange.on_hangup = None
        if outcome is not Outcome.CANCELLED:
            self._keep(run)
        rest = run.rest(usage)
        if self._journal.mode == "fsync" or run.job.archive is not None:
            self._wait(run.see_through(self._send_late(run, rest, usage)))
        else:
            run.send(rest, usage)
            self._close(run)

    async def _send_late(self, run: Run, rest: bytes, usage: Usage) -> None:
        """End an answer once its record is safe from power loss, and it is archived if asked."""
        if self._journal.mode == "fsync":
            await self._journal.synced()
        if run.job.archive is not None:
            rest = await run.job.archive(rest)
        run.send(rest, usage)
        self._close(run)

    def failed(self, run: Run, error: Exception) -> None:
        """See `Owner`; a replica that dies silent gets one successor."""
        if run.has_ended:
            return
        is_silent = isinstance(error, WorkerGone) and not run.generation.has_delta
        if is_silent and not run.is_second_try:
            run.is_second_try = True
            self._wait(run.see_through(self._try_again(run)))
        else:
            run.has_ended = True
            self._wait(self._end(run, error))

    async def _try_again(self, run: Run) -> None:
        run.generation.restart()
        channel = await self._fleet.wait_for(run.job.route.served_by, None)
        if not run.has_ended:
            run.send_to(channel)

    async def _end(self, run: Run, error: Exception) -> None:
        """Settle what a run produced, with the engine's last counts, then tell the client."""
        exchange = run.exchange
        told = None if isinstance(error, Hangup) else exchange.told(error)
        try:
            async with asyncio.timeout(LAST_COUNT_S):
                await run.generation.cancel()
        except TimeoutError:
            pass  # our own count of what arrived stands
        try:
            if told is None:
                exchange.status = exchange.status or CLIENT_CLOSED
                self._settle(run, Outcome.CANCELLED, status=exchange.status)
            else:
                self._settle(run, Outcome.FAILED, status=told.status)
        except Unavailable as unsettled:
            told = unsettled
        self._close(run)
        if told is None:
            exchange.cut()
        elif exchange.has_started:
            exchange.end(run.job.failure(told))
        else:
            exchange.fail(told)

    def _settle(self, run: Run, outcome: Outcome, *, status: int) -> Usage:
        """Record what a run used, and return it; later calls record nothing.

        Raises:
            Unavailable: the journal cannot be written, so the answer must not end well.
        """
        usage = run.usage
        if usage is None:
            run.usage = usage = run.generation.usage()
            self._journal.settle(settle_record(run, usage, outcome, status=status))
            self._metrics.count(run.job.route.model, usage, run.generation)
        return usage

    def _close(self, run: Run) -> None:
        self._runs.remove(run)
        run.exchange.on_hangup = run.exchange.on_room = None
        run.generation.close()

    def _wait(self, waiting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(waiting)
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)
