"""How a gateway asks for replicas of a pool that has none."""

from __future__ import annotations

from hearth.deployments import store
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.kit.versions import bump


async def request_pool(db: Database, pool: str, clock: Clock = utc_now) -> None:
    """Ask the controller, wherever it runs, to serve a model or to wake a deployment."""
    async with db.write() as conn:
        await store.request_pool(conn, pool, clock())
        await bump(conn, store.MODEL_REQUESTS)
