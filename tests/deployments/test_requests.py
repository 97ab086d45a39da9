"""Gateways ask for models through the database, all at once if it comes to that."""

from __future__ import annotations

import asyncio

from hearth.deployments import request_pool
from hearth.deployments.store import forget_requests, requested_pools
from hearth.kit.db import Database


async def test_gateways_may_ask_for_the_same_model_at_the_same_moment(db: Database) -> None:
    await asyncio.gather(*(request_pool(db, "accounts/a/models/m") for _ in range(16)))

    async with db.read() as conn:
        assert [*await requested_pools(conn)] == ["accounts/a/models/m"]


async def test_a_model_that_is_asked_for_again_is_not_forgotten_with_the_first_time(
    db: Database,
) -> None:
    await request_pool(db, "accounts/a/models/m")
    async with db.read() as conn:
        first = await requested_pools(conn)
    await request_pool(db, "accounts/a/models/m")

    async with db.write() as conn:
        await forget_requests(conn, first)

    async with db.read() as conn:
        second = await requested_pools(conn)
    assert second.keys() == first.keys()

    async with db.write() as conn:
        await forget_requests(conn, second)
    async with db.read() as conn:
        assert await requested_pools(conn) == {}
