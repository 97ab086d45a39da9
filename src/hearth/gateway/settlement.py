"""The two journal records of one request: admitted, and settled exactly once."""

from __future__ import annotations

import time

from hearth.gateway.generation import Generation
from hearth.gateway.http import Exchange
from hearth.gateway.job import Job
from hearth.gateway.metrics import Metrics
from hearth.metering import Begin, Journal, Outcome, Settle


class Settlement:
    """Records that a request began, and then, whoever comes first, how it ended."""

    __slots__ = ("_exchange", "_job", "_journal", "_metrics", "is_settled")

    def __init__(self, journal: Journal, metrics: Metrics, *, exchange: Exchange, job: Job) -> None:
        self._journal = journal
        self._metrics = metrics
        self._exchange = exchange
        self._job = job
        self.is_settled = False

    def begin(self) -> None:
        """Record that the request is admitted.

        Raises:
            Unavailable: the journal cannot be written, so nothing may be generated.
        """
        caller, route = self._exchange.caller, self._job.route
        self._journal.begin(
            Begin(
                request_id=self._exchange.request_id,
                time_ns=time.time_ns(),
                account_id=caller.account_id,
                user_id=caller.user_id,
                key_id=caller.key_id,
                model=route.model,
                served_by=route.served_by,
                route=self._exchange.path,
                max_tokens=self._job.max_tokens,
            )
        )

    def settle(self, generation: Generation, outcome: Outcome, *, status: int) -> None:
        """Record what was used; later calls do nothing.

        Raises:
            Unavailable: the journal cannot be written, so the answer must not end well.
        """
        if self.is_settled:
            return
        self.is_settled = True
        usage = generation.usage()
        self._journal.settle(
            Settle(
                request_id=self._exchange.request_id,
                time_ns=time.time_ns(),
                outcome=outcome,
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
                http_status=status,
                replica_id=generation.replica_id,
            )
        )
        self._metrics.count(self._job.route.model, usage, generation)
