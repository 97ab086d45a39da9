"""Routers as a gateway knows them: whose they are, who may call them, what is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest

from hearth.deployments import ROUTER_KIND
from hearth.errors import ModelNotFound, Unavailable
from hearth.gateway.balancing import WAKE_EVERY_S, Balancer, Turn
from hearth.kit.db import Database
from hearth.resources import Creation, FreeRules, Resources

A, B = "accounts/acme/deployments/a", "accounts/acme/deployments/b"
ROUTER = "accounts/acme/routers/r"


class Place:
    """A gateway in which these deployments are ready, and its clock."""

    def __init__(self, db: Database, loads: Mapping[str, int]) -> None:
        self.db = db
        self.now_s = 0.0
        self.asked: list[str] = []
        self.is_away = False
        self.balancer = Balancer(
            db, loads.get, self._request_pool, random=Random(7), now_s=lambda: self.now_s
        )

    async def _request_pool(self, pool: str) -> None:
        if self.is_away:
            raise Unavailable("The database is away.")
        self.asked.append(pool)

    async def add(self, router_id: str = "r", **body: object) -> None:
        """Make a router of acme's."""
        resources = Resources(self.db, ROUTER_KIND, FreeRules())
        new = Creation(parent="accounts/acme", id=router_id, body={"deployments": [A, B]} | body)
        await resources.create(new)
        await self.balancer.refresh()

    def turns(self, count: int = 50) -> list[Turn]:
        """Where so many requests go."""
        router = self.balancer.find(ROUTER, "acme")
        assert router is not None
        return [self.balancer.turn(router, None) for _ in range(count)]


async def test_a_name_that_is_no_routers_is_left_to_others(db: Database) -> None:
    place = Place(db, {})

    for name in ("llama", A, "accounts/acme/models/routers", "fireworks/llama"):
        assert place.balancer.find(name, "acme") is None


async def test_an_alias_is_its_own_accounts_word(db: Database) -> None:
    place = Place(db, {A: 0})
    await place.add(aliases=["llama"])

    mine = place.balancer.find("llama", "acme")

    assert mine is not None
    assert place.balancer.turn(mine, None).deployment == A
    assert place.balancer.find("llama", "other") is None


async def test_only_a_public_router_is_for_other_accounts(db: Database) -> None:
    place = Place(db, {A: 0})
    await place.add()
    await place.add("open", public=True)

    with pytest.raises(ModelNotFound):
        place.balancer.find(ROUTER, "other")
    opened = place.balancer.find("accounts/acme/routers/open", "other")

    assert opened is not None
    assert opened.account_id == "acme"


async def test_a_router_that_is_gone_is_unknown(db: Database) -> None:
    place = Place(db, {A: 0})
    await place.add()
    await Resources(db, ROUTER_KIND, FreeRules()).delete(ROUTER)
    await place.balancer.refresh()

    with pytest.raises(ModelNotFound):
        place.balancer.find(ROUTER, "acme")


async def test_the_least_busy_gets_what_comes_next(db: Database) -> None:
    loads = {A: 3, B: 1}
    place = Place(db, loads)
    await place.add(evenLoad={})

    assert {each.deployment for each in place.turns()} == {B}
    loads[B] = 4
    assert {each.deployment for each in place.turns()} == {A}


async def test_what_misses_its_turn_is_asked_for_now_and_then(db: Database) -> None:
    place = Place(db, {B: 0})
    await place.add()

    assert {(each.deployment, each.left_out) for each in place.turns()} == {(B, (A,))}
    await asyncio.sleep(0)
    assert place.asked == [A]

    place.now_s += WAKE_EVERY_S
    place.turns()
    await place.balancer.close()
    assert place.asked == [A, A]


async def test_with_nothing_ready_the_request_itself_asks(db: Database) -> None:
    place = Place(db, {})
    await place.add(weightedRandom={"weights": {A: 1, B: 0}})

    assert {each.deployment for each in place.turns()} == {A}
    await place.balancer.close()
    assert place.asked == []


async def test_a_database_that_is_away_harms_no_request(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(db, {B: 0})
    await place.add()
    place.is_away = True

    place.turns()
    await place.balancer.close()

    assert "is not asked for" in caplog.text
