"""One inference request on its way: what it has produced, and how that becomes its answer.

`Inference` decides when a run begins and how it ends; a delivery turns its deltas into bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import Protocol

from hearth.engines.protocol import Delta, Usage
from hearth.errors import RequestTimeout, WorkerGone
from hearth.gateway.answers import Ending
from hearth.gateway.build import passed_over
from hearth.gateway.channel import Channel
from hearth.gateway.deliveries import Delivery, Streamed, Whole
from hearth.gateway.generation import Generation
from hearth.gateway.http import Exchange
from hearth.gateway.job import Job, VectorJob, Work
from hearth.gateway.till import Charge
from hearth.gateway.vector_delivery import InVectors
from hearth.metering import Outcome


class Hangup(Exception):
    """The client closed the connection before its answer ended."""


class Owner(Protocol):
    """Ends runs."""

    def finished(self, run: Run, outcome: Outcome) -> None:
        """Everything is produced: settle it, then let the run send the rest of its answer."""
        ...

    def failed(self, run: Run, error: Exception) -> None:
        """Nothing more will come of it."""
        ...


class Run:
    """One job: its generation and its answer.

    Args:
        exchange: what is answered.
        job: what to generate.
        charge: what it may cost.
        owner: told when the run ends.
    """

    __slots__ = (
        "_delivery", "_owner", "charge", "exchange", "generation", "has_ended", "is_second_try",
        "job", "key", "usage",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, job: Work, charge: Charge, owner: Owner) -> None:
        self._owner = owner
        self.charge = charge
        self.exchange = exchange
        self.job = job
        self.generation = generation = Generation(self)
        self._delivery = _delivery(exchange, job, generation)
        self.is_second_try = False
        self.key: bytes | None = None
        "Under which the answer is kept once it has ended well."
        self.usage: Usage | None = None
        "Set when it is settled."
        self.has_ended = False
        "Whether it is being ended: the first reason counts."

    def send_to(self, channel: Channel) -> None:
        """Send every part of the job to a replica."""
        hello = channel.hello
        if hello is None:
            self.fail(WorkerGone("The worker is restarting.", retry_after_s=1))
            return
        self.generation.replica_id = hello.replica_id
        job = self.job
        if isinstance(job, Job):
            job.ignored += passed_over(job.parts[0], hello.capabilities)
        try:
            self._send_parts(channel)
        except Exception as error:  # noqa: BLE001  what has begun must be settled
            self.generation.cut(error)

    def repeat(self, deltas: list[Delta], replica_id: str) -> None:
        """Answer with what was produced for an earlier request."""
        self.generation.replica_id = replica_id
        part = self.generation.add_part(0)
        for delta in deltas:
            part.feed(delta)

    def _send_parts(self, channel: Channel) -> None:
        first_choice = 0
        for request in self.job.parts:
            channel.generate(request, self.generation.add_part(first_choice))
            first_choice += request.n

    def hang_up(self) -> None:
        """The client has left."""
        self.generation.cut(Hangup())

    def time_out(self) -> None:
        """The generation has taken as long as it may."""
        self.generation.cut(RequestTimeout("The generation took too long; lower max_tokens."))

    def take(self, delta: Delta) -> None:
        """See `Listener`."""
        try:
            self._delivery.take(delta)
        except Exception as error:  # noqa: BLE001  a fault in one answer must not end the channel
            self.generation.cut(error)

    def finish(self, deltas: list[Delta]) -> None:
        """See `Listener`."""
        try:
            self._owner.finished(self, self._delivery.finish(deltas))
        except Exception as error:  # noqa: BLE001  a fault in one answer must not end the channel
            self.fail(error)

    async def see_through(self, waiting: Awaitable[None]) -> None:
        """Wait for a step of the run; what it raises ends the run, so that no client waits on."""
        try:
            await waiting
        except Exception as error:  # noqa: BLE001  a fault in one answer must not go unanswered
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """See `Listener`."""
        self._owner.failed(self, self.job.told(error))

    def rest(self, usage: Usage) -> bytes:
        """What is still to be sent, once what the answer used is settled."""
        return self._delivery.rest(self._ending(usage))

    def send(self, rest: bytes, usage: Usage) -> None:
        """End the answer."""
        self._delivery.send(rest, usage)

    def _ending(self, usage: Usage) -> Ending:
        metrics = self._perf_metrics(usage) if self.job.perf_metrics else None
        return Ending(usage if self.job.with_usage else None, metrics)

    def _perf_metrics(self, usage: Usage) -> dict[str, float]:
        now_s = perf_counter()
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


def _delivery(exchange: Exchange, job: Work, generation: Generation) -> Delivery:
    if isinstance(job, VectorJob):
        return InVectors(exchange, job, generation)
    return (Streamed if job.stream else Whole)(exchange, job, generation)
