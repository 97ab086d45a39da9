"""What deployments did, kept for a day, for `:metrics` in any process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from hearth.deployments import store
from hearth.kit.db import Connection

EVERY_S = 2.0
KEPT_S = 86_400.0
SECOND_NS = 1_000_000_000


class Samples:
    """Decides what is worth keeping: a deployment that stands still costs nothing."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._kept: dict[str, store.Values] = {}
        self._looked_ns = 0

    def due(self, values_of: Callable[[], Mapping[str, store.Values]]) -> dict[str, store.Values]:
        """The values that are news, every few seconds; no one looks for them in between."""
        now_ns = self._now_ns()
        if now_ns - self._looked_ns < EVERY_S * SECOND_NS:
            return {}
        self._looked_ns = now_ns
        return {name: each for name, each in values_of().items() if each != self._kept.get(name)}

    async def record(self, conn: Connection, due: dict[str, store.Values]) -> None:
        """Keep them, and forget what is old."""
        now_ns = self._now_ns()
        for name, values in due.items():
            await store.add_sample(conn, name, now_ns, values)
        await store.forget_samples(conn, now_ns - int(KEPT_S) * SECOND_NS)
        self._kept |= due
