"""What becomes of deployments as time passes, in virtual time: scaled, stopped, ended, waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hearth import catalog
from hearth.accounts import AccountService
from hearth.deployments import (
    Dedicated,
    Deployment,
    DeploymentRules,
    DeploymentService,
    FakeExecutor,
    Ground,
    Places,
    Replicas,
)
from hearth.deployments.placement import (
    AcceleratorType,
    Inventory,
    MultiRegion,
    Region,
    Stock,
)
from hearth.deployments.placement.accelerators import memory_bytes
from hearth.deployments.serving import EngineWish
from hearth.engines.protocol import WorkerSpec
from hearth.errors import InvalidRequest
from hearth.kit.db import Database
from hearth.pricing import PriceBooks
from hearth.resources import BY_OPERATOR, Creation

NAME = "accounts/acme/deployments/d1"
H100 = AcceleratorType.NVIDIA_H100_80GB
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def inventory(num_h100: int) -> Inventory:
    """One region with so many."""
    stock = Stock(
        accelerator=H100, count=num_h100, memory_bytes=memory_bytes(H100), is_emulated=True
    )
    region = Region(
        name="us-west-2",
        contract_region="US_WASHINGTON_1",
        multi_region=MultiRegion.US,
        cloud="aws",
        place="Oregon",
        timezone="America/Los_Angeles",
        certifications=frozenset(),
        stocks=(stock,),
    )
    return Inventory(regions=(region,))


def make_spec(model: str, wish: EngineWish) -> WorkerSpec:
    """A worker of the fake engine."""
    return WorkerSpec(
        replica_id="",
        address="",
        engine="fake",
        model=model,
        slots=int(wish.options.get("slots", 4)),
    )


class World:
    """A controller without processes, and a clock that is set by hand."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db = db
        self.now = BEGIN
        self.executor = FakeExecutor()
        self.stopped = ""
        self.capacity = inventory(4)
        holdings = catalog.Holdings(catalog.ModelStore(home), catalog.Remotes(home))
        models = catalog.ServedCatalog(catalog.Catalog.load(), holdings, catalog.decide_fake)
        places = Places(lambda: self.capacity, PriceBooks(db).at)
        ground = Ground(models=models, places=places, make_spec=make_spec)
        rules = DeploymentRules(ground, clock=self.clock, now_s=self.now_s)
        self.service = DeploymentService(db, rules, clock=self.clock, now_s=self.now_s)
        self.replicas = Replicas(self.executor, lambda: None, drain_timeout_s=1.0, notice_s=0)
        self.dedicated = Dedicated(
            ground, self.replicas, self.may_spend, clock=self.clock, now_s=self.now_s
        )

    def clock(self) -> datetime:
        """The present moment."""
        return self.now

    def now_s(self) -> float:
        """The same, in Unix seconds."""
        return self.now.timestamp()

    async def may_spend(self, account_id: str) -> str:
        """Why acme may spend nothing."""
        return self.stopped

    async def create(self, **fields: object) -> Deployment:
        """Make `d1` on one H100."""
        body = {"baseModel": "llama-v3p1-8b-instruct", "acceleratorType": "h100"} | fields
        return await self.service.resources.create(
            Creation(parent="accounts/acme", id="d1", body=body)
        )

    async def turn(self, *, after_s: float = 0.0) -> Deployment:
        """Let time pass and the controller look until nothing moves; return `d1`."""
        self.now += timedelta(seconds=after_s)
        for _ in range(6):
            self.now += timedelta(seconds=1)
            async with self.db.read() as conn:
                await self.dedicated.read(conn)
            await self.dedicated.converge()
            await _settle(self.replicas)
            news = self.dedicated.news()
            over = self.dedicated.over()
            async with self.db.write() as conn:
                await self.dedicated.record(conn, news)
                if over:
                    await self.dedicated.end_lives(conn)
            self.replicas.recorded(self.replicas.all())
        return await self.service.resources.get(NAME)


async def _settle(replicas: Replicas) -> None:
    """Give the executor's reports and the drains their turn."""
    for _ in range(20):
        await asyncio.sleep(0)
        replicas.recorded(replicas.all())


@pytest.fixture
async def world(db: Database, tmp_path: Path) -> AsyncIterator[World]:
    await AccountService(db).create_account("acme")
    world = World(db, tmp_path)
    yield world
    await world.replicas.stop_all(0)
    await world.dedicated.close()


@pytest.fixture
def dialect() -> str:
    return "sqlite"  # what is tried here is no SQL


async def test_a_new_deployment_starts_one_replica_and_an_idle_one_ends_it(world: World) -> None:
    await world.create()

    assert (await world.turn()).replica_stats.ready_replica_count == 1
    idle = await world.turn(after_s=3600)

    assert (idle.state, idle.replica_count, idle.desired_replica_count) == ("READY", 0, 0)
    assert "No replica until a request comes." in idle.status.message


async def test_a_request_wakes_what_sleeps(world: World) -> None:
    await world.create()
    await world.turn()
    await world.turn(after_s=3600)

    world.dedicated.asked(NAME, world.now_s())
    awake = await world.turn()

    assert awake.replica_stats.ready_replica_count == 1


async def test_a_count_set_by_hand_holds_at_once_and_is_not_set_again_later(world: World) -> None:
    await world.create(maxReplicaCount=3)
    await world.turn()

    await world.service.scale(NAME, 3, BY_OPERATOR)
    assert (await world.turn()).replica_stats.ready_replica_count == 3
    await world.turn(after_s=7200)
    again = Dedicated(  # a controller that was started anew
        world.dedicated._ground, world.replicas, world.may_spend,
        clock=world.clock, now_s=world.now_s,
    )  # fmt: skip
    await world.dedicated.close()
    world.dedicated = again

    assert (await world.turn()).desired_replica_count == 0


async def test_more_replicas_than_there_is_room_for_wait_and_say_so(world: World) -> None:
    world.capacity = inventory(1)
    await world.create(minReplicaCount=2, maxReplicaCount=2)

    waiting = await world.turn()

    assert (waiting.replica_stats.ready_replica_count, waiting.status.code) == (
        1,
        "RESOURCE_EXHAUSTED",
    )
    assert "1 of 2 replicas ready." in waiting.status.message
    assert waiting.replica_stats.pending_scheduling_replica_count == 1


async def test_an_update_without_room_beside_the_old_replica_leaves_it_serving(
    world: World,
) -> None:
    world.capacity = inventory(1)
    await world.create()
    await world.turn()
    (before,) = world.replicas.of(NAME)

    await world.service.resources.update(NAME, {"engineOptions": {"slots": 2}})
    waiting = await world.turn()

    assert [each.id for each in world.replicas.of(NAME)] == [before.id]
    assert waiting.state == "UPDATING"
    assert waiting.status.code == "RESOURCE_EXHAUSTED"


async def test_an_account_that_may_spend_no_more_holds_nothing_and_gets_it_back(
    world: World,
) -> None:
    await world.create(minReplicaCount=2, maxReplicaCount=2)
    await world.turn()

    world.stopped = "The account acme is over its limit."
    stopped = await world.turn(after_s=11)
    world.stopped = ""
    back = await world.turn(after_s=11)

    assert stopped.replica_count == 0
    assert "over its limit" in stopped.status.message
    assert back.replica_stats.ready_replica_count == 2


async def test_a_deployment_whose_time_is_over_is_deleted_and_purged_a_week_later(
    world: World,
) -> None:
    end = (BEGIN + timedelta(hours=1)).isoformat()
    await world.create(minReplicaCount=1, expireTime=end)
    await world.turn()

    over = await world.turn(after_s=3601)
    assert (over.state, over.replica_count) == ("DELETED", 0)
    assert over.delete_time is not None
    with pytest.raises(Exception, match="There is no deployment"):
        await world.turn(after_s=8 * 86_400)


async def test_what_nobody_asks_for_a_week_is_deleted(world: World) -> None:
    await world.create()
    await world.turn()
    await world.turn(after_s=3600)

    kept = await world.turn(after_s=5 * 86_400)
    gone = await world.turn(after_s=2 * 86_400)

    assert kept.delete_time is None
    assert gone.delete_time is not None


async def test_a_replica_that_cannot_start_fails_the_deployment_until_it_can(
    world: World,
) -> None:
    world.executor._is_automatic = False
    await world.create()
    await world.turn()
    (replica,) = world.replicas.of(NAME)

    world.executor.fail(replica.id, "its weights are torn")
    failed = await world.turn()
    world.executor.ready(replica.id)
    ready = await world.turn()

    assert (failed.state, ready.state) == ("FAILED", "READY")
    assert "its weights are torn" in failed.status.message


async def test_a_change_to_what_the_model_cannot_do_is_refused_and_changes_nothing(world: World) -> None:
    await world.create()
    await world.turn()

    with pytest.raises(InvalidRequest, match="ask for no more"):
        await world.service.resources.update(
            NAME, {"baseModel": "llama-v3p1-8b-instruct", "maxContextLength": 100_000_000}
        )

    assert (await world.turn()).max_context_length == 0
