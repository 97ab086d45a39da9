"""Runs one inference request from admission to settlement.

In order: choose a replica, record `begin` in the journal, generate, answer, record `settle` before
the answer's last bytes go out. Whatever happens in between (a hang-up, a dead worker, a time-out),
what was produced is settled exactly once.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

from hearth.engines.protocol import Delta
from hearth.errors import ApiError, RequestTimeout, WorkerGone
from hearth.gateway.answers import DONE, ChoiceText, Ending
from hearth.gateway.channel import Channel
from hearth.gateway.error_shapes import Headers
from hearth.gateway.fleet import Fleet
from hearth.gateway.generation import Generation, Hangup
from hearth.gateway.http import EVENT_STREAM, JSON, Exchange
from hearth.gateway.job import Job
from hearth.gateway.metrics import Metrics
from hearth.gateway.settlement import Settlement
from hearth.metering import Journal, Outcome

WATCH_AFTER_S = 0.02  # most answers of a cache or a mock are over by then: no task for them
LAST_COUNT_S = 2.0  # how long a cancelled request may take to report what it used
NO_CACHE = (b"cache-control", b"no-cache")
CLIENT_CLOSED = 499  # nginx's status for a client that left; nobody receives it


class Inference:
    """Runs the jobs of every generating route.

    Args:
        fleet: where replicas are.
        journal: where usage is recorded.
        metrics: what operators watch.
        timeout_s: the longest a generation may take.
    """

    def __init__(
        self, fleet: Fleet, journal: Journal, metrics: Metrics, *, timeout_s: float
    ) -> None:
        self._fleet = fleet
        self._journal = journal
        self._metrics = metrics
        self._timeout_s = timeout_s

    async def run(self, exchange: Exchange, job: Job) -> None:
        """Answer the exchange.

        Raises:
            ApiError: nothing was answered yet; the dispatcher renders it.
        """
        channel = await self._fleet.pick(job.route.served_by, job.affinity)
        settlement = Settlement(self._journal, self._metrics, exchange=exchange, job=job)
        run = _Run(exchange, job, settlement)
        settlement.begin()
        run.watch(self._timeout_s)
        try:
            await run.answer(await self._first_deltas(run, channel), self._journal)
        except Hangup:
            exchange.status = exchange.status or CLIENT_CLOSED
            await run.end(Outcome.CANCELLED)
        except ApiError as error:
            await run.end(Outcome.FAILED, status=error.status)
            if not exchange.has_started:
                raise
            await exchange.write(job.answer.failure(error))
        finally:
            run.unwatch()
            if not settlement.is_settled:  # a bug, or the server cancels what still runs
                await run.end(Outcome.FAILED, status=500)

    async def _first_deltas(self, run: _Run, channel: Channel) -> list[Delta]:
        """Send the job and wait for its first delta; a dead replica gets one successor."""
        try:
            return await run.send_to(channel)
        except WorkerGone:
            if run.generation.has_delta:
                raise
        run.generation.restart()
        return await run.send_to(await self._fleet.pick(run.job.route.served_by, None))


class _Run:
    """One job on its way: its generation, its answer, its settlement."""

    __slots__ = ("_timer", "_watcher", "exchange", "generation", "job", "settlement")

    def __init__(self, exchange: Exchange, job: Job, settlement: Settlement) -> None:
        self.exchange = exchange
        self.job = job
        self.settlement = settlement
        self.generation = Generation()
        self._timer: asyncio.TimerHandle
        self._watcher: asyncio.Task[None] | None = None

    def watch(self, timeout_s: float) -> None:
        """Cut the generation when the client hangs up or the time is up."""
        loop = asyncio.get_running_loop()

        def start() -> None:
            self._timer = loop.call_later(timeout_s, self._time_out)
            self._watcher = loop.create_task(_watch_hangup(self.exchange, self.generation))

        self._timer = loop.call_later(WATCH_AFTER_S, start)

    def unwatch(self) -> None:
        """The answer has ended."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _time_out(self) -> None:
        self.generation.cut(RequestTimeout("The generation took too long; lower max_tokens."))

    async def send_to(self, channel: Channel) -> list[Delta]:
        """Send every part to a replica and wait for the first delta."""
        hello = channel.hello
        if hello is None:
            raise WorkerGone("The worker is restarting.", retry_after_s=1)
        self.generation.replica_id = hello.replica_id
        first_choice = 0
        for request in self.job.parts:
            channel.generate(request, self.generation.add_part(first_choice))
            first_choice += request.n
        return await self.generation.next()

    async def answer(self, deltas: list[Delta], journal: Journal) -> None:
        """Send the answer, beginning with these deltas; its end waits for the journal."""
        if self.job.stream:
            await self._stream(deltas, journal)
        else:
            await self._whole(deltas, journal)

    async def _whole(self, deltas: list[Delta], journal: Journal) -> None:
        choices = [ChoiceText() for _ in range(self.job.num_choices)]
        while deltas:
            for delta in deltas:
                choices[delta.choice].take(delta)
            deltas = await self.generation.next()
        outcome = Outcome(choices[-1].finish_reason or "stop")
        self.settlement.settle(self.generation, outcome, status=200)
        if journal.mode == "fsync":
            await journal.synced()
        body = self.job.answer.whole(choices, self._ending())
        await self.exchange.respond(200, body, [JSON, *self.job.headers, *self._headers()])

    async def _stream(self, deltas: list[Delta], journal: Journal) -> None:
        answer, generation = self.job.answer, self.generation
        await self.exchange.start(200, [EVENT_STREAM, NO_CACHE, *self.job.headers])
        while not generation.is_complete:
            await self.exchange.write(b"".join(map(answer.events, deltas)), more=True)
            deltas = await generation.next()
        last = deltas.pop()
        events = [*map(answer.events, deltas), answer.last_events(last, self._ending()), DONE]
        outcome = Outcome(last.finish_reason or "stop")
        self.settlement.settle(generation, outcome, status=200)
        if journal.mode == "fsync":
            await journal.synced()
        await self.exchange.write(b"".join(events))

    async def end(self, outcome: Outcome, *, status: int | None = None) -> None:
        """Settle what was produced, if nothing is settled yet, with the engine's last counts."""
        if self.settlement.is_settled:
            return
        self.generation.cancel()
        try:
            async with asyncio.timeout(LAST_COUNT_S):
                await self.generation.drained()
        except TimeoutError:
            pass  # our own count of what arrived stands
        finally:
            status = status or self.exchange.status
            self.settlement.settle(self.generation, outcome, status=status)

    def _ending(self) -> Ending:
        metrics = self._perf_metrics() if self.job.perf_metrics else None
        return Ending(self.generation.usage() if self.job.with_usage else None, metrics)

    def _headers(self) -> Headers:
        usage, now_s = self.generation.usage(), perf_counter()
        first_s = self.generation.first_delta_s or now_s
        started_s = self.exchange.started_s
        return [
            (b"fireworks-prompt-tokens", b"%d" % usage.prompt_tokens),
            (b"fireworks-cached-prompt-tokens", b"%d" % usage.cached_tokens),
            (b"fireworks-server-time-to-first-token", b"%.6f" % (first_s - started_s)),
            (b"fireworks-server-processing-time", b"%.6f" % (now_s - started_s)),
        ]

    def _perf_metrics(self) -> dict[str, float]:
        usage, now_s = self.generation.usage(), perf_counter()
        first_s = self.generation.first_delta_s or now_s
        return {
            "prompt-tokens": usage.prompt_tokens,
            "cached-prompt-tokens": usage.cached_tokens,
            "server-time-to-first-token": round(first_s - self.exchange.started_s, 6),
            "server-processing-time": round(now_s - self.exchange.started_s, 6),
            "prefill-queue-duration": round(usage.queue_s, 6),
            "prefill-duration": round(usage.prefill_s, 6),
            "generation-duration": round(usage.decode_s, 6),
        }


async def _watch_hangup(exchange: Exchange, generation: Generation) -> None:
    """Stop the generation when the client closes its connection."""
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
    generation.cut(Hangup())
