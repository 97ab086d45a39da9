"""How the answer to an embeddings or rerank call reaches its client: in one piece."""

from __future__ import annotations

from hearth.engines.protocol import Delta, Usage, Vectors
from hearth.gateway.answers import Ending
from hearth.gateway.deliveries import count_headers
from hearth.gateway.error_shapes import Headers
from hearth.gateway.generation import Generation
from hearth.gateway.http import JSON, Exchange
from hearth.gateway.job import VectorJob, list_header
from hearth.metering import Outcome


class InVectors:
    """A `Delivery` that waits for the vectors of every part."""

    __slots__ = ("_exchange", "_generation", "_job", "_vectors")

    def __init__(self, exchange: Exchange, job: VectorJob, generation: Generation) -> None:
        self._exchange = exchange
        self._job = job
        self._generation = generation
        self._vectors: dict[int, Vectors] = {}  # by part, which comes as the delta's choice

    def take(self, delta: Delta) -> None:
        """See `Delivery`."""
        if delta.more is not None and delta.more.vectors is not None:
            self._vectors[delta.choice] = delta.more.vectors

    def finish(self, deltas: list[Delta]) -> Outcome:
        """See `Delivery`."""
        for delta in deltas:
            self.take(delta)
        return Outcome.STOP

    def rest(self, ending: Ending) -> bytes:
        """See `Delivery`."""
        return self._job.body(self._in_order(), self._generation.usage(), ending.perf_metrics)

    def send(self, rest: bytes, usage: Usage) -> None:
        """See `Delivery`."""
        counts = count_headers(self._exchange, self._generation, usage)
        headers = [JSON, *self._job.all_headers(), *self._truncated(), *counts]
        self._exchange.respond(200, rest, headers)

    def _in_order(self) -> list[Vectors]:
        return [self._vectors[part] for part in range(len(self._job.parts))]

    def _truncated(self) -> Headers:
        """Names the inputs that were longer than the model reads."""
        places = [
            str((request.first or 0) + index)
            for request, part in zip(self._job.parts, self._in_order(), strict=True)
            for index in part.truncated
        ]
        return [list_header(b"x-hearth-truncated-inputs", places)] if places else []
