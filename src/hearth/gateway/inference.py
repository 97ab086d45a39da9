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
from hearth.gateway.deadlines import Deadlines
from hearth.gateway.error_shapes import Headers
from hearth.gateway.fleet import Fleet
from hearth.gateway.generation import Generation, Hangup
from hearth.gateway.http import EVENT_STREAM, JSON, Exchange
from hearth.gateway.job import Job
from hearth.gateway.metrics import Metrics
from hearth.gateway.settlement import Settlement
from hearth.metering import Journal, Outcome

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
        self._deadlines = Deadlines(timeout_s)

    async def run(self, exchange: Exchange, job: Job) -> None:
        """Answer the exchange.

        Raises:
            ApiError: nothing was answered yet; the dispatcher renders it.
        """
        channel = await self._fleet.pick(job.route.served_by, job.affinity)
        if exchange.is_gone:
            exchange.status = CLIENT_CLOSED
            return
        settlement = Settlement(self._journal, self._metrics, exchange=exchange, job=job)
        run = (_Streamed if job.stream else _Whole)(exchange, job, settlement)
        settlement.begin()
        on_late = run.time_out
        self._deadlines.add(on_late)
        exchange.on_hangup = run.hang_up
        try:
            await run.answer(await self._last_deltas(run, channel), self._journal)
        except Hangup:
            exchange.status = exchange.status or CLIENT_CLOSED
            await run.end(Outcome.CANCELLED)
        except ApiError as error:
            await run.end(Outcome.FAILED, status=error.status)
            if not exchange.has_started:
                raise
            exchange.end(job.answer.failure(error))
        finally:
            exchange.on_hangup = None
            self._deadlines.remove(on_late)
            if not settlement.is_settled:  # a bug, or the server cancels what still runs
                await run.end(Outcome.FAILED, status=500)
            run.generation.close()
            exchange.on_room = None

    async def _last_deltas(self, run: _Run, channel: Channel) -> list[Delta]:
        """Send the job and wait for its end; a replica that dies silent gets one successor."""
        try:
            return await run.send_to(channel)
        except WorkerGone:
            if run.generation.has_delta:
                raise
        run.generation.restart()
        return await run.send_to(await self._fleet.pick(run.job.route.served_by, None))


class _Run:
    """One job on its way: its generation, its answer, its settlement."""

    __slots__ = ("exchange", "generation", "job", "settlement")

    def __init__(self, exchange: Exchange, job: Job, settlement: Settlement) -> None:
        self.exchange = exchange
        self.job = job
        self.settlement = settlement
        self.generation = Generation(self._take)

    def hang_up(self) -> None:
        """The client has left."""
        self.generation.cut(Hangup())

    def time_out(self) -> None:
        """The generation has taken as long as it may."""
        self.generation.cut(RequestTimeout("The generation took too long; lower max_tokens."))

    async def send_to(self, channel: Channel) -> list[Delta]:
        """Send every part to a replica and wait for the end; return the last deltas."""
        hello = channel.hello
        if hello is None:
            raise WorkerGone("The worker is restarting.", retry_after_s=1)
        self.generation.replica_id = hello.replica_id
        first_choice = 0
        for request in self.job.parts:
            channel.generate(request, self.generation.add_part(first_choice))
            first_choice += request.n
        return await self.generation.ended()

    def _take(self, delta: Delta) -> None:
        """Take a delta that is not the last."""
        raise NotImplementedError

    async def answer(self, deltas: list[Delta], journal: Journal) -> None:
        """Send the rest of the answer; its end waits for the journal."""
        raise NotImplementedError

    async def _settle(self, outcome: Outcome, journal: Journal) -> None:
        self.settlement.settle(self.generation, outcome, status=200)
        if journal.mode == "fsync":
            await journal.synced()

    async def end(self, outcome: Outcome, *, status: int | None = None) -> None:
        """Settle what was produced, if nothing is settled yet, with the engine's last counts."""
        if self.settlement.is_settled:
            return
        try:
            async with asyncio.timeout(LAST_COUNT_S):
                await self.generation.cancel()
        except TimeoutError:
            pass  # our own count of what arrived stands
        finally:
            status = status or self.exchange.status
            self.settlement.settle(self.generation, outcome, status=status)

    def _ending(self) -> Ending:
        metrics = self._perf_metrics() if self.job.perf_metrics else None
        return Ending(self.generation.usage() if self.job.with_usage else None, metrics)

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


class _Whole(_Run):
    """An answer in one piece."""

    __slots__ = ("_choices",)

    def __init__(self, exchange: Exchange, job: Job, settlement: Settlement) -> None:
        super().__init__(exchange, job, settlement)
        self._choices = [ChoiceText() for _ in range(job.num_choices)]

    def _take(self, delta: Delta) -> None:
        self._choices[delta.choice].take(delta)

    async def answer(self, deltas: list[Delta], journal: Journal) -> None:
        """See `_Run.answer`."""
        for delta in deltas:
            self._take(delta)
        await self._settle(Outcome(self._choices[-1].finish_reason or "stop"), journal)
        body = self.job.answer.whole(self._choices, self._ending())
        self.exchange.respond(200, body, [JSON, *self.job.headers, *self._headers()])

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


class _Streamed(_Run):
    """An answer as server-sent events, each written as its delta comes."""

    __slots__ = ()

    def _take(self, delta: Delta) -> None:
        exchange = self.exchange
        if not exchange.has_started:
            self._start()
        exchange.write(self.job.answer.events(delta))
        if exchange.is_full:
            self.generation.is_held = True

    def _start(self) -> None:
        self.exchange.on_room = self.generation.release
        self.exchange.start(200, [EVENT_STREAM, NO_CACHE, *self.job.headers])

    async def answer(self, deltas: list[Delta], journal: Journal) -> None:
        """See `_Run.answer`."""
        if not self.exchange.has_started:
            self._start()
        last, events = deltas[-1], self.job.answer.events
        pieces = [*map(events, deltas[:-1]), self.job.answer.last_events(last, self._ending())]
        await self._settle(Outcome(last.finish_reason or "stop"), journal)
        self.exchange.end(b"".join((*pieces, DONE)))
