"""One inference request on its way: what it has produced, and how that becomes its answer.

`Inference` decides when a run begins and how it ends; a run turns deltas into bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import perf_counter
from typing import Protocol

from hearth.engines.protocol import Delta, Usage
from hearth.errors import RequestTimeout, WorkerGone
from hearth.gateway.answers import DONE, ChoiceText, Ending
from hearth.gateway.channel import Channel
from hearth.gateway.error_shapes import Headers
from hearth.gateway.generation import Generation
from hearth.gateway.http import EVENT_STREAM, JSON, Exchange
from hearth.gateway.job import Job
from hearth.metering import Outcome

NO_CACHE = (b"cache-control", b"no-cache")


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


class Run(ABC):
    """One job: its generation and its answer.

    Args:
        exchange: what is answered.
        job: what to generate.
        owner: told when the run ends.
    """

    __slots__ = (
        "_owner", "exchange", "generation", "has_ended", "is_second_try", "job", "usage",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, job: Job, owner: Owner) -> None:
        self._owner = owner
        self.exchange = exchange
        self.job = job
        self.generation = Generation(self)
        self.is_second_try = False
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
        try:
            self._send_parts(channel)
        except Exception as error:  # noqa: BLE001  what has begun must be settled
            self.generation.cut(error)

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
            self._take(delta)
        except Exception as error:  # noqa: BLE001  a fault in one answer must not end the channel
            self.generation.cut(error)

    def finish(self, deltas: list[Delta]) -> None:
        """See `Listener`."""
        try:
            self._owner.finished(self, self._finish(deltas))
        except Exception as error:  # noqa: BLE001  a fault in one answer must not end the channel
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """See `Listener`."""
        self._owner.failed(self, error)

    @abstractmethod
    def _take(self, delta: Delta) -> None:
        """Take a delta that is not the last."""

    @abstractmethod
    def _finish(self, deltas: list[Delta]) -> Outcome:
        """Take the rest; return how the answer ended."""

    @abstractmethod
    def send_rest(self, usage: Usage) -> None:
        """End the answer, once what it used is settled."""

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


class Whole(Run):
    """An answer in one piece."""

    __slots__ = ("_choices",)

    def __init__(self, exchange: Exchange, job: Job, owner: Owner) -> None:
        super().__init__(exchange, job, owner)
        self._choices = [ChoiceText() for _ in range(job.num_choices)]

    def _take(self, delta: Delta) -> None:
        self._choices[delta.choice].take(delta)

    def _finish(self, deltas: list[Delta]) -> Outcome:
        for delta in deltas:
            self._choices[delta.choice].take(delta)
        return Outcome(self._choices[-1].finish_reason or "stop")

    def send_rest(self, usage: Usage) -> None:
        """See `Run`."""
        body = self.job.answer.whole(self._choices, self._ending(usage))
        self.exchange.respond(200, body, [JSON, *self.job.headers, *self._headers(usage)])

    def _headers(self, usage: Usage) -> Headers:
        now_s = perf_counter()
        first_s = self.generation.first_delta_s or now_s
        started_s = self.exchange.started_s
        return [
            (b"fireworks-prompt-tokens", b"%d" % usage.prompt_tokens),
            (b"fireworks-cached-prompt-tokens", b"%d" % usage.cached_tokens),
            (b"fireworks-server-time-to-first-token", b"%.6f" % (first_s - started_s)),
            (b"fireworks-server-processing-time", b"%.6f" % (now_s - started_s)),
        ]


class Streamed(Run):
    """An answer as server-sent events, each written as its delta comes."""

    __slots__ = ("_rest",)

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

    def _finish(self, deltas: list[Delta]) -> Outcome:
        self._rest = deltas
        return Outcome(deltas[-1].finish_reason or "stop")

    def send_rest(self, usage: Usage) -> None:
        """See `Run`."""
        if not self.exchange.has_started:
            self._start()
        *deltas, last = self._rest
        answer = self.job.answer
        events = [answer.events(delta) for delta in deltas]
        self.exchange.end(b"".join((*events, answer.last_events(last, self._ending(usage)), DONE)))
