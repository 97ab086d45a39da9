"""The two ways an answer reaches its client: in one piece, or as server-sent events."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

from hearth.engines.protocol import Delta, Usage
from hearth.gateway.answers import ChoiceText, Ending
from hearth.gateway.error_shapes import Headers
from hearth.gateway.generation import Generation
from hearth.gateway.http import EVENT_STREAM, JSON, Exchange
from hearth.gateway.job import Job
from hearth.metering import Outcome

NO_CACHE = (b"cache-control", b"no-cache")


class Delivery(Protocol):
    """Turns deltas into an answer."""

    def take(self, delta: Delta) -> None:
        """Take a delta that is not the last."""
        ...

    def finish(self, deltas: list[Delta]) -> Outcome:
        """Take the rest; return how the answer ended."""
        ...

    def rest(self, ending: Ending) -> bytes:
        """What is still to be sent, once what the answer used is settled."""
        ...

    def send(self, rest: bytes, usage: Usage) -> None:
        """End the answer."""
        ...


class Whole:
    """An answer in one piece."""

    __slots__ = ("_choices", "_exchange", "_generation", "_job")

    def __init__(self, exchange: Exchange, job: Job, generation: Generation) -> None:
        self._exchange = exchange
        self._job = job
        self._generation = generation
        self._choices = [ChoiceText() for _ in range(job.num_choices)]

    def take(self, delta: Delta) -> None:
        """See `Delivery`."""
        self._choices[delta.choice].take(delta)

    def finish(self, deltas: list[Delta]) -> Outcome:
        """See `Delivery`."""
        for delta in deltas:
            self._choices[delta.choice].take(delta)
        return outcome_of(self._choices[-1].finish_reason)

    def rest(self, ending: Ending) -> bytes:
        """See `Delivery`."""
        return self._job.answer.whole(self._choices, ending)

    def send(self, rest: bytes, usage: Usage) -> None:
        """See `Delivery`."""
        is_emulated = any(c.prompt is not None and c.prompt.reasoning for c in self._choices)
        headers = self._job.all_headers(is_emulated=is_emulated)
        counts = count_headers(self._exchange, self._generation, usage)
        self._exchange.respond(200, rest, [JSON, *headers, *counts])


class Streamed:
    """An answer as server-sent events, each written as its delta comes."""

    __slots__ = ("_exchange", "_generation", "_job", "_rest")

    def __init__(self, exchange: Exchange, job: Job, generation: Generation) -> None:
        self._exchange = exchange
        self._job = job
        self._generation = generation
        self._rest: list[Delta] = []

    def take(self, delta: Delta) -> None:
        """See `Delivery`."""
        exchange = self._exchange
        if not exchange.has_started:
            self._start(delta)
        exchange.write(self._job.answer.events(delta))
        if exchange.is_full:
            self._generation.is_held = True

    def finish(self, deltas: list[Delta]) -> Outcome:
        """See `Delivery`."""
        self._rest = deltas
        return outcome_of(deltas[-1].finish_reason)

    def rest(self, ending: Ending) -> bytes:
        """See `Delivery`."""
        *deltas, last = self._rest
        answer = self._job.answer
        events = [answer.events(delta) for delta in deltas]
        return b"".join((*events, answer.last_events(last, ending)))

    def send(self, rest: bytes, usage: Usage) -> None:
        """See `Delivery`."""
        if not self._exchange.has_started:
            self._start(self._rest[0])
        self._exchange.end(rest)

    def _start(self, first: Delta) -> None:
        """Send the head; what is known of the prompt comes with the first delta."""
        is_emulated = first.prompt is not None and first.prompt.reasoning == "emulated"
        headers = self._job.all_headers(is_emulated=is_emulated)
        self._exchange.on_room = self._generation.release
        self._exchange.start(200, [EVENT_STREAM, NO_CACHE, *headers])


_OUTCOMES: dict[str | None, Outcome] = {
    **{outcome.value: outcome for outcome in Outcome},
    None: Outcome.STOP,
    "tool_calls": Outcome.STOP,
}


def outcome_of(reason: str | None) -> Outcome:
    """How an answer ended, for the ledger: calls end it as a stop does."""
    return _OUTCOMES[reason]


def count_headers(exchange: Exchange, generation: Generation, usage: Usage) -> Headers:
    """What a request used and how long it took; only a whole answer knows both at its head."""
    now_s = perf_counter()
    first_s = generation.first_delta_s or now_s
    started_s = exchange.started_s
    return [
        (b"fireworks-prompt-tokens", b"%d" % usage.prompt_tokens),
        (b"fireworks-cached-prompt-tokens", b"%d" % usage.cached_tokens),
        (b"fireworks-server-time-to-first-token", b"%.6f" % (first_s - started_s)),
        (b"fireworks-server-processing-time", b"%.6f" % (now_s - started_s)),
    ]
