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
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

from hearth.engines.protocol import Delta, Usage
from hearth.errors import ApiError, PromptOverBound, Unavailable, WorkerGone
from hearth.gateway.channel import Channel
from hearth.gateway.deadlines import Deadlines
from hearth.gateway.fleet import Fleet
from hearth.gateway.http import Exchange
from hearth.gateway.job import Work
from hearth.gateway.metrics import Metrics
from hearth.gateway.private_access import AccessLog
from hearth.gateway.response_cache import REPLICA_ID, ResponseCache, key_of
from hearth.gateway.run import Hangup, Run
from hearth.gateway.settlement import End, begin_record, settle_record
from hearth.gateway.till import Till
from hearth.metering import Journal, Outcome
from hearth.pricing import Discount

LAST_COUNT_S = 2.0  # how long a cancelled request may take to report what it used
CLOSE_LIMIT_S = LAST_COUNT_S + 1.0
CLIENT_CLOSED = 499  # nginx's status for a client that left; nobody receives it


@dataclass(frozen=True, kw_only=True)
class Books:
    """Where what requests use is written down."""

    journal: Journal
    metrics: Metrics
    access: AccessLog
    now_ns: Callable[[], int]


class Kept(NamedTuple):
    """Under which key an answer may be repeated, and the answer if there is one."""

    key: bytes
    deltas: list[Delta] | None


class Inference:
    """Runs the jobs of every route whose answers come from a model.

    Args:
        fleet: where replicas are.
        till: what requests cost, and what their callers may spend.
        books: where usage is recorded and watched.
        cache: answers that may be repeated.
        timeout_s: the longest a generation may take.
    """

    def __init__(
        self, fleet: Fleet, till: Till, books: Books, cache: ResponseCache, *, timeout_s: float
    ) -> None:
        self._cache = cache
        self._fleet = fleet
        self._till = till
        self._books = books
        self._runs: Deadlines[Run] = Deadlines(timeout_s, Run.time_out)
        self._waits: set[asyncio.Task[None]] = set()

    def run(self, exchange: Exchange, job: Work) -> Coroutine[Any, Any, None] | None:
        """See that the exchange is answered; see `Handler`.

        Raises:
            ApiError: nothing was begun.
        """
        try:
            self._till.gate(exchange)
        except ApiError as refused:
            self._books.metrics.count_refused(refused)
            raise
        route = job.route
        if route.mode is not None and route.mode.audits_access:
            access = self._books.access
            writing = access.admitted(exchange, exchange.caller, route.deployment)
            if writing is not None:
                return self._run_noted(writing, exchange, job)
        channel = self._fleet.find(job.route, job.affinity)
        if channel is None:
            return self._run_later(exchange, job)
        kept = self._look_up(job, channel)
        discount = Discount.NONE if kept is None or kept.deltas is None else Discount.REPEAT
        charge = self._till.charge(exchange, job, channel.hello, discount)
        if charge is None:
            return self._begin_later(exchange, job, channel)
        self._begin(Run(exchange, job, charge, self), channel, kept)
        return None

    async def close(self) -> None:
        """End what still runs; what it produced is settled."""
        for run in self._runs.waiting:
            run.generation.cut(Unavailable("Hearth is stopping.", retry_after_s=1))
        if self._waits:  # those that wait for a replica would wait for long
            _, late = await asyncio.wait(self._waits, timeout=CLOSE_LIMIT_S)
            for task in late:
                task.cancel()

    async def _run_noted(
        self, writing: Coroutine[Any, Any, None], exchange: Exchange, job: Work
    ) -> None:
        """Run a job once the audit log says who asked for it."""
        await writing
        await self._run_later(exchange, job)

    async def _run_later(self, exchange: Exchange, job: Work) -> None:
        channel = await self._fleet.wait_for(job.route, job.affinity)
        await self._begin_later(exchange, job, channel)

    async def _begin_later(self, exchange: Exchange, job: Work, channel: Channel) -> None:
        if channel.hello is None:  # it died before this task had its turn
            channel = await self._fleet.wait_for(job.route, job.affinity)
        kept = self._look_up(job, channel)
        discount = Discount.NONE if kept is None or kept.deltas is None else Discount.REPEAT
        try:
            charge = await self._till.charge_later(exchange, job, channel.hello, discount)
        except ApiError as refused:
            self._books.metrics.count_refused(refused)
            raise
        if exchange.is_gone:
            charge.release()
            exchange.status = CLIENT_CLOSED
            exchange.cut()
        else:
            self._begin(Run(exchange, job, charge, self), channel, kept)

    def _begin(self, run: Run, channel: Channel, kept: Kept | None) -> None:
        """Send a job to a replica, or repeat its answer.

        Raises:
            Unavailable: the journal cannot be written, so nothing may be generated.
        """
        exchange, job = run.exchange, run.job
        try:
            self._books.journal.begin(begin_record(exchange, job, run.charge))
        except BaseException:
            run.charge.release()
            raise
        self._runs.add(run)
        exchange.on_hangup = run.hang_up
        if kept is None:
            run.send_to(channel)
            return
        run.key = kept.key
        is_hit = kept.deltas is not None
        job.headers.append((b"x-hearth-response-cache", b"hit" if is_hit else b"miss"))
        if kept.deltas is None:
            run.generation.recording = []
            run.send_to(channel)
        else:
            run.repeat(kept.deltas, REPLICA_ID)

    def _look_up(self, job: Work, channel: Channel) -> Kept | None:
        """Look for an answer to the same request; None where none may be repeated."""
        if job.keep_s is None:
            return None
        if channel.hello is None or len(job.parts) > 1 or not job.route.keeps_content:
            if "response_cache" not in job.ignored:
                job.ignored.append("response_cache")
            return None
        key = key_of(job.parts[0], channel.hello)
        return Kept(key, self._cache.find(key))

    def _keep(self, run: Run) -> None:
        deltas, keep_s = run.generation.recording, run.job.keep_s
        if run.key is None or deltas is None or keep_s is None:
            return
        if not run.charge.bound.is_capped:  # else it is shorter than was asked for
            self._cache.keep(run.key, deltas, ttl_s=keep_s)

    def finished(self, run: Run, outcome: Outcome) -> None:
        """See `Owner`."""
        ended_s = perf_counter()
        usage = self._settle(run, outcome, status=200)
        self._books.metrics.observe_settle(perf_counter() - ended_s)
        run.exchange.on_hangup = None
        if outcome is not Outcome.CANCELLED:
            self._keep(run)
        rest = run.rest(usage)
        if self._books.journal.mode == "fsync" or run.job.archive is not None:
            self._wait(run.see_through(self._send_late(run, rest, usage)))
        else:
            run.send(rest, usage)
            self._close(run)

    async def _send_late(self, run: Run, rest: bytes, usage: Usage) -> None:
        """End an answer once its record is safe from power loss, and it is archived if asked."""
        if self._books.journal.mode == "fsync":
            await self._books.journal.synced()
        if run.job.archive is not None:
            rest = await run.job.archive(rest)
        run.send(rest, usage)
        self._close(run)

    def failed(self, run: Run, error: Exception) -> None:
        """See `Owner`; a replica that dies silent gets one successor."""
        if run.has_ended:
            return
        if isinstance(error, PromptOverBound):
            self._wait(run.see_through(self._allow_prompt(run, error.prompt_tokens)))
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
        channel = await self._fleet.wait_for(run.job.route, None)
        if not run.has_ended:
            run.send_to(channel)

    async def _allow_prompt(self, run: Run, prompt_tokens: int) -> None:
        """Hold money for a prompt that is longer than was thought, and send it again."""
        run.generation.restart()
        await run.charge.allow_prompt(run.job, prompt_tokens)
        if not run.has_ended:
            run.send_to(await self._fleet.wait_for(run.job.route, None))

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
            cost_nano = run.charge.cost(usage)
            end = End(self._books.now_ns(), status, cost_nano)
            try:
                self._books.journal.settle(settle_record(run, usage, outcome, end))
            finally:  # a record that cannot be written is kept, and will be
                run.charge.settle(usage, cost_nano)
            route, metrics = run.job.route, self._books.metrics
            metrics.count(route.model, usage, run.generation)
            metrics.count_cost(route.model, route.subject.unit, cost_nano)
        return usage

    def _close(self, run: Run) -> None:
        self._runs.remove(run)
        run.exchange.on_hangup = run.exchange.on_room = None
        run.generation.close()

    def _wait(self, waiting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(waiting)
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)
