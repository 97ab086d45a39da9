"""Brings the time for which replicas hold accelerators into the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from hearth.deployments.gpu_seconds import QuoteOf, Span, due, event_of, last
from hearth.deployments.replicas import Replicas
from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import post

log = logging.getLogger(__name__)


class Accounting:
    """Bills replicas while they run and when they have ended.

    Args:
        db: with the ledger.
        replicas: of this controller.
        quote_of: prices.
        now_ns: the clock of the ledger.
    """

    def __init__(
        self,
        db: Database,
        replicas: Replicas,
        quote_of: QuoteOf,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._db = db
        self._replicas = replicas
        self._quote_of = quote_of
        self._now_ns = now_ns
        self._unposted: list[Span] = []
        self._settled: set[str] = set()

    async def post(self) -> None:
        """Post what is due; what cannot be posted now keeps its spans and is tried again."""
        now_ns = self._now_ns()
        waiting = {span.replica.id for span in self._unposted}
        running = [each for each in self._replicas.all() if each.id not in waiting]
        ended = [e for e in self._replicas.ended.values() if e.replica.id not in waiting]
        spans = [due(each, now_ns) for each in running]
        spans += [last(each.replica, each.end_ns) for each in ended]
        self._unposted += [span for span in spans if span is not None]
        if self._unposted:
            try:
                await post(self._db, [event_of(span, self._quote_of) for span in self._unposted])
            except (Unavailable, OSError) as error:
                log.warning("Accelerators are billed later: %s", error)
                return
        for span in self._unposted:
            self._replicas.billed(span.replica.id, span.end_ns)
        self._unposted = []
        self._settled |= {each.replica.id for each in ended}

    def settled(self) -> set[str]:
        """Ids of replicas that have ended and are billed to the end: their records may go."""
        return set(self._settled)

    def forget(self, replica_ids: set[str]) -> None:
        """Their records are gone."""
        self._settled -= replica_ids
        for replica_id in replica_ids:
            self._replicas.ended.pop(replica_id, None)
